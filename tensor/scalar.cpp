#include <rill/tensor/scalar.h>

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include <rill/tensor/error.h>
#include <rill/tensor/float_environment.h>
#include <rill/tensor/unnamed.h>

namespace rill {

void detail::refuse_value(Where where) {
  throw TraceError(
      "trace: the value of a Scalar among the arguments is read while the function is recorded, "
      "and "
      "would be baked in: compute with the Scalar, or make the argument a plain number, of which "
      "each value is a trace of its own" +
      where.suffix());
}

DType Scalar::beside(DType other) const {
  switch (kind_) {
    case Kind::boolean:
      return other;
    case Kind::integer:
      return other == bool_ ? int64 : other;
    case Kind::unsigned_integer:
      return other == bool_ ? uint64 : other;
    case Kind::real:
      break;
  }
  return is_float(other) ? other : float64;
}

std::uint64_t Scalar::bits(DType dtype) const {
  const detail::FloatingPointGuard guard;
  return visit(dtype, [&](auto zero) -> std::uint64_t {
    using T = decltype(zero);
    std::uint64_t bits = 0;
    T element{};
    if constexpr (std::is_same_v<T, bool>) {
      element = kind_ == Kind::real ? real_ != 0 : integer_ != 0;
    } else if constexpr (std::is_integral_v<T>) {
      bool fits = true;
      if (kind_ == Kind::real) {
        // The upper bound itself rounds up to a power of two that no longer fits.
        const double truncated = std::trunc(real_);
        const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
        fits = truncated < above && truncated >= (std::is_signed_v<T> ? -above : 0.0);
        if (fits) element = static_cast<T>(truncated);
      } else if (kind_ == Kind::unsigned_integer) {
        fits = std::in_range<T>(static_cast<std::uint64_t>(integer_));
        element = static_cast<T>(integer_);
      } else {
        fits = std::in_range<T>(integer_);
        element = static_cast<T>(integer_);
      }
      if (!fits)
        throw detail::UnnamedError<ValueError>(
            "the number " + text() + " does not fit into " + std::string(name(dtype)) +
            ", which holds " + std::to_string(std::numeric_limits<T>::min()) + " to " +
            std::to_string(std::numeric_limits<T>::max()));
    } else if constexpr (std::is_same_v<T, double>) {
      element = as_real();
    } else if constexpr (std::is_same_v<T, float>) {
      element = static_cast<float>(as_real());
    } else {
      // A double through float would round twice: let the float be sticky in its last bit instead.
      const double exact = as_real();
      float rounded = static_cast<float>(exact);
      if (static_cast<double>(rounded) != exact && !std::isnan(exact) && !std::isinf(rounded)) {
        const auto towards_zero = std::fabs(static_cast<double>(rounded)) > std::fabs(exact)
                                      ? std::nextafter(rounded, 0.0F)
                                      : rounded;
        rounded = std::bit_cast<float>(std::bit_cast<std::uint32_t>(towards_zero) | 1U);
      }
      element = T(rounded);
    }
    std::memcpy(&bits, &element, sizeof element);
    return bits;
  });
}

std::string Scalar::text() const {
  if (kind_ == Kind::boolean) return integer_ != 0 ? "true" : "false";
  if (kind_ == Kind::integer) return std::to_string(integer_);
  if (kind_ == Kind::unsigned_integer) return std::to_string(static_cast<std::uint64_t>(integer_));
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), real_).ptr;
  return {text.data(), end};
}

Scalar Scalar::from_bits(DType dtype, std::uint64_t bits) {
  return visit(dtype, [&](auto zero) -> Scalar {
    decltype(zero) element{};
    std::memcpy(static_cast<void*>(&element), &bits, sizeof element);
    return {element};
  });
}

Scalar Scalar::any(DType dtype) {
  if (dtype == uint64) return {std::numeric_limits<std::uint64_t>::max()};
  return from_bits(dtype, 0);
}

}  // namespace rill
