/// What the mathematical functions share: polynomials, and splitting a number into a power of two
/// and a rest. Invariant: nothing here branches on data, and the constants of a dtype stand in one
/// place, `Format`.
#pragma once

#include <initializer_list>
#include <limits>

#include <rill/kernel/builder.h>

namespace rill::kernel::math {

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// The layout of float32 or float64, for work on bits.
struct Format {
  DType bits;          ///< the unsigned integer of the same size
  int fraction;        ///< stored bits of the significand
  int bias;            ///< of the exponent
  double min_normal;   ///< smallest normal number
  double round_magic;  ///< 1.5 * 2^fraction: adding it rounds to an integer, which then stands in
                       ///< the low bits
};
/// `dtype` is float32 or float64.
Format format_of(DType dtype);

/// Whether `x` is float32; the other format that functions are written for is float64.
inline bool is_single(Value x) { return x.dtype() == float32; }

/// Computes a function of a 16-bit float in float32 and rounds once.
Value through_float32(Value (*function)(Value), Value x);

/// `c[0] + x (c[1] + x (c[2] + ...))`, by fused steps (Horner). The coefficients are rounded to x's
/// dtype.
Value polynomial(Value x, std::initializer_list<double> c);

/// `fma` with constants in the places where the functions have them.
inline Value fma(Value a, double b, Value c) { return kernel::fma(a, constant(a, b), c); }
inline Value fma(Value a, Value b, double c) { return kernel::fma(a, b, constant(a, c)); }
inline Value fma(Value a, double b, double c) {
  return kernel::fma(a, constant(a, b), constant(a, c));
}
using kernel::fma;

/// `x`, but at most (at least) `bound`. NaN stays NaN; one instruction, unlike `minimum` and
/// `maximum`.
inline Value at_most(Value x, double bound) { return select(x > bound, constant(x, bound), x); }
inline Value at_least(Value x, double bound) { return select(x < bound, constant(x, bound), x); }

/// A number as an unevaluated sum, |low| at most half a unit of high's last place.
struct Pair {
  Value high;
  Value low;
};
/// a + b, exactly.
Pair sum(Value a, Value b);
/// a + b, exactly, where |a| >= |b| or both have one exponent.
Pair sum_of_ordered(Value a, Value b);
/// a * b, exactly.
Pair product(Value a, Value b);

/// An integer power of two, kept as its exponent.
struct PowerOfTwo {
  Value exponent;  ///< n, a float
  Value
      biased;  ///< n + 2 bias, in the low bits of an unsigned integer whose other low bits are zero
};
/// n = x * rate, rounded to nearest even. |n| must stay below the format's largest exponent * 1.1.
PowerOfTwo nearest_power(Value x, double rate);
/// x * 2^n, correctly rounded also where the result overflows or is denormal (or 2^n would be).
Value scaled(Value x, const PowerOfTwo& power);
/// 2^n, rounded where it is too small.
Value value_of(const PowerOfTwo& power);
/// 2^(n + offset), which must be a normal number.
Value value_of(const PowerOfTwo& power, int offset);

/// x = n ln 2 + r with |r| <= ln(2)/2, and the polynomial of e^r.
/// Reduction: n ln 2 is subtracted in two parts, the first of which is exact. |x| < 750.
struct Exponential {
  PowerOfTwo power;  ///< 2^n
  Value r;           ///< rounded; `r_low` is what rounding took off
  Value r_low;
  Value q;  ///< e^r = 1 + r + r^2 q, to a relative 2^-27 (2^-60)
  [[nodiscard]] Value minus_one() const { return fma(r * r, q, r); }  ///< e^r - 1
};
Exponential exponential(Value x);

/// log(1 + f) = f + `tail` for f in [sqrt(1/2) - 1, sqrt(2) - 1]: the rounding error of f + tail is
/// the only large one.
Value log1p_tail(Value f);

/// A positive finite x = 2^k (1 + f), f as `log1p_tail` wants it. Denormal numbers are scaled
/// first.
struct Logarithmic {
  Value k;  ///< an integer, as a float
  Value f;  ///< exact
};
Logarithmic logarithmic(Value x);

/// log(1 + x + x_low), the low part being optional; +0 at -0. -inf at -1, NaN below.
Value log1p_of(Value x, Value x_low = {});

/// log(x) of a positive finite float64, to a relative 2^-65. With s = f / (2 + f),
/// log(1 + f) = 2s + s^3 (2/3 + s^2 R(s^2)).
Pair log_pair(Value x);

}  // namespace rill::kernel::math
