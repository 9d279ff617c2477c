// Newton's method: steps by the first derivative over the second, which is the gradient of a
// gradient.

#include <rill/rill.h>

using namespace rill;

int main() {
  auto f = [](Tensor x) { return x * x * x * x - 3 * x * x * x + 2; };
  auto first = grad(f);
  auto second = grad(first);

  Tensor x = tensor(4.0, float64);
  for (int step = 1; step <= 7; ++step) {
    x = x - first(x) / second(x);
    print("step", step, " x", x, " f(x)", f(x));
  }
  print("the minimum lies at 9/4:", x.item<double>() == 2.25);
}
