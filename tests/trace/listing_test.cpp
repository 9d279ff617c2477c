// A function's textual form.
#include <rill/trace/listing.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

TEST_CASE("a listing shows nodes, operands, attributes and results") {
  const Variable w(ones({3, 2}), "w");
  const auto function = recorded({ones({2, 3})}, [&](const Tensors& x) -> Tensors {
    const Tensor y = sum(matmul(x[0], w), 0) * 0.5;
    w.assign_add(1.0);
    return {y};
  });
  CHECK(listing(*function) ==
        R"(x: float32[2,3]
w = variable 'w' float32[3,2]
matmul = matmul(x, w, transpose_a=false, transpose_b=false) float32[2,2]
sum = sum(matmul, axes=[0], keepdims=false) float32[2]
number = 0.5
multiply = multiply(sum, number) float32[2]
number_1 = 1
add = add(w, number_1) float32[3,2]
variable 'w' = add
return multiply
)");
}

}  // namespace
}  // namespace rill
