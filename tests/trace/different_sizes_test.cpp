// Functions that compare sizes which are not known while they are captured.
#include <rill/rill.h>
#include <rill/tensor/different_sizes.h>

#include <atomic>
#include <thread>

#include "tests/catch.h"
#include "tests/thrown.h"
#include "tests/trace/numbers.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using test::numbers;
using test::thrown;

TEST_CASE("a call in which sizes are equal that == told apart is captured for itself") {
  const auto plain = [](const Tensor& x) { return x.dim(0) == 1 ? x * 3.0 : x * 2.0; };
  const Dim rows("rows");
  auto f = trace(plain, {.inputs = {spec({rows, 2})}});
  auto relaxed = trace(plain, {.relax_shapes = true});
  for (const int n : {4, 2, 1, 7, 1, 5}) {
    const Tensor x = numbers({n, 2});
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
  CHECK(whole.trace_count() == 3);  // [?,?], [2,?] and [2,2]
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
    const Tensor x = numbers({n, 50}) + 0.1;
    const auto traced = f(x);
    const auto eager = plain(x);
    INFO("to the power of " << n);
    for (std::size_t k = 0; k < 2; ++k) CHECK(equal(traced[k], eager[k]));
  }
  CHECK(f.trace_count() == 4);
  CHECK(equal(pow(numbers({4}), Dim(3)), pow(numbers({4}), 3)));
}

TEST_CASE("of many sizes only those that are compared are captured for themselves") {
  const auto plain = [](const Tensor& x) { return x.dim(0) == 1 ? x * 3.0 : x * 2.0; };
  auto f = trace(plain, {.inputs = {spec({Dim("n"), Dim("m")})}});
  for (const int m : {2, 3, 4, 5}) {
    for (const int n : {1, 2}) CHECK(equal(f(ones({n, m})), plain(ones({n, m}))));
  }
  CHECK(f.trace_count() == 2);
  CHECK(f.signatures()[0].starts_with("(float32[1,m] x) -> "));
}

TEST_CASE("a function that only equal sizes are good for is captured for them") {
  auto three = trace(
      [](const Tensor& x) {
        if (x.dim(0) != 3) throw ValueError("needs 3 rows");
        return x * 2.0;
      },
      {.inputs = {spec({unknown})}});
  CHECK(equal(three(ones({3})), ones({3}) * 2.0));
  CHECK(thrown<ValueError>([&] { (void)three(ones({4})); }) == "needs 3 rows");
}

TEST_CASE("sizes that are computed are no comparison of the function's") {
  auto f = trace(
      [](const Tensor& x) {
        const Dim n = x.dim(0);
        return x * Dim::max(Dim::min(n, 4), n / 2) + reshape(x, {-1, 1})(0) * (n % 3);
      },
      {.inputs = {spec({unknown})}});
  for (const int n : {1, 2, 4, 7}) (void)f(ones({n}));
  CHECK(f.trace_count() == 1);
}

TEST_CASE("what rill looks up is no comparison of the function's") {
  const Tensor x = Tensor::abstract({Dim("n"), 2}, float32);
  std::vector<DifferentSizes::Pair> different;
  const DifferentSizes collected(different);
  GradientTape tape;
  tape.watch(x);
  for (int k = 0; k < 600; ++k) (void)broadcast_to(x, {Dim("m") + k, x.dim(0), 2});
  CHECK(different.empty());
}

TEST_CASE("a loop up to an unknown size is an error, or recorded per shape") {
  const auto sum_of = [](const Tensor& x) {
    Tensor total = zeros({});
    for (int i = 0; i != x.dim(0); ++i) total = total + x(i);
    return total;
  };
  auto relaxed = trace(sum_of, {.relax_shapes = true});
  for (const int n : {2, 3, 4}) CHECK(relaxed(ones({n})).item<int>() == n);
  CHECK(relaxed.trace_count() == 3);
  auto f = trace(
      [](const Tensor& x) {
        int i = 0;
        while (i != x.dim(0)) ++i;
        return x * i;
      },
      {.inputs = {spec({Dim("n")})}});
  CHECK(equal(f(ones({5})), ones({5}) * 5));  // 5 is one of those that were compared
  CHECK(thrown<ValueError>([&] {
          (void)f(ones({5000}));
        }).starts_with("trace: the size n is read as a number while the function is recorded"));
}

TEST_CASE("what is compared is kept by files, numbers below 0 among them") {
  auto f = trace(
      [](const Tensor& a, const Tensor& b) { return a.dim(0) - b.dim(0) == -1 ? sum(a) : sum(b); },
      {.inputs = {spec({Dim("n")}), spec({Dim("m")})}});
  CHECK(f(ones({4}), ones({3})).item<float>() == 3);
  const Graph graph = reloaded(f.graph());
  CHECK(graph(ones({4}), ones({3})).item<float>() == 3);
  CHECK_THROWS_AS(graph(ones({2}), ones({3})), TraceError);
}

TEST_CASE("a pair that cannot be computed is for the function itself to say") {
  auto f = trace([](const Tensor& x) { return x.dim(1) / x.dim(0) == 1 ? x * 3.0 : x * 2.0; },
                 {.inputs = {spec({Dim("n"), Dim("m")})}});
  CHECK(equal(f(ones({2, 8})), ones({2, 8}) * 2.0));
  CHECK(thrown<ValueError>([&] { (void)f(ones({0, 6})); }).find("divided by zero") !=
        std::string::npos);
}

TEST_CASE(
    "a comparison of sizes keeps its meaning in warm_up, under verify, tapes and other traces") {
  const auto plain = [](const Tensor& x) { return x.dim(0) == 1 ? x * x * x : x * x; };
  const std::vector<TensorSpec> specs = {spec({Dim("n"), 2})};
  auto warmed = trace(plain, {.inputs = specs});
  warmed.warm_up({spec({1, 2})});
  CHECK(warmed.trace_count() == 2);
  auto verified = trace(plain, {.inputs = specs, .verify = true});
  const auto inner = trace(plain, {.relax_shapes = true});
  auto outer = trace([&](const Tensor& x) { return inner(x) + 1.0; }, {.inputs = specs});
  auto gradient = trace(
      [&](const Tensor& x) {
        GradientTape tape;
        tape.watch(x);
        return tape.gradient(plain(x), x);
      },
      {.inputs = specs});
  for (const int n : {3, 1, 2, 1}) {
    const Tensor x = numbers({n, 2}) + 1.0;
    CHECK(equal(warmed(x), plain(x)));
    CHECK(equal(verified(x), plain(x)));
    CHECK(equal(outer(x), plain(x) + 1.0));
    GradientTape tape;
    tape.watch(x);
    const Tensor expected = n == 1 ? x * x + (x + x) * x : x + x;
    CHECK(allclose(tape.gradient(warmed(x), x), expected));
    CHECK(allclose(gradient(x), expected));
  }
}

TEST_CASE("threads that push each other's captures out have their results") {
  const auto plain = [](const Tensor& x) { return x.dim(0) == 1 ? x * 3.0 : x * 2.0; };
  auto f = trace(plain, {.inputs = {spec({unknown})}, .max_signatures = 1});
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        const Tensor x = ones({(i + t) % 3 + 1});
        right += equal(f(x), plain(x)) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == 200);
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
    const Tensor x = numbers({steps, 4, 3});
    const auto traced = f(x);
    const auto eager = plain(x);
    for (std::size_t k = 0; k < 3; ++k) CHECK(equal(traced[k], eager[k]));
  }
  CHECK(f.signatures()[0].ends_with(" where steps != 0"));
  CHECK(f.trace_count() == 2);
}

}  // namespace
}  // namespace rill
