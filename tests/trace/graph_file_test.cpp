// Graphs in files: what docs/graph-format.md promises.
#include <rill/rill.h>
#include <rill/trace/function.h>
#include <rill/trace/json.h>
#include <rill/trace/same_bits.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using test::Folder;
using test::thrown;

namespace fs = std::filesystem;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class F>
std::string text_of(const Traced<F>& f) {
  return f.graph().text("weights.safetensors");
}

/// The text of the last FormatError's place and rule, without the file's name.
std::string refusal(const std::string& text, const std::map<std::string, Tensor>& weights = {}) {
  const std::string found =
      thrown<FormatError>([&] { (void)JsonGraph(text, "g").functions(weights); });
  return found.empty() ? found : found.substr(1);
}

/// A graph of one node between the input `x`, float32[2], and the output.
std::string with_node(const std::string& node, const std::string& more = "") {
  return R"({"format":"rill graph","version":1,"signatures":[{"inputs":["x"],"outputs":[
    {"name":"result","value":"x"}],"nodes":[{"name":"x","input":{"dtype":"float32","shape":[2]}},
    )" + node +
         "]" + more + "}]}";
}

TEST_CASE("a file of version 1 that was stored once is loaded") {
  const Graph graph = Graph::load(RILL_SOURCE_DIR "/tests/data/graph/version_1.json");
  REQUIRE(graph.signatures().size() == 2);
  CHECK(graph.signatures()[1] ==
        "(float32[1,3] x) -> (float32[1,2] result_0, float64[1,2] result_1, float32[1,1] result_2, "
        "int64[] result_3, uint64[1,3] result_4)");
  rng::seed(1);
  const Tensor x = tensor({{1.0, -1.0, 2.0}});
  const std::vector<Tensor> results = graph.call({&x, 1});
  CHECK(results[3].item<std::int64_t>() == 3 - 9223372036854775807);  // called for the third time
  CHECK(results[4].to_vector<std::uint64_t>() ==
        std::vector<std::uint64_t>{18446744073709551615U, 0, 18446744073709551615U});
  const auto [product, large] =
      graph.run({{"x", ones({2, 3})}}, {"dense/matmul", "dense/number_5"});
  CHECK(large.item<double>() == infinity);
  // Of the captured scales .5, infinity and NaN only the first is finite.
  CHECK(equal(product, tensor({{1.0, 2.0}, {1.0, 2.0}})));
}

TEST_CASE("numbers of every dtype are exact in the text") {
  const double least = std::numeric_limits<double>::denorm_min();
  std::vector<Tensor> constants = {
      tensor({0.1, -0.0, 1e-45, 3.4028235e38, infinity, -infinity, std::nan("")}),
      tensor({0.1, -0.0, least, 1.7976931348623157e308, infinity}, float64),
      tensor({0.1, -0.0, 65504.0, -infinity}, float16),
      tensor({0.1, 3e38, infinity}, bfloat16),
      tensor({std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}),
      tensor(std::vector<std::uint64_t>{0, 18446744073709551615U}),
      tensor({-128, 127}, int8),
      tensor({true, false}),
      zeros({0, 3}),
      tensor(7.25)};
  const auto f = trace([&](const Tensor&) { return constants; });
  (void)f(ones({1}));
  std::map<std::string, Tensor> weights;
  CHECK(f.graph().text("w", &weights).find("0.1,-0.0,") != std::string::npos);
  CHECK(weights.empty());
  const Tensor x = ones({1});
  const std::vector<Tensor> read = reloaded(f.graph()).call({&x, 1});
  for (std::size_t i = 0; i < constants.size(); ++i) {
    INFO(constants[i]);
    CHECK(same_bits(read[i], constants[i]));
  }
  const auto numbers = trace([](const Tensor& t) {
    return std::vector<Tensor>{t * 0.1, t * infinity, t.to(uint64) + 18446744073709551615U,
                               t.to(int64) + std::numeric_limits<std::int64_t>::min()};
  });
  const std::vector<Tensor> expected = numbers(x);
  const std::vector<Tensor> again = reloaded(numbers.graph()).call({&x, 1});
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(same_bits(again[i], expected[i]));
}

TEST_CASE("constants of more than sixteen elements lie beside the text") {
  const Tensor many = arange(17.0F);
  const auto f = trace([&](const Tensor& x) { return x + many; });
  (void)f(ones({1}));
  std::map<std::string, Tensor> weights;
  const std::string text = f.graph().text("w", &weights);
  CHECK(text.find(R"("constant":"constant/constant","dtype":"float32","shape":[17])") !=
        std::string::npos);
  CHECK(weights.size() == 1);
  weights["constant/constant"] = arange(18.0F);
  CHECK(refusal(text, weights) ==
        ".signatures[0].nodes[1]: says float32[17], and the weights hold float32[18]");
}

TEST_CASE("a file says which values were fixed") {
  const Folder folder;
  auto f = trace([](const Tensor& x, const std::string& mode) { return mode == "up" ? x : -x; });
  (void)f(ones({2}), "up");
  (void)f(ones({2}), "down");
  f.save(folder.file("f.json"));
  CHECK(test::content_of(folder.file("f.json")).find(R"("fixed": "x1 = \"down\"")") !=
        std::string::npos);
  const Graph graph = Graph::load(folder.file("f.json"));
  CHECK(graph.signatures() == f.signatures());
  CHECK(graph.text() == f.graph().text());
  CHECK(equal(graph.signature(1)(ones({2})), ones({2}) * -1.0));
  CHECK_THROWS_AS(graph(ones({2})), TraceError);
  CHECK_THROWS_AS(Graph().call({}), TraceError);
}

TEST_CASE("several signatures share their variables") {
  const Variable total(zeros({}), "total");
  const auto f = trace([&](const Tensor& x) {
    total.assign_add(sum(x));
    return total * 1;
  });
  (void)f(zeros({2}));
  (void)f(zeros({3}));
  const Graph graph = reloaded(f.graph());
  CHECK(graph(ones({2})).item<float>() == 2);
  CHECK(graph(ones({3})).item<float>() == 5);
  CHECK(total.value().item<float>() == 0);
}

TEST_CASE("names of any characters are ones that files take") {
  const Variable w(ones({2}), "w:0 \"é\"\n");
  const auto f = trace([&](const Tensor& x) {
    const NameScope scope("a:b\\\xff");
    return x * w;
  });
  const Tensor x = ones({2});
  const Tensor y = f(x);
  const Graph graph = reloaded(f.graph());
  CHECK(equal(graph(x), y));
  CHECK(graph.functions()[0]->nodes[2].name == "a_b__/multiply");
}

TEST_CASE("sizes that must be equal are in the file") {
  const auto f = trace(
      [](const Tensor& x, const Tensor& y) {
        GradientTape tape;
        tape.watch(x);
        return tape.gradient(x * 2, x, {.output_gradients = y});
      },
      {.inputs = {spec({Dim("n")}), spec({Dim("m")})}});
  (void)f(ones({2}), ones({2}));
  CHECK(text_of(f).find(R"("equal_sizes": [["m","n"]])") != std::string::npos);
  const Graph graph = reloaded(f.graph());
  CHECK(equal(graph(ones({3}), ones({3})), ones({3}) * 2));
  CHECK_THROWS_AS(graph(ones({3}), ones({2})), ShapeError);
}

TEST_CASE("a tape around a loaded graph gives gradients, of variables too") {
  const Variable w(tensor({2.0, 3.0}), "w");
  const auto f = trace([&](const Tensor& x) { return sum(x * x * w); });
  (void)f(ones({2}));
  const Graph graph = reloaded(f.graph());
  const Tensor x = tensor({5.0, 7.0});
  for (int call = 0; call < 2; ++call) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = graph(x);
    const std::vector<Variable> variables = tape.watched_variables();
    REQUIRE(variables.size() == 1);
    CHECK(variables[0].name() == "w");
    const auto [dx, dw] = tape.gradient(y, {x, variables[0]});
    CHECK(equal(dx, tensor({20.0, 42.0})));
    CHECK(equal(dw, tensor({25.0, 49.0})));
  }
}

TEST_CASE("a run does what the fetches need, and nothing else") {
  const Variable calls(tensor(0), "calls");
  const auto f = trace([&](const Tensor& x, const Tensor& y) {
    const Tensor product = x * y;
    calls.assign_add(1);
    check(y > 0, "y is positive");
    return product + exp(x);
  });
  (void)f(ones({2}), ones({2}));
  const Graph graph = f.graph();
  const auto [e] = graph.run({{"x0", zeros({2})}}, {"exp"});
  CHECK(equal(e, ones({2})));
  const auto [sum] = graph.run({{"multiply", zeros({2})}, {"exp", ones({2})}}, {"result"});
  CHECK(equal(sum, ones({2})));
  CHECK(calls.value().item<std::int64_t>() == 1);
  CHECK(thrown<TraceError>([&] {
          (void)graph.run({{"x0", zeros({2})}}, {"multiply"});
        }).starts_with("run: the input 'x1' is needed and not fed, at graph_file_test.cpp:"));
  CHECK(thrown<TraceError>([&] {
          (void)graph.run({{"x0", zeros({2})}}, {"minus"});
        }).starts_with("run: there is no value named 'minus'"));
  CHECK(thrown<TraceError>([&] {
          (void)graph.run({{"x0", zeros({3})}}, {"exp"});
        }).starts_with("run: 'x0' is float32[2] and is fed float32[3]"));
}

TEST_CASE("an object with a key that is not known is refused") {
  CHECK(refusal(R"({"format":"rill graph","version":1,"signatures":[],"extra":0})") ==
        ": has a \"extra\", which this version of the format does not know");
  CHECK(refusal(with_node(R"({"name":"d","draw":"default","seed":1})")) ==
        ".signatures[0].nodes[1]: has a \"seed\", which this version of the format does not know");
  CHECK(refusal(with_node(R"({"name":"d","dream":"default"})")) ==
        ".signatures[0].nodes[1]: is no kind of node that this version of the format knows");
}

TEST_CASE("a file that lies is refused with the place where it does") {
  const auto constant = [](const std::string& values, const std::string& dtype,
                           const std::string& shape) {
    return refusal(with_node(R"({"name":"c","constant":)" + values + R"(,"dtype":")" + dtype +
                             R"(","shape":)" + shape + "}"));
  };
  CHECK(constant("[1,2]", "int8", "[2]").empty());
  CHECK(constant("[1,2]", "int8", "[3]") ==
        ".signatures[0].nodes[1].constant: holds 2 elements of a int8[3]");
  CHECK(constant("[1,300]", "int8", "[2]") ==
        ".signatures[0].nodes[1].constant[1]: does not fit the dtype");
  CHECK(constant("[-1]", "uint64", "[1]") ==
        ".signatures[0].nodes[1].constant[0]: is not an unsigned integer");
  CHECK(constant("[1]", "bool", "[1]") ==
        ".signatures[0].nodes[1].constant[0]: is not true or false");
  CHECK(constant("[]", "float32", R"(["n"])") ==
        ".signatures[0].nodes[1].constant: holds 0 elements of a float32[n]");
  CHECK(constant("[1]", "float32", "[4611686018427387904]") ==
        ".signatures[0].nodes[1].shape[0]: is not a size");
  CHECK_THAT(constant("[1]", "float32", "[72057594037927936, 64]"),
             Catch::StartsWith(".signatures[0].nodes[1].shape: a size overflows"));
  CHECK(refusal(with_node(R"({"name":"y","op":"relu","inputs":["y"],"results":[]})")) ==
        ".signatures[0].nodes[1].inputs[0]: names 'y', which no earlier node is");
  CHECK(refusal(with_node(R"({"name":"y","check":"x","message":""})")) ==
        ".signatures[0].nodes[1]: checks float32[2], which is not of bool");
  CHECK(refusal(with_node(R"({"name":"y","draw":"mine"})")) ==
        ".signatures[0].nodes[1]: draws from a generator that is not there");
  CHECK(refusal(with_node(R"({"name":"n","number":1})", R"(,"equal_sizes":[["a"]])")) ==
        ".signatures[0].equal_sizes[0]: is not a pair of sizes");
  const auto different = [](const std::string& pairs) {
    return refusal(
        with_node(R"({"name":"n","number":1})", R"(,"different_sizes":[)" + pairs + "]"));
  };
  CHECK(different(R"(["n"])") == ".signatures[0].different_sizes[0]: is not a pair of sizes");
  CHECK(different(R"(["n",2],["n","n"])") ==
        ".signatures[0].different_sizes[1]: is a pair of equal sizes");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += "\"" + std::to_string(i) + "\":0,";
  CHECK(refusal(many + "\"format\":0}") == ": has an object of more keys than any of a graph");
}

TEST_CASE("weights are read from the graph's folder only") {
  const Folder folder;
  const Variable w(ones({2}), "w");
  const auto f = trace([&](const Tensor& x) { return x * w; });
  (void)f(ones({2}));
  fs::create_directories(folder.file("inside"));
  f.save(folder.file("inside/f.json"));
  f.save(folder.file("secret.json"));
  const std::string text = test::content_of(folder.file("inside/f.json"));
  const auto naming = [&](const std::string& name) {
    std::string changed = text;
    changed.replace(changed.find("f.safetensors"), 13, name);
    test::write_file(folder.file("inside/g.json"), changed);
    return thrown<FormatError>([&] { (void)Graph::load(folder.file("inside/g.json")); });
  };
  for (const std::string name :
       {"../secret.safetensors", "..", ".", "/etc/passwd", "a/b", "f.safetensors\\u0000"}) {
    INFO(name);
    CHECK(naming(name).find("inside/g.json.weights: names a file outside the graph's folder: '") !=
          std::string::npos);
  }
  CHECK(naming("f.safetensors").empty());
  fs::create_symlink("../secret.safetensors", folder.file("inside/link.safetensors"));
  CHECK(naming("link.safetensors").find("is a link that leads outside the graph's folder") !=
        std::string::npos);
  fs::create_symlink("f.safetensors", folder.file("inside/near.safetensors"));
  CHECK(naming("near.safetensors").empty());
  // Both may be links to one folder, as caches of models have them.
  fs::create_directories(folder.file("views"));
  fs::create_symlink("../inside/f.json", folder.file("views/f.json"));
  fs::create_symlink("../inside/f.safetensors", folder.file("views/f.safetensors"));
  CHECK(equal(Graph::load(folder.file("views/f.json"))(ones({2})), ones({2})));
}

TEST_CASE("a failed save leaves both files as they were") {
  const Folder folder;
  const Variable w(ones({2}), "w");
  const auto f = trace([&](const Tensor& x) { return x * w; });
  (void)f(ones({2}));
  f.save(folder.file("f.json"));
  w.assign(zeros({2}));
  fs::create_directories(folder.file("g.json"));
  CHECK_THROWS_AS(f.save(folder.file("g.json")), FileError);
  CHECK_FALSE(fs::exists(folder.file("g.safetensors")));
  CHECK(thrown<ValueError>([&] {
          f.save(folder.file("f.safetensors"));
        }).find("is the name of the weights' file: call it .json") != std::string::npos);
  CHECK(equal(Graph::load(folder.file("f.json"))(ones({2})), ones({2})));
}

}  // namespace
}  // namespace rill
