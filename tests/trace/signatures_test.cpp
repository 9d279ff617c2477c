// What a traced function takes and gives, and what makes it be recorded again.
#include <rill/rill.h>

#include <atomic>
#include <map>
#include <optional>
#include <thread>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/thrown.h"
#include "tests/trace/told.h"

namespace rill {
namespace {

using test::thrown;

struct Layer {
  Tensor w;
  Tensor b;  // may be undefined
  static constexpr auto fields() {
    return std::tuple{field("w", &Layer::w), field("b", &Layer::b)};
  }
};

struct Model {
  std::vector<Layer> layers;
  float slope = 0.5F;
  static constexpr auto fields() {
    return std::tuple{field("layers", &Model::layers), field("slope", &Model::slope)};
  }
  [[nodiscard]] Tensor forward(const Tensor& x) const {
    Tensor y = x;
    for (const Layer& layer : layers) {
      y = matmul(y, layer.w);
      if (layer.b.defined()) y = y + layer.b;
      y = maximum(y, y * slope);
    }
    return y;
  }
};

Model model(int layers) {
  Model made;
  for (int i = 0; i < layers; ++i)
    made.layers.push_back(
        {ones({2, 2}) * (i + 1), i == 0 ? tensor({1, -9}).to(float32) : Tensor()});
  return made;
}

const Tensor row = tensor({{1.0, 2.0}});

TEST_CASE("structs, vectors, maps, tuples and optionals of tensors are traced") {
  auto f = trace([](const Model& m, const Tensor& x) { return m.forward(x); });
  CHECK(equal(f(model(2), row), model(2).forward(row)));
  Model other = model(2);
  other.layers[1].w = ones({2, 2}) * 7.0;
  CHECK(equal(f(other, row), other.forward(row)));
  CHECK(f.trace_count() == 1);
  CHECK(f.signatures() ==
        std::vector<std::string>{
            "(float32[2,2] x0/layers/0/w, float32[2] x0/layers/0/b, float32[2,2] x0/layers/1/w, "
            "float32[1,2] x1) -> (float32[1,2] result) with x0/layers = 2, x0/slope = 0.5"});
  CHECK(equal(f(model(3), row), model(3).forward(row)));
  CHECK(f.trace_count() == 2);

  auto g = trace([](const std::map<std::string, Tensor>& named, std::tuple<Tensor, int> pair,
                    std::optional<Tensor> extra) {
    return named.at("a") * std::get<1>(pair) + std::get<0>(pair) + extra.value_or(zeros({2}));
  });
  const std::map<std::string, Tensor> named = {{"a", ones({2})}};
  CHECK(g(named, {ones({2}), 3}, std::nullopt).to_vector<float>() == std::vector{4.0F, 4.0F});
  CHECK(g(named, {ones({2}), 3}, std::nullopt).to_vector<float>() == std::vector{4.0F, 4.0F});
  CHECK(g(named, {ones({2}), 4}, ones({2})).to_vector<float>() == std::vector{6.0F, 6.0F});
  CHECK(g.trace_count() == 2);
}

TEST_CASE("results may be structs, and nothing at all") {
  auto f = trace(
      [](const Tensor& x) { return std::pair<Layer, int>{Layer{.w = x * 2.0, .b = Tensor()}, 7}; });
  for (int call = 0; call < 3; ++call) {
    const auto [layer, number] = f(ones({2}) * call);
    CHECK(equal(layer.w, ones({2}) * (2 * call)));
    CHECK(!layer.b.defined());
    CHECK(number == 7);
  }
  const Variable count(0.0, "count");
  auto g = trace([&] { count.assign_add(1); });
  g();
  g();
  CHECK(count.value().item<float>() == 2);
  CHECK(g.trace_count() == 1);
}

TEST_CASE("which tensors are there is part of the signature") {
  auto f = trace([](const std::vector<Tensor>& parts) {
    return parts[0].defined() ? parts[0] * 2.0 : parts[1] * 3.0;
  });
  for (int call = 0; call < 2; ++call) {
    CHECK(equal(f({row, Tensor()}), row * 2.0));
    CHECK(equal(f({Tensor(), row}), row * 3.0));
  }
  CHECK(f.trace_count() == 2);
}

TEST_CASE("texts do not run together, and names are ones that files take") {
  auto f = trace([](const std::map<std::string, Tensor>& named, const std::string& a,
                    const std::string& b) { return named.begin()->second * (a + "|" + b).size(); });
  const std::map<std::string, Tensor> named = {{"a:\x01\xff", row}};
  CHECK(equal(f(named, "ab", "c"), row * 4.0));
  CHECK(equal(f(named, "a", "bc"), row * 4.0));
  CHECK(f.trace_count() == 2);
  const test::Folder folder;
  f.save(folder.file("f.json"));
  CHECK_THAT(Graph::load(folder.file("f.json")).signatures()[0],
             Catch::StartsWith("(float32[1,2] x0/a___) -> (float32[1,2] result) with x0 = 1, "));
}

TEST_CASE("an input may have an output's name") {
  auto f = trace([](const Tensor& x) { return x * 2.0; },
                 {.inputs = {spec({unknown, 2}, float32, "result")}});
  (void)f(row);
  const auto [y] = f.graph().run({{"result", row}}, {"result"});
  CHECK(equal(y, row * 2.0));
}

TEST_CASE("an input may be returned, and the same tensor may come twice") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return std::vector<Tensor>{a, a + b, b}; });
  const Tensor x = ones({3});
  CHECK(equal(f(x, x)[1], ones({3}) * 2.0));
  const auto again = f(x, ones({3}) * 5.0);
  CHECK(equal(again[0], x));
  CHECK(equal(again[1], ones({3}) * 6.0));
  CHECK(equal(again[2], ones({3}) * 5.0));
}

TEST_CASE("numbers, texts and variables are part of the signature") {
  const Variable a(ones({2}), "a");
  const Variable b(ones({2}) * 10.0, "b");
  auto f = trace([](const Tensor& x, const Variable& v, const std::string& how, bool negate) {
    const Tensor y = how == "add" ? x + v : x * v;
    return negate ? -y : y;
  });
  const Tensor x = ones({2}) * 3.0;
  for (int call = 0; call < 2; ++call) {
    CHECK(equal(f(x, a, "add", false), x + 1.0));
    CHECK(equal(f(x, b, "add", false), x + 10.0));
    CHECK(equal(f(x, b, "multiply", false), x * 10.0));
    CHECK(equal(f(x, b, "multiply", true), x * -10.0));
  }
  CHECK(f.trace_count() == 4);
}

TEST_CASE("methods, overloads and generic lambdas are traced by saying which") {
  const Model m = model(1);
  auto f = trace(m, &Model::forward);
  CHECK(equal(f(row), m.forward(row)));
  auto g = trace<Tensor(Tensor)>([](const auto& t) { return t * 2.0; });
  CHECK(equal(g(row), row * 2.0));
  auto h = trace<Tensor(const Operand&)>(rill::exp);
  CHECK(equal(h(row), exp(row)));
  struct {
    Traced<Tensor(Tensor)> forward;  // has a name that a class can use
  } const holder{g};
  CHECK(equal(holder.forward(row), row * 2.0));
  CHECK(g.trace_count() == 1);
}

TEST_CASE("the least recently used signature goes") {
  auto f = trace([](const Tensor& x) { return x + 1.0; }, {.max_signatures = 2});
  (void)f(ones({1}));
  (void)f(ones({2}));
  (void)f(ones({1}));
  (void)f(ones({3}));
  CHECK(f.trace_count() == 3);
  (void)f(ones({1}));
  CHECK(f.trace_count() == 3);
  (void)f(ones({2}));
  CHECK(f.trace_count() == 4);
}

TEST_CASE("variables made in the first call are found by the later ones") {
  std::optional<Variable> w;
  int runs = 0;
  auto f = trace([&](const Tensor& x) {
    ++runs;
    if (!w) w.emplace(rng::normal({2}), "w");
    return x * *w;
  });
  rng::seed(3);
  const Tensor first = f(ones({2}));
  CHECK(equal(first, w->value()));
  CHECK(equal(f(ones({2})), first));
  CHECK(equal(f(ones({2})), first));
  CHECK(runs == 2);
  CHECK(f.trace_count() == 1);
  const std::uint64_t draws = rng::default_generator().draws();
  (void)f(ones({2}));
  CHECK(rng::default_generator().draws() == draws);
}

TEST_CASE("a fixed float that changes, and shapes without end, are told of once") {
  auto f = trace([](const Tensor& x, double rate) { return x * rate; });
  CHECK(told([&] { (void)f(row, 0.5); }).empty());
  CHECK(told([&] { (void)f(row, 0.25); }) ==
        "rill: trace: the argument x1 has been 0.5 and 0.25, and each value is a trace of its own: "
        "make it a Scalar, or a tensor\n");
  CHECK(told([&] { (void)f(row, 0.125); }).empty());

  auto g = trace([](const Tensor& x) { return x + 1.0; });
  const std::string many = told([&] {
    for (int n = 1; n < 9; ++n) (void)g(ones({n}));
  });
  CHECK(many ==
        "rill: trace: it has been recorded 5 times, x has been float32[4] and float32[5]: say "
        "which sizes are unknown ({.inputs = {spec({unknown, 784})}}), or {.relax_shapes = "
        "true}\n");
}

TEST_CASE("shapes without end are told of with what would help") {
  auto ranks = trace([](const Tensor& x) { return x + 1.0; });
  CHECK(told([&] {
          for (const Shape& shape : {Shape{}, {1}, {1, 1}, {1, 1, 1}, {1, 1, 1, 1}})
            (void)ranks(ones(shape));
        }) ==
        "rill: trace: it has been recorded 5 times, x has been float32[1,1,1] and "
        "float32[1,1,1,1]\n");
  auto sizes = trace([](const Tensor& x) { return x * static_cast<double>(x.size()); },
                     {.relax_shapes = true});
  CHECK(told([&] {
          for (int n = 1; n < 6; ++n) (void)sizes(ones({n}));
        }) ==
        "rill: trace: it has been recorded 5 times, x has been float32[4] and float32[5]: say "
        "which sizes are unknown ({.inputs = {spec({unknown, 784})}})\n");
}

TEST_CASE("lists of bools are fixed by their values") {
  auto f = trace([](const Tensor& x, const std::vector<bool>& signs) {
    Tensor sum = zeros({2});
    for (const bool sign : signs) sum = sign ? sum + x : sum - x;
    return sum;
  });
  for (int call = 0; call < 2; ++call) {
    CHECK(equal(f(ones({2}), {true, true, false}), ones({2})));
    CHECK(equal(f(ones({2}), {true, true, true}), ones({2}) * 3.0));
  }
  CHECK(f.trace_count() == 2);
}

TEST_CASE("an empty function and options without sense are refused where they are given") {
  const std::function<Tensor(Tensor)> empty;
  CHECK(thrown<TraceError>([&] { (void)trace(empty); }).find("trace: the function is empty, so ") ==
        0);
  const auto plain = [](const Tensor& x) { return x; };
  CHECK_THAT(thrown<TraceError>([&] { (void)trace(plain, {.max_signatures = 0}); }),
             Catch::StartsWith("trace: max_signatures is 0, and a function that is traced keeps "
                               "one at least, at signatures_test.cpp:"));
  auto f =
      trace([](const Tensor& x, Scalar s) { return x * s; }, {.inputs = {spec({2}), spec({2})}});
  CHECK_THAT(thrown<TraceError>([&] { (void)f(ones({2}), 0.5); }),
             Catch::StartsWith("trace: a Scalar is float32[], int64[] or bool[], not float32[2]"));
}

TEST_CASE("signatures for other variables tell which") {
  const Variable one(ones({2}), "one");
  const Variable two(ones({2}) * 2, "two");
  auto f = trace([](const Variable& w, const Tensor& x) { return x * w; });
  CHECK(equal(f(one, ones({2})), ones({2})));
  CHECK(equal(f(two, ones({2})), ones({2}) * 2));
  CHECK(f.signatures() ==
        std::vector<std::string>{"(float32[2] x1) -> (float32[2] result) with x0 = variable one",
                                 "(float32[2] x1) -> (float32[2] result) with x0 = variable two"});
  CHECK(thrown<TraceError>([&] {
          (void)f.graph()(ones({2}));
        }).find("graph: several signatures take these arguments") == 0);
  CHECK(equal(f.graph().signature(1)(ones({2})), ones({2}) * 2));
}

TEST_CASE("of signatures that take the same tensors one is chosen by its fixed values") {
  auto f = trace([](const Tensor& x, int power) { return pow(x, power); });
  (void)f(ones({2}), 2);
  (void)f(ones({2}), 3);
  const Graph graph = f.graph();
  CHECK(graph.signatures()[1] == "(float32[2] x0) -> (float32[2] result) with x1 = 3");
  const Tensor x = ones({2}) * 2.0;
  const std::string text = thrown<TraceError>([&] { (void)graph(x); });
  CHECK_THAT(text, Catch::StartsWith("graph: several signatures take these arguments, which "
                                     "differ in values that were fixed when they were recorded:\n"
                                     "  (float32[2] x0) -> (float32[2] result) with x1 = 2\n"
                                     "  (float32[2] x0) -> (float32[2] result) with x1 = 3\n"
                                     "choose one: graph.signature(0), at signatures_test.cpp:"));
  CHECK(equal(graph.signature(0)(x), ones({2}) * 4.0));
  CHECK(equal(graph.signature(1)(x), ones({2}) * 8.0));
  CHECK_THROWS_AS(graph.signature(2), TraceError);
}

TEST_CASE("a function that makes a variable in every call is refused") {
  auto f = trace([](const Tensor& x) { return x * Variable(ones({2})); });
  (void)f(ones({2}));
  CHECK(thrown<TraceError>([&] { (void)f(ones({2})); }).find("makes a variable in every call") !=
        std::string::npos);
}

TEST_CASE("variables may be made in the first call for each value of a fixed argument") {
  std::map<std::string, Variable> layers;
  auto f = trace([&](const Tensor& x, const std::string& name) {
    return x * layers.try_emplace(name, ones({2}) * 3.0).first->second;
  });
  for (int call = 0; call < 3; ++call) {
    CHECK(equal(f(ones({2}), "a"), ones({2}) * 3.0));
    CHECK(equal(f(ones({2}), "b"), ones({2}) * 3.0));
  }
  CHECK(f.trace_count() == 2);
}

TEST_CASE("who assigns a variable does not wait for ever for those who read it in traces") {
  const Variable w(ones({256}), "w");
  auto f = trace([&](const Tensor& x) { return sum(exp(x * w)); });
  const Tensor x = ones({256}) / 256.0;
  (void)f(x);
  (void)f(x);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      while (!done) (void)f(x);
    });
  }
  for (int i = 0; i < 100; ++i) w.assign_add(1.0);
  done = true;
  for (std::thread& reader : readers) reader.join();
  CHECK(equal(w, ones({256}) * 101.0));
}

TEST_CASE("an exception while a function is recorded leaves no trace") {
  bool fail = true;
  auto f = trace([&](const Tensor& x) {
    if (fail) throw std::runtime_error("not yet");
    return x + 1.0;
  });
  CHECK_THROWS_WITH(f(ones({2})), "not yet");
  CHECK(f.trace_count() == 0);
  CHECK(!is_tracing());
  fail = false;
  CHECK(equal(f(ones({2})), ones({2}) * 2.0));
}

TEST_CASE("nested traces are part of the one around them, and recursion is refused") {
  auto inner = trace([](const Tensor& x) { return x * 2.0; });
  auto outer = trace([&](const Tensor& x) { return inner(inner(x)) + 1.0; });
  CHECK(equal(outer(ones({2})), ones({2}) * 5.0));
  CHECK(equal(outer(ones({2})), ones({2}) * 5.0));
  CHECK(inner.trace_count() == 0);

  std::function<Tensor(const Tensor&)> self;
  auto f = trace([&](const Tensor& x) { return self(x); });
  self = [&](const Tensor& x) { return f(x); };
  CHECK(thrown<TraceError>([&] { (void)f(ones({2})); }).find("calls its own trace") !=
        std::string::npos);
  auto around = trace([&](const Tensor& x) { return f(x); });
  CHECK(thrown<TraceError>([&] { (void)around(ones({2})); }).find("calls its own trace") !=
        std::string::npos);
}

TEST_CASE("warm_up makes a function ready without running it") {
  const Variable w(ones({3, 2}), "w");
  int runs = 0;
  auto f = trace([&](const Tensor& x) {
    ++runs;
    w.assign_add(1.0);
    return matmul(x, w) + rng::uniform({2});
  });
  const std::uint64_t draws = rng::default_generator().draws();
  f.warm_up({spec({4, 3})});
  f.warm_up({spec({4, 3})});
  CHECK(runs == 1);
  CHECK(f.trace_count() == 1);
  CHECK(equal(w, ones({3, 2})));
  CHECK(rng::default_generator().draws() == draws);
  (void)f(ones({4, 3}));
  CHECK(runs == 1);
  CHECK(equal(w, ones({3, 2}) * 2.0));
  CHECK(thrown<TraceError>([&] {
          f.warm_up({});
        }).find("takes 1 arguments, and is given 0 specs") != std::string::npos);
  CHECK(thrown<TraceError>([&] { f.warm_up({spec({unknown, 3})}); }).find("must be known") !=
        std::string::npos);
}

TEST_CASE("concurrent calls and concurrent first calls give the eager bits") {
  const Variable w(ones({64}) * 3.0, "w");
  auto f = trace([&](const Tensor& x) { return softmax(x * w) + sum(x); });
  const Tensor x = arange(64.0F) / 64.0;
  const Tensor eager = softmax(x * w) + sum(x);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4);
  for (int& count : wrong) {
    threads.emplace_back([&f, &x, &eager, &count] {
      for (int call = 0; call < 50; ++call) count += equal(f(x), eager) ? 0 : 1;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(4));
}

}  // namespace
}  // namespace rill
