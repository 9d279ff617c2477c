#include <rill/rill.h>
#include <rill/tensor/literal.h>

#include "../catch.h"
#include "../folder.h"
#include "../thrown.h"

namespace rill::test {
namespace {

TEST_CASE("A Scalar among the arguments is an input: a new value is no new trace", "[trace]") {
  auto f = trace([](const Tensor& x, Scalar s) { return x * s + s; });
  CHECK(equal(f(ones({3}), 0.5), tensor({1.0, 1.0, 1.0})));
  CHECK(equal(f(ones({3}), 0.25), tensor({0.5, 0.5, 0.5})));
  CHECK(equal(f(ones({3}), 3.0), tensor({6.0, 6.0, 6.0})));
  CHECK(f.trace_count() == 1);
  CHECK(f.signatures() ==
        std::vector<std::string>{"(float32[3] x0, float32 number x1) -> (float32[3] result)"});
}

TEST_CASE("The kind of a Scalar belongs to the signature", "[trace]") {
  auto f = trace([](const Tensor& x, Scalar s) { return x * s; });
  const Tensor x = tensor({1, 2});
  CHECK(f(x, 2).dtype() == int64);
  CHECK(f(x, 2.0).dtype() == float64);
  CHECK(f(x, 3).dtype() == int64);
  CHECK(equal(f(x, 3.5), tensor({3.5, 7.0}, float64)));
  CHECK(equal(f(x, -7), tensor({-7, -14})));
  CHECK(f.trace_count() == 2);
}

TEST_CASE("A Scalar is weak, and exact: it takes the dtype of what it meets", "[trace]") {
  auto f = trace([](const Tensor& x, const Tensor& y, Scalar s) {
    return std::vector<Tensor>{x * s, y * s, x + y * s};
  });
  for (const double s : {0.1, 1e-300, -3.25}) {
    const Tensor x = ones({4}, float16);
    const Tensor y = linspace(0, 1, 4);
    const auto results = f(x, y, s);
    CHECK(equal(results[0], x * s));
    CHECK(equal(results[1], y * s));
    CHECK(equal(results[2], x + y * s));
    CHECK(results[0].dtype() == float16);
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("Numbers that meet numbers are float32 or integers, not wider", "[trace]") {
  auto f = trace([](const Tensor& x, Scalar s) {
    return std::vector<Tensor>{x * (1 - s), x * (s / 2), x * (s * s)};
  });
  for (int call = 0; call < 2; ++call) {
    for (const Tensor& y : f(ones({2}), 0.5)) CHECK(y.dtype() == float32);
  }
  CHECK(equal(f(ones({2}), 0.5)[0], tensor({0.5, 0.5})));
  CHECK((Scalar(0.5) / 2).dtype() == float32);
  CHECK((Scalar(3) * 2).dtype() == int64);
}

struct Rates {
  Scalar rate = 0.1;
  std::vector<Scalar> decays;
  int steps = 1;
  static constexpr auto fields() {
    return std::tuple{field("rate", &Rates::rate), field("decays", &Rates::decays),
                      field("steps", &Rates::steps)};
  }
};

TEST_CASE("Scalars may stand in structs and containers, of arguments and of results", "[trace]") {
  auto f = trace([](Tensor x, const Rates& r) {
    for (int i = 0; i < r.steps; ++i) x = x * r.rate;
    for (const Scalar& decay : r.decays) x = x - decay;
    return std::pair(x, r);
  });
  const auto [y, same] = f(ones({2}), {.rate = 2.0, .decays = {1.0, 0.5}, .steps = 2});
  CHECK(equal(y, tensor({2.5, 2.5})));
  const auto [z, others] = f(ones({2}), {.rate = 3.0, .decays = {0.0, 0.25}, .steps = 2});
  CHECK(equal(z, tensor({8.75, 8.75})));
  CHECK(others.rate.real() == 3.0);
  CHECK(others.decays[1].real() == 0.25);
  CHECK(f.trace_count() == 1);
  CHECK(equal(f(ones({2}), {.rate = 3.0, .decays = {0.0}, .steps = 1}).first, tensor({3.0, 3.0})));
  CHECK(f.trace_count() == 2);
}

TEST_CASE("The value of a Scalar is not read while the function is recorded", "[trace]") {
  auto read = trace([](const Tensor& x, Scalar s) { return s.real() > 0 ? x : -x; });
  CHECK(thrown<TraceError>([&] { read(ones({2}), 1.0); }) ==
        "trace: the value of a Scalar among the arguments is read while the function is recorded, "
        "and would be baked in: compute with the Scalar, or make the argument a plain number, of "
        "which each value is a trace of its own, at scalar_arguments_test.cpp:88");
  auto power = trace([](const Tensor& x, Scalar s) { return pow(x, s); });
  CHECK_THROWS_AS(power(ones({2}), 2.0), TraceError);
  auto count = trace([](Scalar n) { return arange(n); });
  CHECK_THROWS_AS(count(4), TraceError);
  auto base = trace([](const Tensor& x, Scalar s) { return pow(s, x); });
  CHECK(equal(base(tensor({3.0}), 2.0), tensor({8.0})));
  CHECK(equal(base(tensor({2.0}), 3.0), pow(3.0, tensor({2.0}))));
}

TEST_CASE("An integer that the dtype does not hold fails as it does eagerly", "[trace]") {
  const Variable calls(0, "calls");
  auto f = trace([&](const Tensor& x, Scalar s) {
    calls.assign_add(1);
    return x + s;
  });
  const Tensor x = tensor({1, 2}).to(int8);
  f(x, 1);
  CHECK(equal(f(x, 100), tensor({101, 102}).to(int8)));
  CHECK_THROWS_AS(f(x, 300), ValueError);
  CHECK(calls.value().item<int>() == 3);
  auto less = trace([](const Tensor& t, Scalar s) { return std::pair(t < s, s <= t); });
  for (const int number : {2, 300, -1000}) {
    CHECK(equal(less(x, number).first, x < number));
    CHECK(equal(less(x, number).second, number <= x));
  }
  CHECK(less.trace_count() == 1);
}

TEST_CASE("A Scalar is an input of unknown sizes, of relaxed shapes and of warm_up", "[trace]") {
  auto open = trace([](const Tensor& x, Scalar s) { return sum(x * s, -1); },
                    {.inputs = {spec({Dim("n"), 3}, float32, "x"), spec({}, float32, "scale")}});
  CHECK(equal(open(ones({2, 3}), 2.0), tensor({6.0, 6.0})));
  CHECK(equal(open(ones({1, 3}), 0.5), tensor({1.5})));
  CHECK(open.trace_count() == 1);
  CHECK(open.signatures()[0] == "(float32[n,3] x, float32 number scale) -> (float32[n] result)");

  auto relaxed = trace([](const Tensor& x, Scalar s) { return x - s; }, {.relax_shapes = true});
  for (int size = 1; size < 5; ++size)
    CHECK(equal(relaxed(ones({size}), size * 0.5), 1 - zeros({size}) - size * 0.5));
  CHECK(relaxed.trace_count() == 2);

  int runs = 0;
  auto ready = trace([&](const Tensor& x, Scalar s) {
    ++runs;
    return x / s;
  });
  ready.warm_up({spec({2}), spec({}, float32)});
  CHECK(equal(ready(ones({2}), 4.0), tensor({0.25, 0.25})));
  CHECK(ready.trace_count() == 1);
  CHECK(runs == 1);
  CHECK_THROWS_AS(ready.warm_up({spec({2}), spec({1}, float32)}), TraceError);
}

TEST_CASE("verify holds a Scalar's calls against the plain ones", "[trace]") {
  auto f = trace([](const Tensor& x, Scalar s) { return exp(x * s) - s; }, {.verify = true});
  for (const double s : {0.5, -2.0, 1e9}) CHECK(equal(f(ones({5}), s), exp(ones({5}) * s) - s));
}

TEST_CASE("A tape around a call with a Scalar has the plain call's gradients", "[trace]") {
  auto f = trace([](const Tensor& x, Scalar s) { return sum(tanh(x * s)); });
  const Tensor x = linspace(-1, 1, 5).to(float32);
  for (const double s : {0.5, 2.0, 3.0}) {
    GradientTape tape;
    tape.watch(x);
    const Tensor plain = sum(tanh(x * s));
    const Tensor expected = tape.gradient(plain, x);
    GradientTape traced;
    traced.watch(x);
    CHECK(equal(traced.gradient(f(x, s), x), expected));
  }
  CHECK(f.trace_count() == 1);
}

TEST_CASE("Traced functions hand Scalars on to the ones that they call", "[trace]") {
  auto inner = trace([](const Tensor& x, Scalar s) { return x * s; });
  auto outer = trace([&](const Tensor& x, Scalar s) { return inner(x, s) + inner(x, 2.0); });
  CHECK(equal(outer(ones({2}), 1.0), tensor({3.0, 3.0})));
  CHECK(equal(outer(ones({2}), 5.0), tensor({7.0, 7.0})));
  CHECK(outer.trace_count() == 1);
}

TEST_CASE("A learning rate may be an argument", "[trace]") {
  const auto trained = [](bool traced) {
    const Variable w(ones({3}), "w");
    Adam optimizer(0.5);
    const auto step = [&](const Tensor& x, Scalar rate) {
      optimizer.set_learning_rate(rate);
      return optimizer.minimize([&] { return sum(square(w - x)); });
    };
    const auto traced_step = trace(step);
    for (const double rate : {0.5, 0.25, 0.1, 0.3, 0.7}) {
      const Tensor x = full({3}, rate);
      traced ? traced_step(x, rate) : step(x, rate);
    }
    if (traced) {
      CHECK(traced_step.trace_count() == 1);
      CHECK_THROWS_AS(traced_step(zeros({3}), -1.0), ValueError);
    }
    CHECK(optimizer.learning_rate() == 0.7);
    return w.value();
  };
  CHECK(equal(trained(true), trained(false)));
}

TEST_CASE("A variable takes a Scalar's value", "[trace]") {
  const Variable total(zeros({}, float64), "total");
  auto add = trace([&](Scalar s) {
    total.assign(s);
    total.assign_add(s);
  });
  add(0.1);
  CHECK(total.value().item<double>() == 0.1 + 0.1);
  add(0.7);
  CHECK(total.value().item<double>() == 0.7 + 0.7);
  CHECK(add.trace_count() == 1);
}

TEST_CASE("A graph's inputs may be numbers", "[trace]") {
  const Folder folder;
  auto f = trace([](const Tensor& x, Scalar s) { return x * s; });
  f(ones({2}), 0.5);
  f(ones({2}), 2);
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(g.text("f.safetensors") == f.graph().text("f.safetensors"));
  CHECK(equal(g(ones({2}), 0.25), tensor({0.25, 0.25})));
  CHECK(equal(g(ones({2}), 3), tensor({3.0, 3.0})));
  CHECK(equal(g(ones({2}), Scalar(4.0)), tensor({4.0, 4.0})));
  const auto [fed] = g.run({{"x0", ones({2})}, {"x1", 0.75}}, {"result"});
  CHECK(equal(fed, tensor({0.75, 0.75})));
  CHECK_THROWS_AS(g(ones({2}), true), TraceError);
}

}  // namespace
}  // namespace rill::test
