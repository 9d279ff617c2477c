// A program of somebody who depends on rill: a gradient, an error caught by its type, and a traced
// function saved to the file that the first argument names.

#include <rill/rill.h>

#include <cstdio>

using namespace rill;

int main(int argc, char** argv) {
  if (argc != 2) return 1;
  const Tensor x = tensor({{1.0, 0.0}, {0.0, -1.0}});
  Variable w(tensor({{1.0, 2.0}, {3.0, 4.0}}), "w");

  GradientTape tape;
  Tensor loss = sum(square(matmul(x, w)));
  Tensor dw = tape.gradient(loss, w);
  if (!equal(dw, tensor({{2.0, 4.0}, {6.0, 8.0}}))) {
    std::puts("the gradient of sum(square(x @ w)) is wrong");
    return 1;
  }

  try {
    matmul(x, zeros({3, 1}));
    std::puts("a product of 2x2 and 3x1 was accepted");
    return 1;
  } catch (const ShapeError&) {
  }

  auto f = trace([&](Tensor t) { return relu(matmul(t, w)); });
  f(x);
  f.save(argv[1]);
}
