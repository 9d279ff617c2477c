// What each pass makes of a function, in the textual form.
#include <rill/trace/listing.h>
#include <rill/trace/passes/common_subexpressions.h>

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

TEST_CASE("equal operators on equal operands run once; draws do not") {
  const auto function = recorded({ones({4})}, [](const Tensors& x) -> Tensors {
    const Tensor a = exp(x[0] + 1.0);
    const Tensor b = exp(x[0] + 1.0);
    const Tensor c = rng::uniform({2});
    return {a * b, c + rng::uniform({2})};
  });
  CHECK(listing(*function) ==
        R"(x: float32[4]
number = 1
add = add(x, number) float32[4]
exp = exp(add) float32[4]
number_1 = 1
add_1 = add(x, number_1) float32[4]
exp_1 = exp(add_1) float32[4]
draw = draw uint64[2]
random_uniform = random_uniform(draw, count=[2], dtype=float32) float32[2]
reshape = reshape(random_uniform, shape=[2]) float32[2]
multiply = multiply(exp, exp_1) float32[4]
draw_1 = draw uint64[2]
random_uniform_1 = random_uniform(draw_1, count=[2], dtype=float32) float32[2]
reshape_1 = reshape(random_uniform_1, shape=[2]) float32[2]
add_2 = add(reshape, reshape_1) float32[2]
return multiply, add_2
)");
  CHECK(listing(merge_common_subexpressions(*function)) ==
        R"(x: float32[4]
number = 1
add = add(x, number) float32[4]
exp = exp(add) float32[4]
draw = draw uint64[2]
random_uniform = random_uniform(draw, count=[2], dtype=float32) float32[2]
reshape = reshape(random_uniform, shape=[2]) float32[2]
multiply = multiply(exp, exp) float32[4]
draw_1 = draw uint64[2]
random_uniform_1 = random_uniform(draw_1, count=[2], dtype=float32) float32[2]
reshape_1 = reshape(random_uniform_1, shape=[2]) float32[2]
add_2 = add(reshape, reshape_1) float32[2]
return multiply, add_2
)");
}

}  // namespace
}  // namespace rill
