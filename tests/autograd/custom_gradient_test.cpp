// Functions with a gradient of their own.

#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/functional.h>
#include <rill/autograd/tape.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/literal.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/autograd/values.h"
#include "tests/catch.h"

using namespace rill;
using rill::test::Floats;
using rill::test::values;

namespace {

/// log(1 + exp(x)), whose own derivative would overflow for large x.
const auto log1pexp = custom_gradient([](const Tensor& x) {
  const Tensor e = exp(x);
  return std::pair(log(1 + e), [e](const Tensor& dy) { return dy * (1 - 1 / (1 + e)); });
});

}  // namespace

TEST_CASE("log1pexp has the gradient that it was given") {
  CHECK(grad(log1pexp)(0.0).item<float>() == 0.5F);
  CHECK(grad(log1pexp)(100.0).item<float>() == 1.0F);
  CHECK(log1pexp(0.0).item<float>() == Approx(0.6931472F));
}

TEST_CASE("gradients of a custom gradient lead through what it has captured") {
  // The derivative of the sigmoid at 0 is 1/4.
  CHECK(grad(grad(log1pexp))(0.0).item<float>() == Approx(0.25F));
}

TEST_CASE("the gradient function alone decides") {
  const auto reversed = custom_gradient(
      [](const Tensor& x) { return std::pair(x, [](const Tensor& dy) { return -dy; }); });
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  CHECK(values(tape.gradient(reversed(x) * 3, x)) == Floats{-3, -3});
}

TEST_CASE("several arguments and results") {
  const auto swapped = custom_gradient([](const Tensor& a, const Tensor& b) {
    return std::pair(std::array{a * b, a + b}, [](const Tensor& dproduct, const Tensor& dsum) {
      return std::array{dproduct * 10, dsum * 100};
    });
  });
  const Tensor a = tensor({1.0});
  const Tensor b = tensor({2.0});
  GradientTape tape({.persistent = true});
  tape.watch(a);
  tape.watch(b);
  const auto [product, total] = swapped(a, b);
  CHECK(values(product) == Floats{2});
  CHECK(values(total) == Floats{3});
  auto [da, db] = tape.gradient(product, {a, b});
  CHECK(values(da) == Floats{10});
  CHECK(values(db) == Floats{0});  // nothing flowed back into the sum
  CHECK(values(tape.gradient({product, total}, b)) == Floats{100});
}

TEST_CASE("tapes inside a function with its own gradient work as ever") {
  const auto f = custom_gradient([](const Tensor& x) {
    GradientTape inner;
    inner.watch(x);
    const Tensor y = x * x;
    const Tensor dy = inner.gradient(y, x);
    return std::pair(y, [dy](const Tensor& upstream) { return upstream * dy; });
  });
  CHECK(grad(f)(3.0).item<float>() == 6);
  CHECK(grad(grad(f))(3.0).item<float>() == 2);
}

TEST_CASE("a gradient function that does not fit its arguments is an error") {
  const auto too_few = custom_gradient([](const Tensor& a, const Tensor& b) {
    return std::pair(a * b, [](const Tensor& dy) { return dy; });
  });
  const auto wrong_shape = custom_gradient([](const Tensor& x) {
    return std::pair(x * 2, [](const Tensor&) { return tensor({1.0, 2.0, 3.0}); });
  });
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor y = too_few(x, x);
  const Tensor z = wrong_shape(x);
  CHECK_THROWS_WITH(tape.gradient(y, x),
                    Catch::StartsWith("custom_gradient: the gradient function returned 1 gradients "
                                      "for 2 arguments, at custom_gradient_test.cpp:"));
  CHECK_THROWS_WITH(tape.gradient(z, x),
                    Catch::StartsWith("custom_gradient: the gradient of argument 0 is float32[3], "
                                      "the argument float32[2], at custom_gradient_test.cpp:"));
}

TEST_CASE("what is wrong with a gradient function names the line that made it") {
  const int line = __LINE__ + 1;
  const auto f = custom_gradient([](const Tensor& x) {
    return std::pair(x * 2, [](const Tensor&) { return tensor({1.0, 2.0, 3.0}); });
  });
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = f(x);
  CHECK_THROWS_WITH(tape.gradient(y, x),
                    Catch::EndsWith("custom_gradient_test.cpp:" + std::to_string(line)));
}

TEST_CASE("an error inside leaves the tape as it was") {
  const auto failing = custom_gradient([](const Tensor& x) {
    if (x.size() == 2) throw ValueError("no");
    return std::pair(x, [](const Tensor& dy) { return dy; });
  });
  const Tensor x = tensor({1.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = x * x;
  CHECK_THROWS_AS(failing(x), ValueError);
  CHECK(values(tape.gradient(y, x)) == Floats{2, 4});
}

TEST_CASE("listeners hear brackets around the operations inside") {
  struct Ear : Listener {
    std::vector<std::string> heard;
    std::size_t outputs = 0;
    void op(const OpEvent& e) override { heard.emplace_back(e.name); }
    void enter(const ScopeEvent& e) override { heard.emplace_back("enter " + std::string(e.name)); }
    void leave(const ScopeEvent& e) override {
      heard.emplace_back("leave");
      outputs = static_cast<const CustomGradient*>(e.subject)->outputs.size();
    }
  } ear;
  const Tensor x = tensor({2.0});
  const Listening on(ear);
  static_cast<void>(log1pexp(x));
  CHECK(ear.heard ==
        std::vector<std::string>{"enter custom_gradient", "exp", "add", "log", "leave"});
  CHECK(ear.outputs == 1);
}
