// A whole training step inside one trace: forward, tape, update of the variables.

#include "tests/catch.h"

#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/tape.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/linalg.h>
#include <rill/ops/operators.h>
#include <rill/ops/reduce.h>
#include <rill/optim/adam.h>
#include <rill/optim/sgd.h>
#include <rill/tensor/literal.h>
#include <rill/trace/trace.h>

#include <utility>
#include <vector>

using namespace rill;

namespace {

struct Model {
  Variable w{tensor({{0.5, -0.25}, {0.125, 1.0}, {-0.75, 0.25}}), "w"};
  Variable b{tensor({0.0, 0.1}), "b"};
  Adam optimizer{0.05};

  Tensor step(const Tensor& x, const Tensor& y) {
    return optimizer.minimize([&] { return mean(square(tanh(matmul(x, w) + b) - y)); });
  }
};

const Tensor inputs =
    tensor({{1.0, 2.0, -1.0}, {0.5, -0.5, 0.25}, {2.0, 0.0, 1.0}, {-1.0, 1.0, 0.5}});
const Tensor targets = tensor({{0.5, -0.5}, {0.25, 0.25}, {-0.5, 0.75}, {0.0, 0.5}});

}  // namespace

TEST_CASE("a traced training step gives the bits of the eager one, step after step") {
  Model eager;
  Model traced;
  auto step = trace([&](const Tensor& x, const Tensor& y) { return traced.step(x, y); });
  for (int i = 0; i < 5; ++i) {
    const Tensor expected = eager.step(inputs, targets);
    const Tensor found = step(inputs, targets);
    CHECK(found.to_vector<float>() == expected.to_vector<float>());
  }
  CHECK(traced.w.value().to_vector<float>() == eager.w.value().to_vector<float>());
  CHECK(traced.b.value().to_vector<float>() == eager.b.value().to_vector<float>());
  CHECK(traced.optimizer.iterations() == 5);
}

TEST_CASE("a new learning rate takes effect in a step that was traced before") {
  const Variable w(tensor({1.0}));
  SGD optimizer(0.5);
  auto step = trace(
      [&](const Tensor& scale) { return optimizer.minimize([&] { return sum(w * scale); }); });
  step(tensor({1.0}));
  step(tensor({1.0}));
  CHECK(w.value().item<float>() == 0.0F);
  optimizer.set_learning_rate(0.25);
  step(tensor({1.0}));
  CHECK(w.value().item<float>() == -0.25F);
}

TEST_CASE("a trace computes what is inside a function with its own gradient") {
  const auto doubled = custom_gradient(
      [](const Tensor& x) { return std::pair(x * 2, [](const Tensor& dy) { return dy * 10; }); });
  auto value = trace([&](const Tensor& x) { return doubled(x) + 1; });
  CHECK(value(tensor({1.0})).item<float>() == 3.0F);
  CHECK(value(tensor({5.0})).item<float>() == 11.0F);
  auto gradient = trace([&](const Tensor& x) {
    GradientTape tape;
    tape.watch(x);
    return tape.gradient(doubled(x) * x, x);
  });
  CHECK(gradient(tensor({3.0})).item<float>() == 36.0F);
  CHECK(gradient(tensor({4.0})).item<float>() == 48.0F);
}
