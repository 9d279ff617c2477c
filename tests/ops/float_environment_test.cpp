// Results must not depend on how the host program has set its processor.
#include <bit>
#include <cfenv>
#include <cstdint>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include <rill/rill.h>

#include "tests/catch.h"

namespace rill {
namespace {

/// Small calls of each way that a call can go: numbers, dense tensors, broadcasts, folds, products.
/// What the program itself computes before, the conversion of its numbers say, is its own affair.
std::vector<float> results(const Tensor& x) {
  const Tensor column = tensor({{0.1F}, {3.0F}});
  std::vector<float> all;
  const auto keep = [&](const Tensor& y) {
    for (const float value : y.to_vector<float>()) all.push_back(value);
  };
  keep(x * 0.1);
  keep(x / x(0) / 3);
  keep(x / tensor({3.0F, 7.0F, 0.1F, 1e3F}));  // the last is a denormal
  keep(x / column);
  keep(sum(x / 3, 0));
  keep(matmul(x.reshape({2, 2}) * 0.3, x.reshape({2, 2})));
  keep(exp(x * -29.0));
  Tensor y = x.to(float32);
  y /= 3;
  keep(y);
  keep(linspace(0.1, 0.7, 5));
  keep(full({3}, 0.1));
  keep(tensor({0.1, 0.7}));
  keep(matmul(ones({2, 40000}) * 0.1, ones({40000, 1})));  // partial sums
  return all;
}

TEST_CASE("Another rounding mode changes no result, and is as it was afterwards") {
  const Tensor x = tensor({1.0F, 3.0F, 7.0F, 1e-38F});
  const std::vector<float> expected = results(x);
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    REQUIRE(std::fesetround(mode) == 0);
    const std::vector<float> found = results(x);
    const int after = std::fegetround();
    std::fesetround(FE_TONEAREST);
    REQUIRE(after == mode);
    REQUIRE(found == expected);
  }
}

#if defined(__SSE2__)
TEST_CASE("Flush-to-zero changes no result, and is as it was afterwards") {
  const Tensor x = tensor({1.0F, 3.0F, 7.0F, 1e-38F});
  const std::vector<float> expected = results(x);
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040U);  // flush-to-zero and denormals-are-zero
  const std::vector<float> found = results(x);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  REQUIRE((after & 0x8040U) == 0x8040U);
  // By bits: the comparison itself must not flush.
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    REQUIRE(std::bit_cast<std::uint32_t>(found[i]) == std::bit_cast<std::uint32_t>(expected[i]));
  }
}
#endif

}  // namespace
}  // namespace rill
