// The shortest tour: a tensor, a variable, a gradient, a traced function.

#include <rill/rill.h>

using namespace rill;

int main() {
  rng::seed(1);
  Tensor x = arange(6.0f).reshape({2, 3});
  Variable w(rng::normal({3, 2}), "w");

  GradientTape tape;
  Tensor loss = mean(square(matmul(x, w)));
  Tensor dw = tape.gradient(loss, w);
  print("loss", loss);
  print("dw", dw);

  auto f = trace([&](Tensor t) { return relu(matmul(t, w)); });
  print("f(x)", f(x));
}
