// Equal operators on equal operands.
#include <rill/trace/listing.h>
#include <rill/trace/passes/common_subexpressions.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

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
  Changes changes;
  CHECK(listing(merge_common_subexpressions(*function, changes)) ==
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
  CHECK(changes.count() == 2);
}

TEST_CASE("numbers that only a narrow dtype takes for equal stay apart") {
  const Tensor x = tensor({1.0, 3.0}, float64);
  auto f = trace([](const Tensor& x) { return x * 0.1 - x * static_cast<double>(0.1F); });
  (void)f(x);
  CHECK(equal(f(x), x * 0.1 - x * static_cast<double>(0.1F)));
  CHECK(any(f(x) != 0).item<bool>());
}

TEST_CASE("two results that are equal are two tensors") {
  auto f = trace([](const Tensor& x) { return std::vector<Tensor>{exp(x), exp(x)}; });
  (void)f(ones({3}));
  const auto results = f(ones({3}));
  CHECK(results[0].id() != results[1].id());
  CHECK(equal(results[0], results[1]));
}

}  // namespace
}  // namespace rill
