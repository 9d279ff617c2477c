// log(1 + exp(x)) overflows for large x, and so does the gradient that a tape finds for it. A
// function may bring a gradient of its own, as in TensorFlow's guide.

#include <rill/rill.h>

using namespace rill;

int main() {
  auto naive = [](Tensor x) { return log(1 + exp(x)); };
  auto safe = custom_gradient([](Tensor x) {
    const Tensor e = exp(x);
    return std::pair(log(1 + e), [e](Tensor dy) { return dy * (1 - 1 / (1 + e)); });
  });

  for (float at : {0.0f, 100.0f}) {
    print("x =", at, " naive gradient", grad(naive)(at), " own gradient", grad(safe)(at));
  }
}
