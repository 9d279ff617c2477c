// What the table of operators cannot derive of reductions: dtypes, signed zeros, NaN, many
// elements.

#include <rill/autograd/tape.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/random.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/ops/softmax.h>
#include <rill/tensor/literal.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

TEST_CASE("sums of integers widen") {
  CHECK(name(sum(zeros({2}, int8)).dtype()) == "int64");
  CHECK(name(sum(zeros({2}, uint8)).dtype()) == "uint64");
  CHECK(name(sum(tensor({true, true})).dtype()) == "int64");
  CHECK(sum(full({1000}, 100, int8)).item<int>() == 100000);
  CHECK(name(mean(zeros({2}, int8)).dtype()) == "float64");
  CHECK(name(sum(zeros({2}, float16)).dtype()) == "float16");
}

TEST_CASE("rows that are reduced in one loop have the bits that each has alone") {
  const Tensor x = rng::normal({1027, 500});
  const Tensor totals = sum(x, 1);
  const Tensor variances = var(x, 1);
  const Tensor shares = softmax(x);
  for (int row = 0; row < 1027; ++row) {
    const Tensor alone = x(row);
    REQUIRE(totals(row).item<float>() == sum(alone).item<float>());
    REQUIRE(variances(row).item<float>() == var(alone).item<float>());
    REQUIRE(equal(shares(row), softmax(alone)));
  }
}

TEST_CASE("float16 sums and means accumulate in float32") {
  const Tensor x = ones({100000}, float16);
  CHECK(mean(x).item<float>() == 1);
  CHECK(sum(ones({4000}, float16)).item<float>() == 4000);
  CHECK(std::isinf(sum(x).item<float>()));
}

TEST_CASE("the gradient of a float16 mean survives more elements than float16 can count") {
  const Tensor x = ones({100000}, float16);
  GradientTape tape;
  tape.watch(x);
  const Tensor dx = tape.gradient(mean(x), x);
  CHECK(dx(0).item<float>() == Approx(1e-5).epsilon(0.01));
}

TEST_CASE("a sum of many floats stays accurate") {
  const Tensor x = full({1 << 22}, 0.1F);
  CHECK(sum(x).item<float>() == Approx(419430.4).epsilon(1e-6));
  CHECK(sum(x.reshape({2048, 2048}), 0)(7).item<float>() == Approx(204.8).epsilon(1e-6));
}

TEST_CASE("sums of nothing are 0, products 1, means NaN") {
  CHECK(sum(zeros({0})).item<float>() == 0);
  CHECK(prod(zeros({0})).item<float>() == 1);
  CHECK(std::isnan(mean(zeros({0})).item<float>()));
  CHECK(logsumexp(zeros({0})).item<float>() == -INFINITY);
}

TEST_CASE("max and min give NaN if any element is NaN, and order +0 above -0") {
  CHECK(std::isnan(max(tensor({1.0, NAN, 3.0})).item<float>()));
  CHECK(std::isnan(min(tensor({1.0, NAN, 3.0})).item<float>()));
  CHECK_FALSE(std::signbit(max(tensor({-0.0, 0.0})).item<float>()));
  CHECK(std::signbit(min(tensor({0.0, -0.0})).item<float>()));
  CHECK(max(tensor({false, true})).item<bool>());
}

TEST_CASE("argmax takes the first of equals and the first NaN") {
  CHECK(argmax(tensor({1, 3, 3})).item<int>() == 1);
  CHECK(argmax(tensor({1.0, NAN, 3.0, NAN})).item<int>() == 1);
  CHECK(argmin(tensor({1.0, NAN, -3.0})).item<int>() == 1);
  CHECK(argmax(tensor({-0.0, 0.0})).item<int>() == 0);
  CHECK(argmax(full({70000}, -INFINITY)).item<int>() == 0);
  CHECK(argmax(tensor({{1, 5}, {7, 2}})).item<int>() == 2);
}

TEST_CASE("elements that share the maximum share its gradient") {
  const Tensor x = tensor({2.0, 1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(max(x), x).to_vector<float>() == std::vector<float>{0.5, 0, 0.5});
}

TEST_CASE("the gradient of a product with zeros is that of the others") {
  const Tensor x = tensor({{2.0, 0.0, 3.0}, {0.0, 0.0, 3.0}});
  GradientTape tape;
  tape.watch(x);
  CHECK(tape.gradient(prod(x, 1), x).to_vector<float>() == std::vector<float>{0, 6, 0, 0, 0, 0});
}

TEST_CASE("the second derivatives of a product are right with no zero, one and two") {
  // d^2(abcd)/dx_i dx_j is the product of the two others; the gradient of their sum over i is
  // returned, for a row of 3: of 1 2 3, for instance, (2+3, 1+3, 1+2).
  const auto second = [](const Tensor& x) {
    GradientTape outer;
    outer.watch(x);
    GradientTape inner;
    inner.watch(x);
    const Tensor slope = inner.gradient(prod(x, -1), x);
    return outer.gradient(sum(slope), x).to_vector<float>();
  };
  using Floats = std::vector<float>;
  CHECK(second(tensor({2.0, 3.0, 5.0})) == Floats{3 + 5, 2 + 5, 2 + 3});
  CHECK(second(tensor({2.0, 0.0, 5.0})) == Floats{0 + 5, 2 + 5, 2 + 0});
  CHECK(second(tensor({2.0, 0.0, 0.0})) == Floats{0, 2, 2});
  CHECK(second(tensor({0.0, 0.0, 0.0})) == Floats{0, 0, 0});
  CHECK(second(zeros({0})).empty());
}

TEST_CASE("the gradient of a product over several axes is that of the others") {
  const Tensor x = tensor({{{1.0, 2.0}, {3.0, 4.0}}, {{5.0, 0.0}, {7.0, 8.0}}});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = prod(x, {0, 2});  // 1*2*5*0, 3*4*7*8
  const Tensor z = prod(x);
  using Floats = std::vector<float>;
  CHECK(tape.gradient(y, x).to_vector<float>() == Floats{0, 0, 224, 168, 0, 10, 96, 84});
  CHECK(tape.gradient(z, x).to_vector<float>() == Floats{0, 0, 0, 0, 0, 6720, 0, 0});
  const Tensor alone = prod(x(slice(), slice(), slice(0, 1)), 2);
  CHECK(tape.gradient(alone, x).to_vector<float>() == Floats{1, 0, 1, 0, 1, 0, 1, 0});
}

TEST_CASE("the unbiased variance divides by one less") {
  const Tensor x = tensor({1.0, 2.0, 3.0, 4.0});
  CHECK(var(x).item<float>() == 1.25F);
  CHECK(var(x, {.unbiased = true}).item<float>() == Approx(5.0 / 3));
  CHECK(stddev(x, 0, {.unbiased = true}).item<float>() == Approx(std::sqrt(5.0 / 3)));
}

TEST_CASE("logsumexp survives large and infinite elements") {
  CHECK(logsumexp(tensor({1000.0, 1000.0})).item<float>() == Approx(1000.6931));
  CHECK(logsumexp(tensor({-INFINITY, -INFINITY})).item<float>() == -INFINITY);
  CHECK(logsumexp(tensor({INFINITY, 0.0})).item<float>() == INFINITY);
}

TEST_CASE("a reduction over no axis is over all") {
  CHECK(sum(ones({2, 3}), Axes()).item<float>() == 6);
  CHECK(sum(ones({2, 3}), {.keepdims = true}).shape() == Shape{1, 1});
  CHECK(sum(tensor(3.0)).item<float>() == 3);
}

}  // namespace
}  // namespace rill
