/// Powers, roots and remainders.

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// |x|^y for float32, in float64: 2^(y log2 |x|), with log2 to a relative 2^-37.
Value magnitude_of_single(Value x, Value y) {
  const Value a = cast(abs(x), float64);
  const Logarithmic parts = logarithmic(a);
  const Value s = parts.f / (parts.f + 2.0);
  const Value p = polynomial(s * s, {2.885390081790086, 0.961796673342362, 0.5770835848330291,
                                     0.41167272790295106, 0.3407299350135732});
  const Value finite = fma(s, p, parts.k);
  const Value logarithm =
      select(a == 0, -infinity, select(a < infinity, finite, a));  // infinity and NaN stay
  const Value exponent = at_least(at_most(cast(y, float64) * logarithm, 200), -200);
  const PowerOfTwo power = nearest_power(exponent, 1.0);
  const Value r = exponent - power.exponent;
  const Value q = polynomial(
      r, {1.0000000005541994, 0.6931472057376019, 0.2402264689031341, 0.05550328776274754,
          0.009618488988342503, 0.001339993196070845, 0.00015345807916966692});
  return cast(q * value_of(power, 0), float32);
}

/// |x|^y for float64: e^(y log |x|), with the logarithm as a pair.
Value magnitude_of_double(Value x, Value y) {
  const Value a = abs(x);
  const Pair logarithm = log_pair(a);
  const Value high =
      select(a == 0, -infinity, select(a < infinity, logarithm.high, a));  // infinity and NaN stay

  const Value exponent = y * high;
  const Value bounded = at_least(at_most(exponent, 750), -750);
  const Value rest =
      select(abs(exponent) < 750, fma(y, logarithm.low, fma(y, high, -exponent)), 0.0);
  const Exponential e = exponential(bounded);
  const Value minus_one = e.minus_one();
  return scaled(fma(rest + e.r_low, minus_one + 1.0, minus_one) + 1.0, e.power);
}

/// Square and multiply, one step for each bit of the exponent.
Value integer_power(Value x, Value y) {
  const int width = static_cast<int>(size_of(x.dtype()) * 8);
  const Value one = constant(x, 1);
  Value result = one;
  Value square = x;
  for (int bit = 0; bit < width; ++bit) {
    if (bit > 0) square = square * square;
    result = select(((y >> bit) & 1) != 0, result * square, result);
  }
  if (is_unsigned(x.dtype())) return result;
  // 1 / x^|y|, rounded towards zero: only of 1 and -1 anything is left.
  const Value sign = select((y & 1) != 0, x, one);
  return select(y < 0, select(x * x == 1, sign, constant(x, 0)), result);
}

}  // namespace

Value pow(Value x, Value y) {
  if (is_integer(x.dtype())) return integer_power(x, y);
  if (is_half(x.dtype())) {
    return cast(pow(cast(x, float32), cast(y, float32)), x.dtype());
  }
  const Value magnitude = is_single(x) ? magnitude_of_single(x, y) : magnitude_of_double(x, y);
  const Value whole = trunc(y) == y;
  const Value half = y * 0.5;
  const Value odd = whole && trunc(half) != half;
  const Value negative = copysign(constant(x, 1), x) < 0;  // -0 too
  const Value result = select(negative && odd, -magnitude, magnitude);

  const Value real = x >= 0 || whole || x == -infinity;
  const Value one = x == 1 || y == 0 || (x == -1 && abs(y) == infinity);
  return select(one, 1.0, select(real, result, nan));
}

Value modulo(Value a, Value b) {
  if (is_half(a.dtype())) {
    return cast(modulo(cast(a, float32), cast(b, float32)), a.dtype());
  }
  // a / b may have been rounded up to an integer; the remainder then has the wrong sign.
  const Value ratio = a / b;
  const Value quotient = floor(ratio);
  const Value first = fma(-quotient, b, a);
  const Value wrong = (first < 0) != (b < 0) && first != 0;
  const Value remainder = select(wrong, fma(1.0 - quotient, b, a), first);
  // A quotient that has lost digits leaves more than b.
  const Value beyond =
      abs(ratio) > (a.dtype() == float64 ? 0x1p53 : 0x1p24) && abs(a) < infinity && abs(b) > 0;
  const Value finite = select(remainder == 0 || beyond, copysign(constant(b, 0), b), remainder);
  // Of an infinite divisor: a itself, or the divisor where that has the other sign.
  const Value same_side = a == 0 || (a < 0) == (b < 0);
  const Value infinite = select(same_side, copysign(a, b), b);
  return select(abs(b) == infinity && abs(a) < infinity, infinite, finite);
}

Value cbrt(Value x) {
  if (x.dtype() != float64) return cast(cbrt(cast(x, float64)), x.dtype());
  // x = 2^3n m with m in [0.35, 2.83); y = m^(-1/3) by a polynomial and two steps of third order, c
  // = m y^2.
  const Value a = abs(x);
  const auto [k, f] = logarithmic(a);
  const PowerOfTwo power = nearest_power(k, 1.0 / 3);
  const Value rest = fma(power.exponent, -3.0, k);
  const Value m = (f + 1.0) * select(rest < 0, 0.5, select(rest > 0, 2.0, constant(x, 1)));
  Value y = polynomial(m, {1.891863317131168, -1.763211056480168, 1.227049752155574,
                           -0.4151616333404564, 0.052886607336581945});
  for (int step = 0; step < 2; ++step) {
    const Value e = 1.0 - m * y * y * y;
    y = fma(y * e, polynomial(e, {1.0 / 3, 2.0 / 9}), y);
  }
  const Value reciprocal_square = y * y;
  const Value c = m * reciprocal_square;
  const Pair square = product(c, c);
  const Value excess = fma(square.low, c, fma(square.high, c, -m));  // c^3 - m
  const Value root = fma(excess * reciprocal_square, -1.0 / 3, c);
  const Value result = root * value_of(power, 0);
  return copysign(select(a == 0 || !(a < infinity), a, result), x);
}

Value rsqrt(Value x) {
  if (is_half(x.dtype())) return through_float32(rsqrt, x);
  // One step of Newton's method, y (1 + (1 - x y^2) / 2), with x y kept exactly.
  const Value y = 1.0 / sqrt(x);
  const Pair root = product(x, y);
  const Value rest = fma(-root.low, y, fma(-root.high, y, 1.0));
  // At zero and infinity it is NaN.
  return select(abs(rest) < 1, fma(y * 0.5, rest, y), y);
}

}  // namespace rill::kernel::math
