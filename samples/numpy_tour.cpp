// For those who come from NumPy: the same habits, spelled in C++.

#include <rill/rill.h>

using namespace rill;

int main() {
  print("-- making arrays");
  print(tensor({{1, 2, 3}, {4, 5, 6}}));
  print(zeros({2, 3}), linspace(0, 1, 5), eye(2));

  print("-- indexing: views, steps, new axes, masks");
  Tensor x = arange(12).reshape({3, 4});
  print(x);
  print("row 1:", x(1), " last column:", x(slice(), -1));
  print("every second, backwards:", x(0, slice({}, {}, -2)));
  x.at(x > 8) = 0;
  x.at(1) += 100;
  print(x);

  print("-- broadcasting and reductions");
  Tensor y = arange(6.0f).reshape({2, 3});
  print(y - mean(y, 0), sum(y, 1, {.keepdims = true}));
  print("argmax along rows:", argmax(y, 1), " cumulative:", cumsum(y, 1));

  print("-- dtypes promote as in NumPy 2");
  print((tensor({1, 2}) / 2).dtype(), (y * 2.5).dtype(), (tensor({1, 2}) + tensor({0.5})).dtype());

  print("-- values, not references: a copy never changes");
  Tensor before = y;
  y += 1;
  print("y(0, 0) =", y(0, 0), " before(0, 0) =", before(0, 0));

  print("-- linear algebra, stacking, sorting");
  print(matmul(y, y.transpose()));
  print(stack({arange(3), arange(3) * 10}), concat({arange(2), arange(3)}));
  Tensor z = tensor({3, 1, 2});
  print("sorted:", take(z, argsort(z), 0));

  print("-- reading values is explicit");
  float first = y(0, 0).item<float>();
  print("a float:", first, " all positive:", static_cast<bool>(all(y > 0)));
}
