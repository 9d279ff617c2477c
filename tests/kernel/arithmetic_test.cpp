#include "tests/catch.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <rill/kernel/arithmetic.h>

namespace rill::kernel {
namespace {

constexpr double double_infinity = std::numeric_limits<double>::infinity();
constexpr double double_nan = std::numeric_limits<double>::quiet_NaN();

/// One element.
template <class R, class A, class... More>
R apply(Code code, A first, More... more) {
  const std::array<const std::byte*, 1 + sizeof...(More)> args = {
      reinterpret_cast<const std::byte*>(&first), reinterpret_cast<const std::byte*>(&more)...};
  R result{};
  using Last = std::tuple_element_t<sizeof...(More), std::tuple<A, More...>>;
  operation(code, dtype_of<Last>, dtype_of<R>)(reinterpret_cast<std::byte*>(&result), args.data(),
                                               1);
  return result;
}

template <class R, class A>
R cast(A value) {
  return apply<R>(Code::cast, value);
}

bool is_negative_zero(double x) { return x == 0 && std::signbit(x); }
bool is_positive_zero(double x) { return x == 0 && !std::signbit(x); }

TEST_CASE("integers wrap") {
  CHECK(apply<std::int8_t>(Code::add, std::int8_t{127}, std::int8_t{1}) == -128);
  CHECK(apply<std::uint8_t>(Code::subtract, std::uint8_t{0}, std::uint8_t{1}) == 255);
  CHECK(apply<std::int16_t>(Code::multiply, std::int16_t{300}, std::int16_t{300}) == 24464);
  CHECK(apply<std::uint16_t>(Code::multiply, std::uint16_t{65535}, std::uint16_t{65535}) == 1);
  const auto lowest = std::numeric_limits<std::int64_t>::min();
  CHECK(apply<std::int64_t>(Code::negate, lowest) == lowest);
  CHECK(apply<std::int64_t>(Code::absolute, lowest) == lowest);
  CHECK(apply<std::uint32_t>(Code::negate, std::uint32_t{1}) == 0xffffffffU);
}

TEST_CASE("integers divide by floor, and by zero give zero") {
  CHECK(apply<std::int32_t>(Code::divide, 7, 2) == 3);
  CHECK(apply<std::int32_t>(Code::divide, -7, 2) == -4);
  CHECK(apply<std::int32_t>(Code::divide, 7, -2) == -4);
  CHECK(apply<std::int32_t>(Code::divide, -7, -2) == 3);
  CHECK(apply<std::int32_t>(Code::divide, 7, 0) == 0);
  CHECK(apply<std::uint8_t>(Code::divide, std::uint8_t{7}, std::uint8_t{0}) == 0);
  CHECK(apply<std::int32_t>(Code::modulo, -7, 2) == 1);
  CHECK(apply<std::int32_t>(Code::modulo, 7, -2) == -1);
  CHECK(apply<std::int32_t>(Code::modulo, 7, 0) == 0);
  const auto lowest = std::numeric_limits<std::int32_t>::min();
  CHECK(apply<std::int32_t>(Code::divide, lowest, -1) == lowest);
  CHECK(apply<std::int32_t>(Code::modulo, lowest, -1) == 0);
}

TEST_CASE("shifts that are too wide have one result") {
  CHECK(apply<std::uint8_t>(Code::shift_left, std::uint8_t{0x81}, std::uint8_t{1}) == 2);
  CHECK(apply<std::uint8_t>(Code::shift_left, std::uint8_t{1}, std::uint8_t{8}) == 0);
  CHECK(apply<std::int32_t>(Code::shift_left, 1, -1) == 0);
  CHECK(apply<std::int32_t>(Code::shift_right, -8, 1) == -4);
  CHECK(apply<std::int32_t>(Code::shift_right, -8, 32) == -1);
  CHECK(apply<std::int32_t>(Code::shift_right, -8, -1) == -1);
  CHECK(apply<std::int32_t>(Code::shift_right, 8, 99) == 0);
  CHECK(apply<std::uint64_t>(Code::shift_right, ~std::uint64_t{0}, std::uint64_t{64}) == 0);
}

TEST_CASE("minimum and maximum propagate NaN and order the zeros") {
  CHECK(std::isnan(apply<float>(Code::minimum, 1.0F, static_cast<float>(double_nan))));
  CHECK(std::isnan(apply<float>(Code::maximum, static_cast<float>(double_nan), 1.0F)));
  CHECK(is_negative_zero(apply<double>(Code::minimum, 0.0, -0.0)));
  CHECK(is_negative_zero(apply<double>(Code::minimum, -0.0, 0.0)));
  CHECK(is_positive_zero(apply<double>(Code::maximum, 0.0, -0.0)));
  CHECK(is_positive_zero(apply<double>(Code::maximum, -0.0, 0.0)));
  CHECK(apply<std::int8_t>(Code::maximum, std::int8_t{-3}, std::int8_t{2}) == 2);
}

TEST_CASE("signs are bits") {
  CHECK(is_negative_zero(apply<double>(Code::negate, 0.0)));
  CHECK(is_positive_zero(apply<double>(Code::absolute, -0.0)));
  CHECK(std::signbit(apply<double>(Code::negate, std::copysign(double_nan, 1.0))));
  CHECK(!std::signbit(apply<double>(Code::absolute, std::copysign(double_nan, -1.0))));
}

TEST_CASE("rounding to integers keeps the sign of zero and goes to even") {
  CHECK(apply<float>(Code::round, 2.5F) == 2.0F);
  CHECK(apply<float>(Code::round, 3.5F) == 4.0F);
  CHECK(is_negative_zero(apply<double>(Code::round, -0.5)));
  CHECK(is_negative_zero(apply<double>(Code::ceil, -0.5)));
  CHECK(is_negative_zero(apply<double>(Code::trunc, -0.5)));
  CHECK(apply<double>(Code::floor, -0.5) == -1.0);
}

TEST_CASE("a multiplication and an addition round twice, a fused one once") {
  const float a = 1.0F + 0x1p-12F;
  CHECK(apply<float>(Code::fma, a, a, -1.0F) == 0x1.0008p-11F);
  CHECK(apply<float>(Code::add, apply<float>(Code::multiply, a, a), -1.0F) == 0x1p-11F);
}

TEST_CASE("comparisons with NaN are false, but for not equal") {
  CHECK(!apply<bool>(Code::equal, double_nan, double_nan));
  CHECK(apply<bool>(Code::not_equal, double_nan, double_nan));
  CHECK(!apply<bool>(Code::less, double_nan, 1.0));
  CHECK(!apply<bool>(Code::less_equal, 1.0, double_nan));
  CHECK(apply<bool>(Code::equal, 0.0, -0.0));
  CHECK(apply<bool>(Code::less, false, true));
  CHECK(!apply<bool>(Code::less, std::uint8_t{255}, std::uint8_t{1}));
}

TEST_CASE("floats become integers by truncation, saturating") {
  CHECK(cast<std::int32_t>(-2.9F) == -2);
  CHECK(cast<std::uint8_t>(-0.9) == 0);
  CHECK(cast<std::uint8_t>(-1.0) == 0);
  CHECK(cast<std::uint8_t>(255.9) == 255);
  CHECK(cast<std::uint8_t>(256.0) == 255);
  CHECK(cast<std::int8_t>(-129.0F) == -128);
  CHECK(cast<std::int64_t>(0x1p63) == std::numeric_limits<std::int64_t>::max());
  CHECK(cast<std::int64_t>(-0x1p63) == std::numeric_limits<std::int64_t>::min());
  CHECK(cast<std::uint64_t>(0x1p64F) == ~std::uint64_t{0});
  CHECK(cast<std::uint64_t>(0x1.fffffep63F) == 0xffffff0000000000U);
  CHECK(cast<std::int32_t>(double_nan) == 0);
  CHECK(cast<std::int32_t>(double_infinity) == std::numeric_limits<std::int32_t>::max());
  CHECK(cast<std::int16_t>(Half(-70000.0F)) == -32768);
}

TEST_CASE("anything becomes bool by not being zero") {
  CHECK(cast<bool>(0.5F));
  CHECK(cast<bool>(double_nan));
  CHECK(!cast<bool>(-0.0));
  CHECK(cast<bool>(std::int8_t{-128}));
  CHECK(cast<bool>(Half::from_bits(1)));
  CHECK(!cast<bool>(Half::from_bits(0x8000)));
  CHECK(cast<float>(true) == 1.0F);
}

TEST_CASE("integers wrap among each other and round once to floats") {
  CHECK(cast<std::int8_t>(std::uint32_t{0x1ff}) == -1);
  CHECK(cast<std::uint64_t>(std::int8_t{-1}) == ~std::uint64_t{0});
  CHECK(cast<float>(std::int32_t{16777217}) == 16777216.0F);
  CHECK(cast<float>(~std::uint64_t{0}) == 0x1p64F);
  CHECK(cast<Half>(std::int64_t{65519}).bits() == 0x7bff);
  CHECK(cast<Half>(std::int64_t{65520}).bits() == 0x7c00);
  CHECK(cast<Half>(std::numeric_limits<std::int64_t>::min()).bits() == 0xfc00);
}

/// Checks a conversion to a half type at, just below and just above the middle of each two
/// neighbours.
template <class H>
void rounds_once(std::uint16_t infinity_bits) {
  for (std::uint16_t bits = 0; bits < infinity_bits; ++bits) {
    const double low = static_cast<double>(static_cast<float>(H::from_bits(bits)));
    const bool last = bits + 1 == infinity_bits;
    const double step =
        last ? low - static_cast<double>(
                         static_cast<float>(H::from_bits(static_cast<std::uint16_t>(bits - 1))))
             : static_cast<double>(
                   static_cast<float>(H::from_bits(static_cast<std::uint16_t>(bits + 1)))) -
                   low;
    const double middle = low + step / 2;
    const std::uint16_t even = bits % 2 == 0 ? bits : static_cast<std::uint16_t>(bits + 1);
    const bool right =
        cast<H>(low).bits() == bits && cast<H>(middle).bits() == even &&
        cast<H>(std::nextafter(middle, double_infinity)).bits() == bits + 1 &&
        cast<H>(std::nextafter(middle, 0.0)).bits() == bits &&
        cast<H>(-std::nextafter(middle, double_infinity)).bits() == (0x8000 | (bits + 1));
    if (!right) FAIL_CHECK("double rounding at " << bits);
  }
  CHECK(cast<H>(double_infinity).bits() == infinity_bits);
  CHECK(cast<H>(1e300).bits() == infinity_bits);
  CHECK(cast<H>(-1e-300).bits() == 0x8000);
  CHECK(std::isnan(static_cast<float>(cast<H>(double_nan))));
}

TEST_CASE("float64 rounds once to float16, at all of its values") { rounds_once<Half>(0x7c00); }
TEST_CASE("float64 rounds once to bfloat16, at all of its values") {
  rounds_once<BFloat16>(0x7f80);
}

TEST_CASE("int64 and uint64 round once to bfloat16") {
  // A bfloat16 has 8 significant bits: two neighbours are `step` apart.
  for (int exponent = 9; exponent < 63; ++exponent) {
    const std::int64_t step = std::int64_t{1} << (exponent - 7);
    for (std::int64_t digits = 128; digits < 256; ++digits) {
      const std::int64_t middle = digits * step + step / 2;
      const float down = std::ldexp(static_cast<float>(digits), exponent - 7);
      const float up = std::ldexp(static_cast<float>(digits + 1), exponent - 7);
      const float even = digits % 2 == 0 ? down : up;
      const auto rounded = [](auto number) { return static_cast<float>(cast<BFloat16>(number)); };
      const bool right = rounded(middle) == even && rounded(-middle) == -even &&
                         rounded(middle - 1) == down && rounded(middle + 1) == up &&
                         rounded(1 - middle) == -down && rounded(-middle - 1) == -up &&
                         rounded(static_cast<std::uint64_t>(middle)) == even &&
                         rounded(2 * static_cast<std::uint64_t>(middle) + 1) == 2 * up;
      if (!right) FAIL_CHECK("double rounding at " << middle);
    }
  }
  CHECK(static_cast<float>(cast<BFloat16>(~std::uint64_t{0})) == 0x1p64F);
}

TEST_CASE("half types convert exactly among themselves and to wider floats") {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = Half::from_bits(static_cast<std::uint16_t>(bits));
    const auto brain = BFloat16::from_bits(static_cast<std::uint16_t>(bits));
    if (!std::isnan(static_cast<float>(half)) && cast<Half>(cast<double>(half)).bits() != bits)
      FAIL_CHECK(bits);
    if (!std::isnan(static_cast<float>(brain)) && cast<BFloat16>(cast<float>(brain)).bits() != bits)
      FAIL_CHECK(bits);
    if (cast<BFloat16>(half).bits() != BFloat16(static_cast<float>(half)).bits()) FAIL_CHECK(bits);
  }
}

TEST_CASE("half types are not computed with") {
  CHECK(operation(Code::add, float16, float16) == nullptr);
  CHECK(operation(Code::less, bfloat16, bool_) == nullptr);
  CHECK(operation(Code::select, bfloat16, bfloat16) != nullptr);
  CHECK(operation(Code::add, bool_, bool_) == nullptr);
  CHECK(operation(Code::bit_xor, bool_, bool_) != nullptr);
  CHECK(operation(Code::load, float32, float32) == nullptr);
}

TEST_CASE("stores combine half types in float32") {
  Half stored(1.0F);
  const Half added(0x1p-11F);
  const std::array<const std::byte*, 2> args = {reinterpret_cast<const std::byte*>(&stored),
                                                reinterpret_cast<const std::byte*>(&added)};
  combination(Store::Mode::add, float16)(reinterpret_cast<std::byte*>(&stored), args.data(), 1);
  CHECK(stored.bits() == 0x3c00);  // halfway, to even
  CHECK(combination(Store::Mode::set, float32) == nullptr);
  CHECK(combination(Store::Mode::maximum, bool_) == nullptr);
}

}  // namespace
}  // namespace rill::kernel
