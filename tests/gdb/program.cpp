// What tests/gdb/run looks at in gdb.

#include <rill/tensor/literal.h>
#include <rill/tensor/tensor.h>

#include <array>

namespace {

// Not inlined, and with a name to stop at.
[[gnu::noinline]] void stop_here(const rill::Tensor& first) {
  asm volatile("" ::"r"(&first) : "memory");
}

}  // namespace

int main() {
  const rill::Tensor counting = rill::tensor({{0, 1, 2}, {3, 4, 5}});
  const rill::Tensor halves = rill::tensor({0.5, -2.0, 1e20}, rill::float32);
  const rill::Tensor brain = rill::tensor({1.5}, rill::bfloat16);
  const rill::Tensor truths = rill::tensor({true, false});
  const rill::Tensor number = rill::tensor(7);
  const rill::Tensor transposed = counting.view({3, 2}, std::array<std::int64_t, 2>{1, 3}, 0);
  const rill::Tensor large = rill::Tensor::empty({1000, 3}, rill::float16);
  const rill::Tensor abstract = rill::Tensor::abstract({2, 3}, rill::float32);
  const rill::Tensor undefined;
  const rill::Shape shape{4, 5};
  const rill::Dim known = 7;
  const rill::DType dtype = rill::float16;
  stop_here(counting);
  return known == rill::Dim(7) && dtype == rill::float16 && shape.rank() == 2 &&
                 !undefined.defined()
             ? 0
             : 1;
}
