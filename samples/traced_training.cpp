// The same training twice: step by step, and as one traced function. The traced one runs a plan of
// few kernels from its second call on, and gives the same bits.

#include <rill/rill.h>

using namespace rill;

namespace {

/// One hidden layer: (n, 1) -> (n, 1).
struct Network {
  Variable w1{rng::normal({1, 32}) * 3}, b1{rng::normal({32})};
  Variable w2{rng::normal({32, 1}) / 6}, b2{zeros({1})};

  Tensor operator()(const Tensor& x) const { return matmul(tanh(matmul(x, w1) + b1), w2) + b2; }
};

/// Fits sin(3 x) on [-1, 1], and returns the network and its last loss.
struct Trained {
  Network network;
  Tensor loss;
};
Trained train(bool traced) {
  rng::seed(1);  // the same network, the same points
  const Network network;
  Adam optimizer(0.02);
  const auto step = [&](const Tensor& x) {
    return optimizer.minimize([&] { return mean(square(network(x) - sin(3 * x))); });
  };
  const auto traced_step = trace(step);
  Tensor loss;
  for (int i = 0; i <= 400; ++i) {
    const Tensor x = rng::uniform({64, 1}, -1, 1);
    loss = traced ? traced_step(x) : step(x);
    if (traced && i % 100 == 0) print("step", i, "loss", round(10000 * loss) / 10000);
  }
  if (traced) print("recorded", traced_step.trace_count(), "time");
  return {network, loss};
}

}  // namespace

int main() {
  const Trained plain = train(false);
  const Trained traced = train(true);
  print("the same last loss:", equal(plain.loss, traced.loss));
  print("the same weights:", equal(plain.network.w1, traced.network.w1));

  const Tensor x = linspace(-1, 1, 5).to(float32);
  print("sin(3 x)", round(100 * sin(3 * x)) / 100);
  print("network ", round(100 * traced.network(x.reshape({5, 1})).reshape({5})) / 100);
}
