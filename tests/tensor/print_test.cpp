#include <rill/fmt.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/print.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.h"

using namespace rill;

namespace {

/// One array that NumPy printed, as tests/python/make_golden.py writes it.
struct Case {
  std::string name;
  DType dtype = float32;
  Shape shape;
  PrintOptions options;
  std::string data;
  std::string text;
};

std::string rest_of(const std::string& line, const std::string& key) {
  REQUIRE(line.substr(0, key.size()) == key);
  return line.size() > key.size() ? line.substr(key.size() + 1) : "";
}

std::vector<Case> cases() {
  std::ifstream file(RILL_SOURCE_DIR "/tests/data/numpy_print.txt");
  REQUIRE(file);
  std::vector<Case> all;
  std::string line;
  std::getline(file, line);  // the comment
  while (std::getline(file, line)) {
    Case one;
    one.name = rest_of(line, "case");
    std::getline(file, line);
    one.dtype = dtype_named(rest_of(line, "dtype"));
    std::getline(file, line);
    std::istringstream sizes(rest_of(line, "shape"));
    for (std::int64_t size = 0; sizes >> size;) one.shape.push_back(size);
    std::getline(file, line);
    std::istringstream options(rest_of(line, "options"));
    for (std::string option; options >> option;) {
      const std::size_t equals = option.find('=');
      const std::string key = option.substr(0, equals);
      const int value = std::stoi(option.substr(equals + 1));
      if (key == "precision") one.options.precision = value;
      if (key == "threshold") one.options.threshold = value;
      if (key == "edge_items") one.options.edge_items = value;
      if (key == "line_width") one.options.line_width = value;
      if (key == "suppress") one.options.suppress = value != 0;
    }
    std::getline(file, line);
    one.data = rest_of(line, "data");
    std::getline(file, line);
    for (int lines = std::stoi(rest_of(line, "lines")); lines > 0; --lines) {
      std::getline(file, line);
      one.text += line + (lines > 1 ? "\n" : "");
    }
    all.push_back(std::move(one));
  }
  return all;
}

Tensor tensor_of(const Case& one) {
  std::vector<unsigned char> bytes;
  const auto count = static_cast<std::size_t>(one.shape.size().value());
  if (one.data == "arange") {
    visit(one.dtype, [&](auto zero) {
      using T = decltype(zero);
      for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t bits = Scalar(static_cast<std::int64_t>(i)).bits(dtype_of<T>);
        for (std::size_t b = 0; b < sizeof(T); ++b)
          bytes.push_back(static_cast<unsigned char>(bits >> (8 * b)));
      }
    });
  } else {
    for (std::size_t i = 0; i + 1 < one.data.size(); i += 2) {
      bytes.push_back(static_cast<unsigned char>(std::stoi(one.data.substr(i, 2), nullptr, 16)));
    }
  }
  REQUIRE(bytes.size() == count * size_of(one.dtype));
  return tensor_from(bytes.data(), static_cast<std::int64_t>(count), one.dtype, one.shape);
}

}  // namespace

TEST_CASE("tensors print as NumPy prints arrays") {
  const std::vector<Case> all = cases();
  CHECK(all.size() >= 60);
  for (const Case& one : all) {
    INFO(one.name);
    CHECK(text(tensor_of(one), one.options) == one.text);
  }
}

TEST_CASE("a view prints its own elements") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  const std::int64_t transposed[] = {1, 3};
  CHECK(text(x.view({3, 2}, transposed, 0)) == "[[1 4]\n [2 5]\n [3 6]]");
  const std::int64_t backwards[] = {-1};
  CHECK(text(x.view({6}, backwards, 5)) == "[6 5 4 3 2 1]");
  const std::int64_t stretched[] = {0, 1};
  CHECK(text(x.view({2, 2}, stretched, 1)) == "[[2 3]\n [2 3]]");
}

TEST_CASE("bfloat16 prints its own shortest digits") {
  CHECK(text(tensor({0.1, 1.0 / 3, 3.140625}, bfloat16)) == "[0.1   0.334 3.14 ]");
  CHECK(text(tensor(0.1, bfloat16)) == "0.1");
}

TEST_CASE("every float16 prints as digits that read back") {
  for (int bits = 0; bits < 0x7c00; ++bits) {
    const Half value = Half::from_bits(static_cast<std::uint16_t>(bits));
    REQUIRE(Half(std::stof(Printed(value).text())).bits() == bits);
  }
}

TEST_CASE("a tensor without values prints its dtype and shape") {
  CHECK(text(Tensor::abstract({Dim("batch"), 784}, float32)) == "float32[batch,784]");
  CHECK(text(Tensor()) == "undefined");
}

TEST_CASE("a tensor goes into a stream") {
  std::ostringstream out;
  out << tensor({1, 2}) << " " << Shape{2, 3} << " " << Dim(4);
  CHECK(out.str() == "[1 2] [2,3] 4");
}

TEST_CASE("print takes words, numbers, sizes and dtypes") {
  CHECK(Printed("words").text() == "words");
  CHECK(Printed(0.1F).text() == "0.1");
  CHECK(Printed(1.0).text() == "1.0");
  CHECK(Printed(7).text() == "7");
  CHECK(Printed(true).text() == "True");
  CHECK(Printed(Dim("batch") * 2).text() == "2*batch");
  CHECK(Printed(Shape{2, 3}).text() == "[2,3]");
  CHECK(Printed(float64).text() == "float64");
  CHECK(Printed(std::string("")).anything());
}

TEST_CASE("the options hold until they are set again") {
  set_print_options({.precision = 2});
  CHECK(text(tensor({1.0 / 3})) == "[0.33]");
  set_print_options({});
  CHECK(text(tensor({1.0 / 3})) == "[0.33333334]");
}

TEST_CASE("options that make no sense are refused") {
  CHECK_THROWS_AS(set_print_options({.precision = -1}), ValueError);
  CHECK_THROWS_AS(set_print_options({.precision = 101}), ValueError);
  CHECK_THROWS_AS(set_print_options({.edge_items = 0}), ValueError);
  CHECK_THROWS_AS(set_print_options({.line_width = 0}), ValueError);
  CHECK_THROWS_AS(set_print_options({.threshold = -1}), ValueError);
  CHECK_THROWS_AS(text(tensor({1}), {.precision = 1000}), ValueError);
  CHECK(print_options().precision == 8);
}

TEST_CASE("listeners hear what is printed, and from which line") {
  struct Ears : Listener {
    int printed = 0;
    int read = 0;
    int line = 0;
    std::vector<std::string> words;
    void print(const PrintEvent& event) override {
      printed += static_cast<int>(event.tensors.size());
      words.assign(event.words.begin(), event.words.end());
      line = event.where.line;
    }
    void host_read(const HostReadEvent& event) override {
      if (event.kind == HostReadEvent::Kind::print) ++read;
    }
  } ears;
  const Tensor x = tensor({1, 2});
  const Listening listening(ears);
  const detail::Unprinted quiet;
  print("x is", x, "and", 3);
  CHECK(ears.line == __LINE__ - 1);
  CHECK(ears.words == std::vector<std::string>{"x is ", " and 3"});
  (void)text(x);
  CHECK(ears.printed == 1);
  CHECK(ears.read == 1);
}

TEST_CASE("{fmt} formats tensors, shapes, sizes and dtypes") {
  CHECK(fmt::format("{} {} {} {} {}", tensor({1, 2}), Shape{2}, Dim(3), float32, Device::cpu()) ==
        "[1 2] [2] 3 float32 cpu");
  CHECK(fmt::format("{:>6}|", Shape{2}) == "   [2]|");
}

TEST_CASE("a dtype is written to a stream by its name") {
  std::ostringstream out;
  out << tensor({1, 2}).dtype() << ' ' << bfloat16;
  CHECK(out.str() == "int64 bfloat16");
}

// What NumPy 2.4 prints of the same numbers.
TEST_CASE("numbers with more digits than their type keeps are printed with exponents") {
  const std::vector<float> large{4743330.0F, 19442650.0F};
  const std::vector<float> small{999999.0F, 500000.0F};
  const std::vector<double> doubles{4743330.0, 19442650.0};
  CHECK(text(tensor(large)) == "[4.743330e+06 1.944265e+07]");
  CHECK(text(tensor(small)) == "[999999. 500000.]");
  CHECK(text(tensor(doubles)) == "[ 4743330. 19442650.]");
}
