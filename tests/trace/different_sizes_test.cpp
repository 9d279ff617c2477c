// Functions that compare sizes which are not known while they are captured.
#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/thrown.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using test::thrown;

Tensor counted(const Shape& shape) {
  return reshape(arange(shape.size()).to(float32), shape) / 7.0;
}

TEST_CASE("a call in which sizes are equal that == told apart is captured for itself") {
  const auto plain = [](const Tensor& x) { return x.dim(0) == 1 ? x * 3.0 : x * 2.0; };
  const Dim rows("rows");
  auto f = trace(plain, {.inputs = {spec({rows, 2})}});
  auto relaxed = trace(plain, {.relax_shapes = true});
  for (const int n : {4, 2, 1, 7, 1, 5}) {
    const Tensor x = counted({n, 2});
    INFO(n << " rows: " << f(x) << ", relaxed " << relaxed(x));
    CHECK(equal(f(x), plain(x)));
    CHECK(equal(relaxed(x), plain(x)));
  }
  CHECK(f.signatures() == std::vector<std::string>{
                              "(float32[1,2] x) -> (float32[1,2] result)",
                              "(float32[rows,2] x) -> (float32[rows,2] result) where rows != 1"});
  CHECK(relaxed.trace_count() == 3);

  auto two = trace(
      [](const Tensor& a, const Tensor& b) { return a.dim(0) != b.dim(0) ? sum(a) : sum(a * b); },
      {.inputs = {spec({Dim("n")}), spec({Dim("m")})}, .max_signatures = 1});
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(two(ones({3}), ones({4}) * 2.0).item<float>() == 3);
    CHECK(two(ones({3}), ones({3}) * 2.0).item<float>() == 6);
  }
  CHECK(two.trace_count() == 4);
  auto whole = trace([](const Tensor& x) { return x.shape() == Shape{2, 2} ? x : -x; },
                     {.inputs = {spec({unknown, unknown})}});
  CHECK(whole(ones({2, 2})).to_vector<float>()[0] == 1);
  CHECK(whole(ones({3, 2})).to_vector<float>()[0] == -1);
  CHECK(whole.trace_count() == 2);
}

TEST_CASE("a graph is not for calls in which sizes are equal that == told apart") {
  auto f = trace([](const Tensor& x) { return x.dim(0) == 1 ? x * 3.0 : x * 2.0; },
                 {.inputs = {spec({Dim("rows"), 2})}});
  CHECK(equal(f(ones({3, 2})), ones({3, 2}) * 2.0));
  const Graph one = reloaded(f.graph());
  CHECK(one.text("weights").find(R"("different_sizes": [["rows",1]])") != std::string::npos);
  CHECK(equal(one(ones({3, 2})), ones({3, 2}) * 2.0));
  CHECK(thrown<TraceError>([&] { (void)one(ones({1, 2})); }) ==
        "graph: no signature takes (float32[1,2]); there are:\n  (float32[rows,2] x) -> "
        "(float32[rows,2] result) where rows != 1, at different_sizes_test.cpp:" +
            std::to_string(__LINE__ - 3));
  CHECK(
      thrown<TraceError>([&] { (void)one.run({{"x", ones({1, 2})}}, {"result"}); })
          .starts_with("run: the function was captured for sizes that differ, and rows (axis 0 of "
                       "x) is 1: save a traced function after a call with such sizes"));
  CHECK(equal(f(ones({1, 2})), ones({1, 2}) * 3.0));
  const Graph both = reloaded(f.graph());
  CHECK(equal(both(ones({1, 2})), ones({1, 2}) * 3.0));
  CHECK(equal(both(ones({2, 2})), ones({2, 2}) * 2.0));
  CHECK(equal(both.run({{"x", ones({1, 2})}}, {"result"})[0], ones({1, 2}) * 3.0));
}

TEST_CASE("a size as an exponent multiplies where a number does") {
  const auto plain = [](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = pow(x, x.dim(0));
    return std::vector<Tensor>{y, tape.gradient(y, x)};
  };
  auto f = trace(plain, {.inputs = {spec({unknown, 50})}});
  for (const int n : {4, 1, 2, 3, 5, 3}) {
    const Tensor x = counted({n, 50}) + 0.1;
    const auto traced = f(x);
    const auto eager = plain(x);
    INFO("to the power of " << n);
    for (std::size_t k = 0; k < 2; ++k) CHECK(equal(traced[k], eager[k]));
  }
  CHECK(f.trace_count() == 4);
  CHECK(equal(pow(counted({4}), Dim(3)), pow(counted({4}), 3)));
}

TEST_CASE("a layer of LSTM captured for unknown steps is captured for itself without any") {
  rng::seed(1);
  const Tensor w = rng::normal({3, 8}), u = rng::normal({2, 8}), b = rng::normal({8});
  const auto plain = [&](const Tensor& x) {
    const auto [y, h, c] = lstm(x, w, u, b);
    return std::vector<Tensor>{y, h, c};
  };
  auto f = trace(plain, {.inputs = {spec({Dim("steps"), 4, 3})}});
  for (const int steps : {2, 0, 5, 0}) {
    const Tensor x = counted({steps, 4, 3});
    const auto traced = f(x);
    const auto eager = plain(x);
    for (std::size_t k = 0; k < 3; ++k) CHECK(equal(traced[k], eager[k]));
  }
  CHECK(f.signatures()[0].ends_with(" where steps != 0"));
  CHECK(f.trace_count() == 2);
}

}  // namespace
}  // namespace rill
