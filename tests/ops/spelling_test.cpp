// What reads as an operator of tensors, and what must not compile.

#include <rill/autograd/variable.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/linalg.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/literal.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>

#include "tests/catch.h"

// As programs do.
using namespace rill;  // NOLINT(google-build-using-namespace)
using namespace std;   // NOLINT(google-build-using-namespace)

namespace {

template <class... T>
concept Summable = requires(T... x) { sum(x...); };
template <class A, class B>
concept HasLarger = requires(A a, B b) { max(a, b); };
template <class A, class B>
concept HasSmaller = requires(A a, B b) { min(a, b); };

static_assert(Summable<Tensor> && Summable<Variable> && Summable<Tensor, int>);
static_assert(!Summable<double> && !Summable<int>, "reductions refuse plain numbers");
static_assert(!Summable<Tensor, bool> && !Summable<Tensor, double>, "neither names an axis");
static_assert(!HasLarger<Tensor, Tensor> && !HasSmaller<Tensor, Tensor>, "maximum is meant");
static_assert(!HasLarger<Variable, Variable> && !HasSmaller<Variable, Variable>);
static_assert(HasLarger<int, int> && HasLarger<Tensor, int>);

static_assert(!std::is_convertible_v<double, Tensor> && !std::is_constructible_v<Tensor, double>);
static_assert(std::is_same_v<decltype(exp(1.0)), double> &&
              std::is_same_v<decltype(pow(2.0, 3.0)), double>);
static_assert(std::is_same_v<decltype(float32 == float64), bool> &&
              std::is_same_v<decltype(Shape{1} == Shape{1}), bool>);
static_assert(std::is_same_v<decltype(Dim(2) * 3 == Dim(6)), bool> &&
              std::is_same_v<decltype(Dim(2) + 1), Dim>);
static_assert(std::is_same_v<decltype(Half(1.0F) + Half(2.0F)), float> &&
              std::is_same_v<decltype(-BFloat16(1.0F)), float>);
static_assert(std::is_same_v<decltype(Half(1.0F) < Half(2.0F)), bool> &&
              std::is_same_v<decltype(Half(1.0F) == Half(2.0F)), bool>);
static_assert(std::is_same_v<decltype(std::string("a") == "b"), bool>);

TEST_CASE("operators mix tensors, variables, sizes and numbers") {
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  const Variable w(tensor({1.0, 1.0}), "w");
  CHECK((1 + w).shape() == Shape{2});
  CHECK((x * w - 0.5).shape() == Shape{2, 2});
  CHECK((x / x.dim(0))(1, 1).item<float>() == 2);
  CHECK((w == w).dtype() == bool_);
  CHECK(maximum(x, 2)(0, 0).item<float>() == 2);
  CHECK(sum(w).item<float>() == 2);
  CHECK(max(x, 0).shape() == Shape{2});
  CHECK(std::max(1, 2) == 2);
}

TEST_CASE("braces after an operand are axes, and named members are options") {
  const Tensor x = ones({2, 3});
  CHECK(sum(x, {0, 1}, {.keepdims = true}).shape() == Shape{1, 1});
  CHECK(sum(x, -1).shape() == Shape{2});
  CHECK(sum(x, {.keepdims = true}).shape() == Shape{1, 1});
  CHECK(var(x, 0, {.unbiased = true}).shape() == Shape{3});
  CHECK(gelu(x, {.approximate = true}).shape() == Shape{2, 3});
  CHECK(cumsum(x, 1, {.reverse = true})(0, 0).item<float>() == 3);
}

TEST_CASE("an error names the line of the call, not one inside the library") {
  const Tensor x = ones({2, 3});
  const Tensor y = ones({4});
  const auto line_of = [](const auto& call) {
    try {
      call();
    } catch (const Error& error) {
      const std::string text = error.what();
      return text.substr(text.rfind(", at ") + 5);
    }
    return std::string("nothing thrown");
  };
  const auto at = [](int line) { return "spelling_test.cpp:" + std::to_string(line); };
  CHECK(line_of([&] { (void)(x + y); }) == at(__LINE__));
  CHECK(line_of([&] { (void)sum(x, 2); }) == at(__LINE__));
  CHECK(line_of([&] { (void)concat({x, y}); }) == at(__LINE__));
  CHECK(line_of([&] { (void)x(7); }) == at(__LINE__));
  CHECK(line_of([&] { (void)stddev(x, 5); }) == at(__LINE__));
  CHECK(line_of([&] { (void)tril(y); }) == at(__LINE__));
  CHECK(line_of([&] { (void)scatter(x, tensor({5}), 1); }) == at(__LINE__));
}

}  // namespace
