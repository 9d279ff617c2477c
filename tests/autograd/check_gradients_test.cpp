// The gradient checker finds wrong gradients, of first and second order, and passes right ones.

#include "tests/catch.h"

#include <rill/autograd/check_gradients.h>
#include <rill/autograd/custom_gradient.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>

#include <utility>

using namespace rill;

TEST_CASE("right gradients pass") {
  const Tensor x = tensor({{0.5, 1.5}, {2.0, -1.0}});
  const Tensor y = tensor({2.0, 3.0});
  CHECK(
      check_gradients([](std::span<const Tensor> in) { return in[0] * in[1] * exp(in[0]); }, {x, y})
          .ok);
}

TEST_CASE("a wrong first derivative is found and named") {
  const auto wrong = custom_gradient([](const Tensor& x) {
    return std::pair(x * x, [x](const Tensor& dy) { return dy * x * 2.001; });
  });
  const GradientCheck found = check_gradients(
      [&](std::span<const Tensor> in) { return wrong(in[0]); }, {tensor({1.0, 3.0})}, {.order = 1});
  CHECK_FALSE(found.ok);
  CHECK(found.text.starts_with("order 1, input 0, element ["));
}

TEST_CASE("a wrong second derivative is found and named") {
  // The value of the derivative is right, but it does not depend on x.
  const auto wrong = custom_gradient([](const Tensor& x) {
    return std::pair(x * x,
                     [constant = stop_gradient(x)](const Tensor& dy) { return dy * constant * 2; });
  });
  const auto f = [&](std::span<const Tensor> in) { return wrong(in[0]); };
  CHECK(check_gradients(f, {tensor({1.0, 3.0})}, {.order = 1}).ok);
  const GradientCheck found = check_gradients(f, {tensor({1.0, 3.0})});
  CHECK_FALSE(found.ok);
  CHECK(found.text.starts_with("order 2, gradient of input 0, input 0, element ["));
}

TEST_CASE("inputs that are no floats are left as they are") {
  const Tensor mask = tensor({true, false});
  const auto f = [](std::span<const Tensor> in) { return where(in[1], in[0] * in[0], in[0]); };
  CHECK(check_gradients(f, {tensor({1.0, 3.0}), mask}).ok);
  CHECK_THROWS_AS(check_gradients(f, {mask}), DTypeError);
}
