/// The two 16-bit floating-point element types. C++20 has none, and `half` and `bfloat16_t` belong
/// to others. Invariant: storage formats only; arithmetic converts to float, and conversion to them
/// rounds to nearest even.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>

namespace rill {

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
class Half {
 public:
  Half() = default;
  /// Rounds to nearest even; overflow gives infinity; NaN stays NaN.
  explicit constexpr Half(float value) : bits_(round(value)) {}
  static constexpr Half from_bits(std::uint16_t bits) {
    Half half;
    half.bits_ = bits;
    return half;
  }
  [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }
  /// Exact.
  // NOLINTNEXTLINE(google-explicit-constructor): a Half reads as its value
  constexpr operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits_ & 0x8000U) << 16U;
    const std::uint32_t rest = bits_ & 0x7fffU;
    if (rest >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | (rest & 0x3ffU) << 13U);
    if (rest >= 0x400U) return std::bit_cast<float>(sign | ((rest << 13U) + (112U << 23U)));
    const float magnitude = static_cast<float>(rest) * 0x1p-24F;  // exact: at most 10 bits
    return sign != 0 ? -magnitude : magnitude;
  }

 private:
  static constexpr std::uint16_t round(float value) {
    const std::uint32_t all = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (all >> 16U) & 0x8000U;
    const std::uint32_t rest = all & 0x7fffffffU;
    if (rest > 0x7f800000U) return static_cast<std::uint16_t>(sign | 0x7e00U);
    if (rest >= 0x477ff000U) return static_cast<std::uint16_t>(sign | 0x7c00U);  // 65520 and above
    if (rest >= 0x38800000U) {
      const std::uint32_t rounded = rest + 0xfffU + ((rest >> 13U) & 1U);
      return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23U)) >> 13U));
    }
    // Below 2^-14: adding 0.5 puts the last bit of the subnormal at the float's last bit.
    const float shifted = std::bit_cast<float>(rest) + 0.5F;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3f000000U));
  }

  std::uint16_t bits_ = 0;
};

/// The upper half of a float: 1 sign, 8 exponent, 7 fraction bits.
class BFloat16 {
 public:
  BFloat16() = default;
  /// Rounds to nearest even; NaN stays NaN.
  explicit constexpr BFloat16(float value) : bits_(round(value)) {}
  static constexpr BFloat16 from_bits(std::uint16_t bits) {
    BFloat16 number;
    number.bits_ = bits;
    return number;
  }
  [[nodiscard]] constexpr std::uint16_t bits() const { return bits_; }
  /// Exact.
  constexpr operator float() const {  // NOLINT(google-explicit-constructor): reads as its value
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits_) << 16U);
  }

 private:
  static constexpr std::uint16_t round(float value) {
    const std::uint32_t all = std::bit_cast<std::uint32_t>(value);
    if ((all & 0x7fffffffU) > 0x7f800000U) {
      return static_cast<std::uint16_t>((all >> 16U) | 0x40U);
    }
    return static_cast<std::uint16_t>((all + 0x7fffU + ((all >> 16U) & 1U)) >> 16U);
  }

  std::uint16_t bits_ = 0;
};

/// The 16-bit element types.
template <class T>
concept HalfElement = std::same_as<T, Half> || std::same_as<T, BFloat16>;

// Arithmetic of 16-bit numbers is that of floats; said here, because operators of tensors take
// numbers too.
template <HalfElement A, HalfElement B>
constexpr float operator+(A a, B b) {
  return static_cast<float>(a) + static_cast<float>(b);
}
template <HalfElement A, HalfElement B>
constexpr float operator-(A a, B b) {
  return static_cast<float>(a) - static_cast<float>(b);
}
template <HalfElement A, HalfElement B>
constexpr float operator*(A a, B b) {
  return static_cast<float>(a) * static_cast<float>(b);
}
template <HalfElement A, HalfElement B>
constexpr float operator/(A a, B b) {
  return static_cast<float>(a) / static_cast<float>(b);
}
template <HalfElement A>
constexpr float operator-(A a) {
  return -static_cast<float>(a);
}
template <HalfElement A, HalfElement B>
constexpr bool operator==(A a, B b) {
  return static_cast<float>(a) == static_cast<float>(b);
}
template <HalfElement A, HalfElement B>
constexpr auto operator<=>(A a, B b) {
  return static_cast<float>(a) <=> static_cast<float>(b);
}

}  // namespace rill
