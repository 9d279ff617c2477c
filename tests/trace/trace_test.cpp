#include <rill/rill.h>
#include <rill/tensor/listener.h>
#include <rill/trace/function.h>
#include <rill/trace/json.h>
#include <rill/trace/recorder.h>

#include <cstdio>
#include <filesystem>
#include <memory>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/tensor/temporary_folder.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::Folder;

const Tensor x = tensor({{1.0, -2.0, 3.0}, {0.5, 4.0, -1.0}});

TEST_CASE("a traced function is recorded once per signature and gives the eager bits") {
  const Variable w(tensor({{1.0, 2.0}, {3.0, -4.0}, {0.5, 1.5}}), "w");
  int runs = 0;
  auto f = trace([&](const Tensor& t) {
    ++runs;
    return relu(matmul(t, w)) + sum(take(t, tensor({0, 2}), 1), 1, {.keepdims = true});
  });
  const Tensor eager = relu(matmul(x, w)) + sum(take(x, tensor({0, 2}), 1), 1, {.keepdims = true});
  CHECK(equal(f(x), eager));
  CHECK(equal(f(x), eager));
  CHECK(runs == 1);
  CHECK(f(x(slice(0, 1))).shape() == Shape{1, 2});
  CHECK(f.trace_count() == 2);
  CHECK(f.signatures() == std::vector<std::string>{"(float32[2,3] x) -> (float32[2,2] result)",
                                                   "(float32[1,3] x) -> (float32[1,2] result)"});
}

TEST_CASE("a symbolic size is a node of its own, and survives JSON") {
  const Tensor t = Tensor::abstract({Dim("batch"), 3}, float16);
  Recorder recorder({&t, 1});
  Tensor result;
  {
    const Listening on(recorder);
    const NameScope scope("mean");
    result = t / t.dim(0) + 1;
  }
  const auto function = std::make_shared<const Function>(recorder.finish({&result, 1}));
  const std::vector<std::shared_ptr<const Function>> functions{function};
  CHECK(function->text() == "(float16[batch,3] x) -> (float16[batch,3] result)");
  std::map<std::string, Tensor> weights;
  const std::string text = to_json(functions, "", weights);
  CHECK(text.find(R"("mean/size")") != std::string::npos);
  CHECK(weights.empty());
  const auto again = JsonGraph(text, "again").functions(weights);
  CHECK(to_json(again, "", weights) == text);
  CHECK(again[0]->text() == function->text());
}

TEST_CASE("a traced function reads variables anew and keeps other outer tensors") {
  const Variable w(tensor(2.0), "w");
  Tensor outer = tensor(10.0);
  auto f = trace([&](const Tensor& t) { return t * w + outer; });
  CHECK(f(tensor(1.0)).item<float>() == 12);
  w.assign(tensor(3.0));
  outer = tensor(20.0);
  CHECK(f(tensor(1.0)).item<float>() == 13);
}

TEST_CASE("a training step inside a trace does what it does eagerly") {
  const auto train = [](bool traced) {
    const Variable w(tensor({1.0, -1.0, 0.5}), "w");
    auto step = [&](const Tensor& t) {
      GradientTape tape;
      const Tensor loss = mean(square(matmul(t, w) - 1));
      w.assign_sub(0.1 * tape.gradient(loss, w));
      return loss;
    };
    auto graph = trace(step);
    Tensor loss;
    for (int i = 0; i < 5; ++i) loss = traced ? graph(x) : step(x);
    return std::pair(loss, w.value());
  };
  const auto [eager_loss, eager_w] = train(false);
  const auto [traced_loss, traced_w] = train(true);
  CHECK(equal(eager_loss, traced_loss));
  CHECK(equal(eager_w, traced_w));
}

TEST_CASE("the first call under a tape has the gradients that the others have") {
  const Variable w(tensor({2.0, 3.0}), "w");
  auto f = trace([](const Tensor& t) { return sum(t * t); });
  for (int call = 0; call < 3; ++call) {
    GradientTape tape;
    const Tensor loss = f(w * tensor({1.0, 2.0})) + sum(w);
    CHECK(equal(tape.gradient(loss, w), tensor({5.0, 25.0})));
  }
}

TEST_CASE("a custom gradient inside a traced function holds under an outer tape") {
  const auto seven = custom_gradient(
      [](const Tensor& x) { return std::pair(x * x, [](const Tensor& dy) { return dy * 7.0; }); });
  auto f = trace([&](const Tensor& t) { return seven(t); });
  for (int call = 0; call < 3; ++call) {
    const Tensor x = tensor({2.0, 3.0});
    GradientTape tape;
    tape.watch(x);
    CHECK(equal(tape.gradient(sum(f(x)), x), tensor({7.0, 7.0})));
  }
}

TEST_CASE("a reshape that changes nothing is another value than the variable that it reads") {
  const Variable v(ones({2}));
  auto f = trace([&] {
    const Tensor old = v;
    v.assign(old + 1.0F);
    return reshape(old, {2});
  });
  for (int call = 0; call < 3; ++call) {
    const Tensor before = v;
    CHECK(f().id() != before.id());
  }
}

TEST_CASE("a snapshot of a variable is not the variable") {
  const Variable w(tensor({1.0, 1.0}), "w");
  const Tensor old = w;
  auto f = trace([&](const Tensor& x) { return x * (w - old) + old * 10.0; });
  const Tensor x = ones({2});
  CHECK(equal(f(x), tensor({10.0, 10.0})));
  w.assign(tensor({5.0, 6.0}));
  CHECK(equal(f(x), tensor({14.0, 15.0})));
}

TEST_CASE("a value that somebody keeps is not changed by a traced update in place") {
  const Variable w(ones({3}), "w");
  auto f = trace([&](const Tensor& x) {
    w.assign_add(x);
    return w.value();
  });
  const Tensor x = ones({3});
  std::vector<Tensor> kept = {w.value()};
  for (int call = 0; call < 4; ++call) kept.push_back(f(x));
  for (std::size_t i = 0; i < kept.size(); ++i)
    CHECK(equal(kept[i], ones({3}) * static_cast<double>(i + 1)));
  CHECK(f.explain().find("assign   variable 'w', in place: add") != std::string::npos);
  w.assign(x);
  (void)f(w);
  CHECK(equal(w, x * 2.0));
  CHECK(equal(x, ones({3})));
}

TEST_CASE(
    "variables that are swapped, shifted and read between assignments end as they do eagerly") {
  const auto run = [](bool traced) {
    const Variable a(tensor({1.0, 2.0}), "a");
    const Variable b(tensor({10.0, 20.0}), "b");
    const auto step = [&](const Tensor& x) {
      const Tensor old = a.value();
      a.assign(b.value() + flip(a, 0));  // reads another element of what it replaces
      b.assign(old);
      const Tensor between = a * b;
      a.assign_sub(x);
      a.assign(a * 2.0 + x);
      return between + a;
    };
    auto f = trace(step);
    std::vector<float> seen;
    for (int call = 0; call < 4; ++call) {
      const Tensor x = ones({2}) * (call + 1.0);
      for (const Tensor& t : {traced ? f(x) : step(x), a.value(), b.value()}) {
        for (const float v : t.to_vector<float>()) seen.push_back(v);
      }
    }
    return seen;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("random draws in a trace are new in every call") {
  rng::seed(4);
  auto f = trace([](const Tensor& t) { return t + rng::uniform({2, 3}); });
  const Tensor first = f(x);
  const Tensor second = f(x);
  CHECK_FALSE(equal(first, second));
  rng::seed(4);
  CHECK(equal(first, x + rng::uniform({2, 3})));
  CHECK(equal(second, x + rng::uniform({2, 3})));
}

TEST_CASE("gradients flow through a traced call") {
  auto f = trace([](const Tensor& t) { return sum(t * t * t); });
  (void)f(x);
  GradientTape tape;
  tape.watch(x);
  CHECK(equal(tape.gradient(f(x), x), grad([](Tensor t) { return sum(t * t * t); })(x)));
}

TEST_CASE("reading a value while a function is recorded is refused and leaves nothing behind") {
  auto f = trace([](const Tensor& t) { return sum(t).item<float>() > 0 ? t : -t; });
  CHECK_THROWS_AS(f(x), TraceError);
  CHECK(f.trace_count() == 0);
}

TEST_CASE("what no call changes may be read while a function is recorded") {
  const auto unrolled = [](const Tensor& t) {
    Tensor sum = zeros({3});
    for (int i = 0; i < t.dim(0); ++i) sum += t(i);
    const Tensor mask = eye(3);
    return mask(0, 0).item<float>() > 0 ? sum : -sum;
  };
  auto f = trace(unrolled);
  for (int call = 0; call < 2; ++call) CHECK(equal(f(x), unrolled(x)));
  auto compared = trace([](const Tensor& t, Scalar limit) { return t.dim(0) < limit ? t : -t; });
  CHECK_THROWS_AS(compared(x, 5), TraceError);
}

TEST_CASE("an argument that is read while a function is recorded is named") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a * b.to_vector<float>()[0]; });
  CHECK_THAT(
      test::thrown<TraceError>([&] { (void)f(x, x); }),
      Catch::StartsWith("trace: elements are read of float32[2,3] (the argument x1) while "));
}

TEST_CASE("several results and arguments, one given twice") {
  auto f =
      trace([](const Tensor& a, const Tensor& b) { return std::array<Tensor, 2>{a + b, a - b}; });
  (void)f(tensor(5.0), tensor(2.0));
  const auto [total, difference] = f(x, x);
  CHECK(equal(total, x + x));
  CHECK(equal(difference, zeros({2, 3})));
  const auto [t, d] = f(tensor(5.0), tensor(2.0));
  CHECK(t.item<float>() == 7);
  CHECK(d.item<float>() == 3);
}

TEST_CASE("an unknown size in a file is none of this process") {
  const Folder folder;
  const auto shape = [&](const std::string& last) {
    const std::string sizes = R"("dtype": "float32", "shape": ["?1", "2*?1", ")" + last + "\"]";
    test::write_file(folder.file("g.json"), R"({"format": "rill graph", "version": 1,
      "signatures": [{
        "inputs": ["x"], "outputs": [{"name": "y", "value": "relu"}], "nodes": [
          {"name": "x", "input": {)" + sizes + R"(}},
          {"name": "relu", "op": "relu", "inputs": ["x"], "results": [{)" +
                                                sizes + "}]}]}]}");
    return Graph::load(folder.file("g.json")).functions()[0]->nodes[1].results[0].shape;
  };
  const Dim own = Dim::parse("?1");
  const Shape once = shape("batch");
  const Shape again = shape("batch");
  CHECK(once[0] != own);
  CHECK(once[0] != again[0]);
  CHECK(once[1] == once[0] * 2);
  CHECK(once[2] == Dim("batch"));
  CHECK_THROWS_WITH(shape("1+"),
                    Catch::Matchers::Contains("g.json.signatures[0].nodes[0].input.shape[2]"));
}

TEST_CASE("a traced check asserts in its place, also in a graph that was saved") {
  const Variable count(tensor(0.0), "count");
  auto f = trace([&](const Tensor& t) {
    count.assign_add(1);
    check(t > 0, "t is positive");
    count.assign_add(1);
    return sqrt(t);
  });
  CHECK(f(tensor(4.0)).item<float>() == 2);
  CHECK_THROWS_WITH(f(tensor(-4.0)),
                    Catch::StartsWith("check: t is positive: 1 of 1 is false, at trace_test.cpp:"));
  CHECK(count.value().item<float>() == 3);  // what stands before it was done
  const Folder folder;
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(g(tensor(9.0)).item<float>() == 3);
  CHECK_THROWS_WITH(g(tensor(-9.0)), "check: t is positive: 1 of 1 is false, at trace_test.cpp:" +
                                         std::to_string(__LINE__ - 1));
}

TEST_CASE("a saved graph is loaded with the same answers and the same text") {
  const Folder folder;
  const Variable w(tensor({{1.0, 2.0}, {3.0, -4.0}, {0.5, 1.5}}), "w");
  auto f =
      trace([&](const Tensor& t) { return softmax(matmul(t, w) * 0.5 + tensor({1.0, -1.0})); });
  const Tensor y = f(x);
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(equal(g(x), y));
  g.save(folder.file("g.json"));
  std::string again = test::content_of(folder.file("g.json"));
  const auto at = again.find("g.safetensors");
  REQUIRE(at != std::string::npos);
  again.replace(at, 13, "f.safetensors");
  CHECK(again == test::content_of(folder.file("f.json")));
  const auto [logits] = g.run({{"x", x}}, {"matmul"});
  CHECK(equal(logits, matmul(x, w)));
  CHECK_THROWS_AS(g.run({}, {"matmul"}), TraceError);
  CHECK_THROWS_AS(g.run({{"x", x}}, {"nothing"}), TraceError);
  CHECK_THROWS_AS(g(zeros({7})), TraceError);
}

TEST_CASE("a file that is no graph is refused with the place that is wrong") {
  const Folder folder;
  auto f = trace([](const Tensor& t) { return relu(t) + 1; });
  (void)f(x);
  f.save(folder.file("f.json"));
  const std::string good = test::content_of(folder.file("f.json"));
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string bad = good;
    const auto at = bad.find(from);
    REQUIRE(at != std::string::npos);
    bad.replace(at, from.size(), to);
    test::write_file(folder.file("bad.json"), bad);
    try {
      (void)Graph::load(folder.file("bad.json"));
    } catch (const FormatError& error) {
      const std::string text = error.what();
      const std::size_t place = text.find("bad.json") + 8;
      return text.substr(place, text.find(", at trace_test.cpp:") - place);
    }
    return std::string("was loaded");
  };
  CHECK(refused("\"version\": 1", "\"version\": 2") ==
        ".version: this library reads version 1, not 2");
  CHECK(refused("rill graph", "something") == ".format: is not \"rill graph\"");
  CHECK(refused("\"op\":\"relu\"", "\"op\":\"rely\"") ==
        ".signatures[0].nodes[1].op: there is no operator 'rely'");
  CHECK(refused("\"inputs\":[\"x\"]", "\"inputs\":[\"add\"]") ==
        ".signatures[0].nodes[1].inputs[0]: names 'add', which no earlier node is");
  CHECK(
      refused("\"shape\":[2,3]}]", "\"shape\":[9,3]}]") ==
      ".signatures[0].nodes[1].results[0]: says float32[9,3], and the operator gives float32[2,3]");
  CHECK(refused("\"dtype\":\"float32\"", "\"dtype\":\"float99\"")
            .starts_with(".signatures[0].nodes[0].input.dtype: "));
  CHECK(refused("\"shape\":[2,3]", "\"shape\":[4611686018427387904,4]")
            .starts_with(".signatures[0]"));
  CHECK(refused("\"name\":\"relu\"", "\"name\":\"x\"") ==
        ".signatures[0].nodes[1]: has the name of an earlier node: x");
  for (std::size_t cut = 0; cut < good.size(); cut += 7) {
    test::write_file(folder.file("cut.json"), good.substr(0, cut));
    CHECK_THROWS_AS(Graph::load(folder.file("cut.json")), FormatError);
  }
  test::write_file(folder.file("deep.json"), std::string(100000, '['));
  CHECK_THROWS_AS(Graph::load(folder.file("deep.json")), FormatError);
  CHECK_THROWS_AS(Graph::load(folder.file("missing.json")), FileError);
}

TEST_CASE("a graph with a reversed slice loads what it saved") {
  const Folder folder;
  auto f = trace([](const Tensor& t) { return t(slice(), slice({}, {}, -1)); });
  const Tensor reversed = f(x);
  f.save(folder.file("f.json"));
  CHECK(equal(Graph::load(folder.file("f.json"))(x), reversed));
}

TEST_CASE("a graph keeps the places where it was recorded") {
  auto name = std::make_unique<std::string>("models/plugin.cpp");
  const Tensor row = tensor({1.0, 2.0});
  const auto f = trace(
      [&](const Tensor& t, const Tensor& at) { return take(t, at, 0, Where(name->c_str(), 7)); });
  (void)f(row, tensor({1}));
  name->assign(name->size(), '?');
  name.reset();
  CHECK(test::thrown<IndexError>([&] { (void)f(row, tensor({2})); }) ==
        "take: index 2 is outside axis 0 of size 2, at plugin.cpp:7");
}

}  // namespace
}  // namespace rill
