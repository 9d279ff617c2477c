// What the examples in docstrings take for granted, and how what they say is compared with what is.
// extract.py makes each example a member of one of the structures here.
#pragma once

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <type_traits>

#include <rill/kernel/builder.h>
#include <rill/kernel/math.h>
#include <rill/kernel/philox.h>
#include <rill/rill.h>
#include <rill/tensor/atomic_file.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/timeline.h>

using namespace rill;

// ---- Comparing --------------------------------------------------------------------------------

inline int& faults() {
  static int count = 0;
  return count;
}

/// A text without what makes `[3, 5]` differ from `[3. 5.]`.
inline std::string plain(std::string text) {
  text = std::regex_replace(text, std::regex("[\\s,]+"), " ");
  text = std::regex_replace(text, std::regex("(\\d)\\.0?(?!\\d)"), "$1");
  text = std::regex_replace(text, std::regex("\\[ "), "[");
  return std::regex_replace(text, std::regex(" \\]"), "]");
}

template <class T>
std::string printed(const T& value, bool type) {
  if constexpr (std::is_convertible_v<T, Tensor>) {
    const Tensor tensor(value);
    return type ? tensor.type_text() : text(tensor);
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_convertible_v<T, std::string>) {
    return std::regex_replace('"' + std::string(value) + '"', std::regex("\n"), "\\n");
  } else {
    return Printed(value).text();
  }
}

/// Compares an expression's value with the text beside it.
template <class T>
void expect(const char* place, const T& value, const std::string& wanted) {
  const bool type = std::regex_match(wanted, std::regex("[a-z]+\\d+\\[.*\\]"));
  const std::string got = printed(value, type);
  if (type ? got == wanted : plain(got) == plain(wanted)) return;
  ++faults();
  std::printf("%s says %s, and it is %s\n", place, wanted.c_str(), got.c_str());
}
/// An example that says nothing about its value: that it can be computed is enough.
template <class T>
void expect(const char*, const T&) {}

template <class Example>
void run(const char* place) try {
  Example().run();
} catch (const std::exception& error) {
  ++faults();
  std::printf("%s throws: %s\n", place, error.what());
}

/// A folder in which examples read and write, gone at the end.
class Place {
 public:
  Place() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "rill-examples-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
    std::filesystem::current_path(path_);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    std::filesystem::current_path("/");
    std::filesystem::remove_all(path_);
  }

 private:
  std::filesystem::path path_;
};

// ---- What is given ----------------------------------------------------------------------------

namespace given {

struct common {
  Tensor x = arange(1.0F, 7.0F).reshape({2, 3});
  Tensor y = x * 2;
  Variable w{ones({3, 2}), "w"};
  Tensor loss = tensor(1.5);
  int step = 1;
};

struct tensor_npy : common {
  tensor_npy() { save_npy("x.npy", x); }
};
struct tensor_npz : common {
  tensor_npz() { save_npz("data.npz", {{"x", x}}); }
};
struct tensor_safetensors : common {
  tensor_safetensors() { save_safetensors("model.safetensors", {{"dense/kernel", x}}); }
};
struct tensor_idx {
  tensor_idx() {
    std::ofstream("train-images-idx3-ubyte.gz") << std::string("\0\0\x08\x01\0\0\0\x01*", 9);
  }
};
struct tensor_atomic_file {
  const char* data = "some bytes";
  std::size_t bytes = 10;
};

struct kernel_builder {
  kernel::Builder b;
  using Value = kernel::Value;
  Value x = b.constant(float32, 2);
};
struct kernel_philox : kernel_builder {
  Value seed = b.constant(uint64, 1), draw = b.constant(uint64, 2);
  kernel::Id i = b.axis(b.size());
};

struct ops_softmax {
  Tensor logits = ones({2, 3});
  Tensor labels = tensor({0, 2});
};
struct ops_normalization {
  Tensor x = ones({4, 3}), gamma = ones({3}), beta = zeros({3});
};
struct ops_recurrent {
  Tensor x = ones({5, 2, 3}), w = ones({3, 16}), u = ones({4, 16}), b = zeros({16});
};

struct autograd_variable : common {
  Tensor x = ones({2, 3}), dw = ones({3, 2});
};
struct autograd_tape : common {
  Variable b{zeros({2}), "b"};
  GradientTape tape;
  Tensor loss = mean(square(matmul(x, w) + b));
};
struct trace_graph : common {
  trace_graph() {
    const auto f = trace([](const Tensor& t) { return relu(t); });
    (void)f(x);
    f.save("f.json");
  }
};
struct optim_optimizer {
  Tensor x = ones({4, 3}), y = ones({4, 2});
  Variable w{zeros({3, 2}), "w"};
  Tensor model(const Tensor& t) const { return matmul(t, w); }
};

}  // namespace given
