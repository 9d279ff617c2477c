// What errors from below the operators say: sizes, numbers and memory are checked in one place, and
// the text has the operation and the line of whoever called.
#include <rill/rill.h>
#include <rill/tensor/listener.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::thrown;

namespace {

constexpr std::int64_t large = std::int64_t{1} << 40;
constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

/// The text without the user's line, which must be one of this file.
template <class E, class F>
std::string rule_of(F&& f) {
  const std::string text = thrown<E>(std::forward<F>(f));
  const std::size_t end = text.find(", at error_text_test.cpp:");
  return end == std::string::npos ? "without the user's line: " + text : text.substr(0, end);
}

}  // namespace

TEST_CASE("a shape that no tensor can have is refused by operation and line") {
  const std::string too_many =
      "a tensor of shape [1099511627776,1099511627776] has too many elements: at most 2^56";
  CHECK(rule_of<ShapeError>([] { zeros({large, large}); }) == "zeros: " + too_many);
  CHECK(rule_of<ShapeError>([] { ones({large, large}); }) == "ones: " + too_many);
  CHECK(rule_of<ShapeError>([] { full({large, large}, 1); }) == "full: " + too_many);
  CHECK(rule_of<ShapeError>([] { eye(large); }) == "eye: " + too_many);
  CHECK(rule_of<ShapeError>([] { broadcast_to(tensor(1.0), {large, large}); }) ==
        "broadcast_to: " + too_many);
  CHECK(rule_of<ShapeError>([] {
          const Tensor a = broadcast_to(tensor(1.0), {large, 1});
          matmul(a, transpose(a));
        }) == "matmul: " + too_many);
  CHECK(rule_of<ShapeError>([] { rng::normal({large, large}); }) == "normal: " + too_many);
  CHECK(rule_of<ShapeError>([] { zeros({-1}); }) == "zeros: a size is negative: [-1]");
  CHECK(rule_of<ShapeError>([] { rng::uniform({-1, 2}); }) ==
        "uniform: a size is negative: [-1,2]");
  CHECK(rule_of<ShapeError>([] { rng::randint({-1}, 0, 5); }) ==
        "randint: a size is negative: [-1]");
  CHECK(zeros({large, 0, large, large}).size() == 0);
}

TEST_CASE("a size that overflows is refused by operation and line") {
  const Tensor x = tensor({{0, 1, 2}, {3, 4, 5}});
  const std::string outside = "a size is outside [-2^61, 2^61)";
  CHECK(rule_of<Error>([] { arange(largest); }) == "arange: " + outside);
  CHECK(rule_of<Error>([] { rng::permutation(largest); }) == "permutation: " + outside);
  CHECK(rule_of<Error>([&] { repeat(x, largest, 0); }) == "repeat: " + outside);
  CHECK(rule_of<Error>([&] { tile(x, {largest}); }) == "tile: " + outside);
  CHECK(rule_of<Error>([&] { pad(x, {{largest, largest}}); }) == "pad: " + outside);
}

TEST_CASE("a number that does not fit is refused by operation and line") {
  Tensor x = zeros({3}, uint8);
  const std::string rule = "the number 300 does not fit into uint8, which holds 0 to 255";
  CHECK(rule_of<ValueError>([&] { x + 300; }) == "add: " + rule);
  CHECK(rule_of<ValueError>([&] { x += 300; }) == "add: " + rule);
  CHECK(rule_of<ValueError>([&] { x.at(0) = 300; }) == "index: " + rule);
  CHECK(rule_of<ValueError>([] { tensor({300}, uint8); }) == "tensor: " + rule);
  CHECK(rule_of<ValueError>([] { full({2}, 300, uint8); }) == "full: " + rule);
  CHECK(rule_of<ValueError>([&] { full_like(x, 300); }) == "full_like: " + rule);
  CHECK(rule_of<ValueError>([&] { pad(x, {{1, 0}}, {.value = 300}); }) == "pad: " + rule);
  CHECK(rule_of<ValueError>([] { rng::randint({2}, 0, 301, {.dtype = uint8}); }) ==
        "randint: " + rule);
  const Variable v(x, {.trainable = false});
  CHECK(rule_of<ValueError>([&] { v.assign_add(300); }) == "assign_add: " + rule);
}

TEST_CASE("an undefined tensor is refused by operation and line") {
  const Tensor u;
  Tensor x = tensor({1.0, 2.0});
  const std::string rule = "the tensor is undefined (default-constructed or moved from)";
  CHECK(rule_of<ValueError>([&] { sum(u); }) == "sum: " + rule);
  CHECK(rule_of<ValueError>([&] { (void)u.to(int8); }) == "to: " + rule);
  CHECK(rule_of<ValueError>([&] { equal(u, x); }) == "equal: " + rule);
  CHECK(rule_of<ValueError>([&] { allclose(x, u); }) == "allclose: " + rule);
  CHECK(rule_of<ValueError>([&] { where(u, x, x); }) == "where: " + rule);
  CHECK(rule_of<ValueError>([&] { where(x, x, u); }) == "where: " + rule);
  CHECK(rule_of<ValueError>([&] { zeros_like(u); }) == "zeros_like: " + rule);
  CHECK(rule_of<ValueError>([&] { ones_like(u, int8); }) == "ones_like: " + rule);
  CHECK(rule_of<ValueError>([&] { x(u); }) == "index: " + rule);
  CHECK(rule_of<ValueError>([&] { x.at(0) = u; }) == "index: " + rule);
  CHECK(rule_of<ValueError>([&] { transpose(u); }) == "transpose: " + rule);
  const auto f = trace([](const Tensor& t) { return t + 1; });
  (void)f(x);
  CHECK(rule_of<ValueError>([&] { (void)f.graph().run({{"x", u}}, {"y"}); }) == "run: " + rule);
}

TEST_CASE("memory that is not there is refused by operation and line") {
  set_memory_limit(1U << 20U);
  const std::string text = rule_of<OutOfMemoryError>([] { zeros({1 << 22}); });
  set_memory_limit(0);
  INFO(text);
  CHECK(text.starts_with("zeros: out of memory: "));
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)  // end where there is no memory
TEST_CASE("elements of a stretched view that no memory holds are refused, not attempted") {
  const Tensor x = broadcast_to(tensor(1.5), {std::int64_t{1} << 50U});
  const std::string text =
      "to_vector: there is no memory for the elements of float32[1125899906842624]";
  CHECK(rule_of<OutOfMemoryError>([&] { (void)x.to_vector<float>(); }) == text);
  CHECK(rule_of<OutOfMemoryError>([&] { (void)x.to_vector<bool>(); }) == text);
  CHECK(rule_of<OutOfMemoryError>([&] { rill::text(x, {.threshold = x.size()}); }) ==
        "text: there is no memory for the text of float32[1125899906842624]");
}
#endif

TEST_CASE("a padding that no memory holds is refused, whatever fills it") {
  const Tensor x = tensor({1.0, 2.0});
  for (const PadMode mode : {PadMode::edge, PadMode::reflect}) {
    const PadOptions options{.mode = mode};
    CHECK(rule_of<OutOfMemoryError>([&] {
            pad(x, {{large << 10U, 0}}, options);
          }).starts_with("pad: out of memory: "));
    CHECK(rule_of<ShapeError>([&] { pad(x, {{0, large << 20U}}, options); }) ==
          "pad: a tensor of shape [1152921504606846978] has too many elements: at most 2^56");
    CHECK(rule_of<Error>([&] { pad(x, {{largest, largest}}, options); }) ==
          "pad: a size is outside [-2^61, 2^61)");
  }
}

TEST_CASE("probabilities that do not broadcast are refused at the user's line") {
  CHECK(rule_of<ShapeError>([] { rng::bernoulli({2}, tensor({0.0, 1.0, 0.5})); }) ==
        "bernoulli: the probabilities float32[3] do not broadcast to [2]");
}

TEST_CASE("a norm's epsilon that is negative, or NaN, is refused") {
  const Tensor x = ones({2, 3});
  const Tensor gamma = ones({3});
  CHECK(rule_of<ValueError>([&] { layer_norm(x, gamma, gamma, {.epsilon = -1e-5}); }) ==
        "layer_norm: epsilon is not negative, but it is -1e-05");
  CHECK(rule_of<ValueError>([&] {
          batch_norm(x, gamma, gamma, {.epsilon = std::numeric_limits<double>::quiet_NaN()});
        }) == "batch_norm: epsilon is not negative, but it is nan");
}

TEST_CASE("a graph's files are read and written at the user's line") {
  const Variable w(tensor({1.0, 2.0}), "w");
  const auto f = trace([&](const Tensor& x) { return x * w; });
  CHECK(rule_of<TraceError>([&] { f.save("/no/such/f.json"); }) ==
        "save: nothing has been recorded yet: call the traced function first");
  (void)f(tensor({1.0, 2.0}));
  CHECK(rule_of<FileError>([&] { f.save("/no/such/f.json"); }) ==
        "save: cannot write '/no/such/f.json': No such file or directory");
  CHECK(rule_of<FileError>([] { Graph::load("/no/such/f.json"); }) ==
        "load: cannot open '/no/such/f.json': No such file or directory");
}

TEST_CASE("a graph whose weights are missing, or that lacks a name, says so at the user's line") {
  const test::TemporaryFolder folder;
  const Variable w(tensor({1.0, 2.0}), "w");
  const auto f = trace([&](const Tensor& x) { return x * w; });
  (void)f(tensor({1.0, 2.0}));
  f.save(folder / "f.json");
  const Graph graph = Graph::load(folder / "f.json");
  CHECK(rule_of<TraceError>([&] { (void)graph.run({{"x", ones({2})}}, {"z"}); }) ==
        "run: there is no value named 'z' in (float32[2] x) -> (float32[2] result)");
  CHECK(rule_of<TraceError>([&] { (void)graph.run({}, {"result"}); }) ==
        "run: the input 'x' is needed and not fed");
  std::filesystem::remove(folder / "f.safetensors");
  CHECK(rule_of<FileError>([&] { Graph::load(folder / "f.json"); }) ==
        "load: cannot open '" + (folder / "f.safetensors") + "': No such file or directory");
}

TEST_CASE("what is wrong in a graph's file is said with the place in it and the user's line") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "f.json";
  const auto loading = [&](const std::string& text) {
    std::ofstream(path) << text;
    const std::string rule = rule_of<FormatError>([&] { Graph::load(path); });
    return rule.substr(0, 6) + rule.substr(rule.find("f.json"));
  };
  CHECK(loading("{}") == "load: f.json: there is no \"format\"");
  CHECK(loading("[1").starts_with("load: f.json: is not JSON: "));
  CHECK(loading(R"({"format": "rill graph", "version": 1, "weights": "../w", "signatures": []})") ==
        "load: f.json.weights: names a file outside the graph's folder: '../w'");
}

TEST_CASE("a function that others compute for names itself") {
  const Tensor a = ones({2, 3});
  CHECK(rule_of<ShapeError>([&] { dot(a, a); }) ==
        "dot: inner sizes differ (3 vs 2): float32[2,3] @ float32[2,3]");
  CHECK(rule_of<ShapeError>([&] { allclose(a, ones({4})); }) ==
        "allclose: shapes do not broadcast (aligned at the right, sizes must be equal or 1): "
        "float32[2,3], float32[4]");
  CHECK(rule_of<ShapeError>([&] {
          lstm_cell(a, a, a, ones({4, 8}), ones({3, 8}), ones({8}));
        }).starts_with("lstm_cell: inner sizes differ"));
  CHECK(rule_of<ShapeError>([&] {
          scaled_dot_product_attention(a, ones({2, 4}), a);
        }).starts_with("scaled_dot_product_attention: inner sizes differ"));
  CHECK(rule_of<DTypeError>([] {
          rng::randint({2}, 0, 5, {.dtype = float32});
        }).starts_with("randint: makes integers, not float32"));
  CHECK(rule_of<DTypeError>([] {
          rng::uniform({2}, {.dtype = int8});
        }).starts_with("uniform: makes floats, not int8"));
  CHECK(rule_of<IndexError>([&] { embedding(a, tensor({2})); }) ==
        "embedding: index 2 is outside axis 0 of size 2");
  CHECK(rule_of<IndexError>([&] { a(tensor({2})); }) ==
        "index: index 2 is outside axis 0 of size 2");
  std::int64_t sizes[] = {2};
  dlpack::Managed managed{};
  managed.tensor.device.kind = 1;
  managed.tensor.rank = 1;
  managed.tensor.dtype = {2, 32, 1};
  managed.tensor.shape = sizes;
  CHECK(rule_of<ValueError>([&] { from_dlpack(&managed); }) ==
        "from_dlpack: the memory of float32[2] is null");
}

TEST_CASE("a function made of others names itself wherever memory runs out in it") {
  const Tensor x = ones({1, 512, 512});
  const Tensor half = x.to(float16);
  const Tensor row = ones({1024});
  const Tensor weights = ones({512, 2048});
  const Tensor bias = ones({2048});
  const auto refused = [](const auto& f) {
    set_memory_limit(memory_statistics().allocated + (1U << 16U));
    const std::string rule = rule_of<OutOfMemoryError>(f);
    set_memory_limit(0);
    return rule.substr(0, rule.find(": out of memory"));
  };
  CHECK(refused([&] { scaled_dot_product_attention(x, x, x); }) == "scaled_dot_product_attention");
  CHECK(refused([&] { lstm(x, weights, weights, bias); }) == "lstm");
  CHECK(refused([&] { tril(x); }) == "tril");
  CHECK(refused([&] { triu(x); }) == "triu");
  CHECK(refused([&] { stack({x, x}); }) == "stack");
  CHECK(refused([&] { roll(x, 1, 1); }) == "roll");
  CHECK(refused([&] { repeat(x, 2, 1); }) == "repeat");
  CHECK(refused([&] { dropout(x, 0.5); }) == "dropout");
  CHECK(refused([&] { outer(row, row); }) == "outer");
  CHECK(refused([&] { stddev(x, 0); }) == "stddev");
  CHECK(refused([&] { scatter(half, tensor({0}), 1, 0, {.mode = ScatterMode::add}); }) ==
        "scatter");
  CHECK(refused([&] { allclose(x, x); }) == "allclose");
}

TEST_CASE(
    "a gradient's errors name the operator that it is of, at the line where that was called") {
  Tensor x = ones({1024, 1024});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = exp(x);
  const std::string line = ", at error_text_test.cpp:" + std::to_string(__LINE__ - 1);
  set_memory_limit(1U << 16U);
  const std::string text =
      thrown<OutOfMemoryError>([&] { (void)tape.gradient(y, x, {.output_gradients = y}); });
  set_memory_limit(0);
  INFO(text);
  CHECK(text.starts_with("gradient of exp: out of memory"));
  CHECK(text.ends_with(line));
}

TEST_CASE("listeners hear the user's line from everything that one call of the user's does") {
  struct Places : Listener {
    std::vector<std::string> elsewhere;
    int heard = 0;
    void note(std::string_view what, Where where) {
      ++heard;
      if (!where.text().starts_with("error_text_test.cpp:"))
        elsewhere.push_back(std::string(what) + " " + where.text());
    }
    void op(const OpEvent& event) override { note(event.name, event.where); }
    void variable_read(const VariableEvent& event) override { note("read", event.where); }
    void variable_assignment(const VariableEvent& event) override { note("assign", event.where); }
    void draw(const DrawEvent& event) override { note("draw", event.where); }
  };
  const Tensor x = ones({2, 3, 4});
  const Tensor weights = ones({4, 16});
  const Variable w(ones({2}), "w");
  Adam adam;
  adam.build({w});
  Places places;
  {
    const Listening on(places);
    scaled_dot_product_attention(x, x, x, {.causal = true});
    lstm(x, weights, weights, ones({16}));
    tril(x);
    roll(x, 1, 0);
    stddev(x);
    dropout(x, 0.5);
    allclose(x, x);
    scatter(x.to(float16), tensor({0}), 1, 0, {.mode = ScatterMode::add});
    GradientTape tape;
    const Tensor loss = sum(softmax(matmul(w.value().reshape({1, 2}), ones({2, 3}))));
    adam.apply_gradients({{tape.gradient(loss, w), w}});
  }
  CHECK(places.heard > 50);
  CHECK(places.elsewhere.empty());
}

TEST_CASE("gradients in function style name themselves, and the line that asked for them") {
  const auto f = [](const Tensor& t) { return sum(t); };
  CHECK(rule_of<DTypeError>([&] { grad(f)(tensor({1, 2})); }) ==
        "grad: only floats have gradients, not int64[2]");
  CHECK(rule_of<DTypeError>([&] { value_and_grad(f)(tensor({1, 2})); }) ==
        "value_and_grad: only floats have gradients, not int64[2]");
  CHECK(rule_of<ValueError>([&] { grad(f, {.argument = 1})(tensor({1.0})); }) ==
        "grad: there is no argument 1 of a function that takes 1: the first one is 0");
  CHECK(rule_of<ValueError>([&] { grad(f, {.argument = -1})(tensor({1.0})); }) ==
        "grad: there is no argument -1 of a function that takes 1: the first one is 0");
  CHECK(rule_of<ValueError>([&] { grad(f)(Tensor()); }) ==
        "grad: argument 0 is an undefined tensor");
  CHECK(rule_of<ValueError>([] { grad([](int n) { return ones({n}); })(3); }) ==
        "grad: argument 0 is no tensor and no floating number, and has no gradient");
  CHECK(rule_of<DTypeError>([] { grad([](const Tensor& t) { return t > 0; })(1.0F); }) ==
        "grad: target (bool[]): only floats have gradients");
  const auto fails = [](const Tensor& t) { return sum(t, 7); };  // its own line, and its own name
  CHECK(rule_of<IndexError>([&] {
          grad(fails)(1.0F);
        }).starts_with("sum: axis 7 is outside [0, 0) for float32[]"));
}

TEST_CASE("errors of the user's own gradient functions keep their names and lines") {
  const auto f = custom_gradient([](const Tensor& x) {
    return std::pair(square(x), [](const Tensor& dy) { return sum(dy, 7); });
  });
  CHECK(rule_of<IndexError>([&] {
          grad(f)(tensor({1.0, 2.0}));
        }).starts_with("sum: axis 7 is outside [-1, 1) for float32[2]"));
  const auto narrow = custom_gradient([](const Tensor& x) {
    return std::pair(square(x), [](const Tensor& dy) { return sum(dy); });
  });
  CHECK(rule_of<GradientError>([&] { grad(narrow)(tensor({1.0, 2.0})); }) ==
        "custom_gradient: the gradient of argument 0 is float32[], the argument float32[2]");
}

TEST_CASE("threads and optimizers are refused at the user's line") {
  CHECK(rule_of<ValueError>([] { set_threads(0); }) ==
        "set_threads: got 0, must be a number from 1 to 1024");
  const auto rate = [](const std::string& name) {
    return name + ": a learning rate is a finite number and not negative, but it is -1";
  };
  CHECK(rule_of<ValueError>([] { SGD(-1); }) == rate("sgd"));
  CHECK(rule_of<ValueError>([] { Momentum(-1); }) == rate("momentum"));
  CHECK(rule_of<ValueError>([] { Adagrad(-1); }) == rate("adagrad"));
  CHECK(rule_of<ValueError>([] { Adam(-1); }) == rate("adam"));
  CHECK(rule_of<ValueError>([] { AdamW(-1); }) == rate("adamw"));
  CHECK(rule_of<ValueError>([] { RMSProp(-1); }) == rate("rmsprop"));
  CHECK(rule_of<ValueError>([] { Ftrl(-1); }) == rate("ftrl"));
  CHECK(rule_of<ValueError>([] { Adam(0.1, {.beta_2 = 1}); }) ==
        "adam: beta_2 is in [0, 1), not 1");
  CHECK(rule_of<ValueError>([] { Ftrl(0.1, {.learning_rate_power = 1}); }) ==
        "ftrl: learning_rate_power must not be positive");
  Adam adam;
  CHECK(rule_of<ValueError>([&] { adam.build({Variable()}); }) ==
        "Variable: this handle has no variable: construct it with an initial value");
}

TEST_CASE("a traced call that fails names the line that was recorded") {
  const auto f = trace([](const Tensor& x, const Tensor& at) { return take(x, at); });
  const Tensor x = tensor({1.0, 2.0});
  (void)f(x, tensor({1}));
  CHECK(rule_of<IndexError>([&] { f(x, tensor({2})); }) ==
        "take: index 2 is outside axis 0 of size 2");
}

TEST_CASE("comparing with a number outside the dtype gives the mathematical answer") {
  const Tensor x = tensor({0, 255}, uint8);
  CHECK((x == 300).to_vector<bool>() == std::vector<bool>{false, false});
  CHECK((x != 300).to_vector<bool>() == std::vector<bool>{true, true});
  CHECK((x < 300).to_vector<bool>() == std::vector<bool>{true, true});
  CHECK((x >= -1).to_vector<bool>() == std::vector<bool>{true, true});
  CHECK((-1 > x).to_vector<bool>() == std::vector<bool>{false, false});
  CHECK((300 <= x).to_vector<bool>() == std::vector<bool>{false, false});
  CHECK((x <= 255).to_vector<bool>() == std::vector<bool>{true, true});
  const Tensor y = tensor({-1, 1});
  CHECK((y < std::numeric_limits<std::uint64_t>::max()).to_vector<bool>() ==
        std::vector<bool>{true, true});
  CHECK((y.to(uint64) > -1).to_vector<bool>() == std::vector<bool>{true, true});
}
