// Texts of graphs with faults of all kinds: they are refused, or are graphs that run or are refused
// when they do. Nothing else happens.
#include <rill/cpu/allocator.h>
#include <rill/rill.h>
#include <rill/tensor/allocator.h>
#include <rill/trace/json.h>
#include <rill/trace/prepared.h>

#include <cctype>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/trace/random_graph.h"

namespace rill {
namespace {

struct Saved {
  std::string text;
  std::map<std::string, Tensor> weights;
};

Saved saved(const Graph& graph) {
  Saved made;
  made.text = graph.text("w.safetensors", &made.weights);
  return made;
}

/// Graphs that use all of the format.
std::vector<Saved> examples() {
  std::vector<Saved> list;
  const Variable w(ones({3, 2}), "w");
  const auto any_size = trace(
      [&](const Tensor& x, const Tensor& y) {
        const NameScope scope("scope");
        w.assign_sub(full({3, 2}, 0.25));
        check(y >= 0, "y is not negative");
        const Tensor z = concat({matmul(x, w), y / x.dim(0)}, 0) + tensor({0.5, -0.5});
        return std::vector<Tensor>{softmax(z), z(slice({}, {}, -1)).to(float16), rng::normal({2})};
      },
      {.inputs = {spec({unknown, 3}, float32, "x"), spec({Dim("n"), 2}, float32, "y")}});
  any_size(ones({2, 3}), ones({4, 2}));
  list.push_back(saved(any_size.graph()));
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const RandomGraph program = random_graph(seed);
    const std::vector<Variable> state = random_state(seed);
    const auto f = trace<std::vector<Tensor>(const std::vector<Tensor>&)>(
        [&](const std::vector<Tensor>& x) { return program.run(x, state); });
    (void)f(random_inputs(seed));
    list.push_back(saved(f.graph()));
  }
  return list;
}

class Damage {
 public:
  explicit Damage(std::uint64_t seed) : random_(seed) {}

  std::string operator()(std::string text) {
    for (std::size_t count = below(2) + 1; count > 0; --count) {
      switch (below(20)) {
        case 0:
          text[below(text.size())] = static_cast<char>(below(256));
          break;
        case 1:
          text.erase(below(text.size()), below(40) + 1);
          break;
        case 2:
          text.insert(below(text.size()), text.substr(below(text.size()), below(200)));
          break;
        case 3:
          text.resize(below(text.size()) + 1);
          break;
        default:
          replace_token(text);
      }
      if (text.empty()) text = "{";
    }
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  /// A string or number of a text, from a random place on.
  std::pair<std::size_t, std::size_t> token(const std::string& text) {
    std::size_t first = below(text.size());
    const auto starts = [&](char c) {
      return c == '"' || c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0;
    };
    while (first < text.size() && !starts(text[first])) ++first;
    if (first == text.size()) return {0, 1};
    std::size_t last = first + 1;
    if (text[first] == '"') {
      while (last < text.size() && text[last] != '"') ++last;
      ++last;
    } else {
      while (last < text.size() && std::isdigit(static_cast<unsigned char>(text[last])) != 0)
        ++last;
    }
    return {first, last - first};
  }
  void replace_token(std::string& text) {
    static const std::vector<std::string> extremes = {"-1",
                                                      "0",
                                                      "8",
                                                      "9223372036854775807",
                                                      "-9223372036854775808",
                                                      "18446744073709551615",
                                                      "72057594037927936",
                                                      "1e308",
                                                      "0.5",
                                                      "null",
                                                      "true",
                                                      "[]",
                                                      "{}",
                                                      "\"\"",
                                                      "\"?1\"",
                                                      "\"n*n*n*n\"",
                                                      "\"(n+1)*(n+2)*(n+3)\"",
                                                      "\"max(n,3)-5\"",
                                                      "\"n/0\"",
                                                      "\"float16\"",
                                                      "\"x\"",
                                                      "\"x:9\"",
                                                      "[[[[]]]]"};
    const auto [at, size] = token(text);
    std::string by = extremes[below(extremes.size())];
    if (below(2) == 0) {
      const auto [from, length] = token(text);
      by = text.substr(from, length);
    }
    text.replace(at, size, by);
  }

  std::mt19937_64 random_;
};

/// A tensor for each input of known and small size, and 2 for sizes that are not known.
std::vector<Tensor> arguments(const Function& function) {
  std::vector<Tensor> made;
  for (const int input : function.inputs) {
    const Spec& spec = function.nodes[static_cast<std::size_t>(input)].results[0];
    Shape shape;
    for (const Dim size : spec.shape) shape.push_back(size.known() ? size : Dim(2));
    if (shape.size().value() > 10'000) return {};
    made.push_back(ones(shape, spec.dtype));
  }
  return made;
}

TEST_CASE("a damaged graph is refused, or runs, and nothing else") {
  const std::vector<Saved> graphs = examples();
  const std::size_t limit = cpu::memory_limit();
  set_memory_limit(std::size_t{1} << 28U);
  int refused = 0;
  int loaded = 0;
  int run = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const Saved& whole = graphs[seed % graphs.size()];
    const std::string text = Damage(seed)(whole.text);
    INFO("seed " << seed << ":\n" << text);
    std::vector<std::shared_ptr<const Function>> functions;
    try {
      functions = JsonGraph(text, "g").functions(whole.weights);
      ++loaded;
    } catch (const FormatError& error) {
      REQUIRE(std::string(error.what()).starts_with("g"));
      ++refused;
    } catch (const std::exception& error) {
      FAIL(error.what());
    }
    for (const auto& function : functions) {
      try {
        const std::vector<Tensor> given = arguments(*function);
        (void)Graph({std::make_shared<Prepared>(function)}).call(given);
        ++run;
      } catch (const Error&) {  // another size, a check, memory
      } catch (const std::exception& error) {
        FAIL(error.what());
      }
    }
  }
  set_memory_limit(limit);
  CHECK(refused > 2000);
  CHECK(loaded > 40);
  CHECK(run > 30);
}

}  // namespace
}  // namespace rill
