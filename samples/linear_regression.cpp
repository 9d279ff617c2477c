// Fits a line to noisy points, once by hand with a tape and once with an optimizer.

#include <rill/rill.h>

using namespace rill;

int main() {
  rng::seed(1);
  const Tensor x = linspace(-1, 1, 200).to(float32);
  const Tensor y = 3 * x + 2 + 0.1 * rng::normal({200});

  // By hand: the loss under a tape, its gradients, a step down.
  Variable slope(0.0, "slope");
  Variable offset(0.0, "offset");
  for (int step = 0; step < 200; ++step) {
    GradientTape tape;
    const Tensor loss = mean(square(slope * x + offset - y));
    const auto [d_slope, d_offset] = tape.gradient(loss, {slope, offset});
    slope.assign_sub(0.1 * d_slope);
    offset.assign_sub(0.1 * d_offset);
  }
  print("by hand:      slope", round(100 * slope) / 100, "offset", round(100 * offset) / 100);

  // The same with Adam.
  Variable a(0.0, "a");
  Variable b(0.0, "b");
  Adam optimizer(0.05);
  for (int step = 0; step < 400; ++step) {
    optimizer.minimize([&] { return mean(square(a * x + b - y)); });
  }
  print("by optimizer: slope", round(100 * a) / 100, "offset", round(100 * b) / 100);
}
