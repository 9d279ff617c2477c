// Gradients of what was split: sums of slices that make the whole.
#include <cmath>

#include <rill/trace/listing.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/slice_sums.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

std::string summed(const Function& function) {
  Changes changes;
  return listing(remove_dead_code(concatenate_slice_sums(function, changes), changes));
}

TEST_CASE("slices that make the whole are concatenated, whatever their order") {
  const auto function = recorded({ones({2, 2}), ones({2, 3})}, [](const Tensors& x) -> Tensors {
    const Tensor zero = zeros({2, 5});
    const Tensor right = update_slice(zero, x[1], {0, 2}, {1, 1}, {2, 3});
    const Tensor left = update_slice(zero, x[0], {0, 0}, {1, 1}, {2, 2});
    return {right + left};
  });
  CHECK(summed(*function) ==
        R"(x0: float32[2,2]
x1: float32[2,3]
add/zero = 0
add/0 = add(x0, add/zero) float32[2,2]
add/1 = add(x1, add/zero) float32[2,3]
add = concat(add/0, add/1, axis=1) float32[2,5]
return add
)");
}

TEST_CASE("slices that leave a gap, meet or take steps stay sums") {
  const auto sum_of = [](const Shape& first, const Shape& step) {
    const auto function = recorded({ones({2})}, [&](const Tensors& x) -> Tensors {
      const Tensor zero = zeros({4});
      return {update_slice(zero, x[0], {0}, {1}, {2}) + update_slice(zero, x[0], first, step, {2})};
    });
    return summed(*function) == listing(*function);
  };
  CHECK(sum_of({1}, {1}));
  CHECK(sum_of({1}, {2}));
  CHECK_FALSE(sum_of({2}, {1}));
}

TEST_CASE("a split's gradient has the bits that adding up gives, signs of zeros too") {
  const Variable x(tensor({{1.0, -2.0, 0.5, 3.0}, {2.0, 1.0, -1.0, 4.0}}));
  const auto gradient = [&] {
    GradientTape tape;
    const auto part = split(x, 4, -1);
    const Tensor y = sum(part[0] * -0.0) + sum(part[1] * part[2]) + sum(part[3] * 2.0);
    return tape.gradient(y, x);
  };
  auto traced = trace([&] { return gradient(); });
  (void)traced();
  const Tensor whole = traced();
  CHECK(same_bits(whole, gradient()));
  CHECK_FALSE(std::signbit(whole(0, 0).item<float>()));
}

}  // namespace
}  // namespace rill
