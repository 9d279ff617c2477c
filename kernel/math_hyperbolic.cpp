/// The hyperbolic functions and their inverses.

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// (e^a + sign e^-a) / 2 for a >= 0, as 2^n / 2 (u + sign 2^-2n / u).
Value mean_of_exponentials(Value a, double sign) {
  const Exponential e = exponential(at_most(a, is_single(a) ? 91 : 712));
  const Pair u = sum_of_ordered(constant(a, 1), e.minus_one());
  const Value factor = value_of(nearest_power(at_least(e.power.exponent * -2.0, -100), 1.0), 0);
  const Value other = factor / u.high;
  return scaled((u.high + fma(other, sign, u.low + e.r_low)) * 0.5, e.power);
}

/// For float32, `function` in float64.
Value inverse_from(Value (*function)(Value), Value x) {
  return cast(function(cast(x, float64)), x.dtype());
}

}  // namespace

Value sinh(Value x) {
  if (is_half(x.dtype())) return through_float32(sinh, x);
  const Value a = abs(x);
  const Value z = x * x;
  const Value p =
      is_single(x)
          ? polynomial(z, {0.166667163, 0.00833027065, 0.000203733405})
          : polynomial(z, {0.16666666666666669, 0.008333333333332912, 0.00019841269841593408,
                           2.7557319106758417e-06, 2.5052130998729027e-08, 1.6056659072508606e-10,
                           7.776609382798563e-13});
  return copysign(select(a < 1, fma(a * z, p, a), mean_of_exponentials(a, -1)), x);
}

Value cosh(Value x) {
  if (is_half(x.dtype())) return through_float32(cosh, x);
  return mean_of_exponentials(abs(x), 1);
}

Value tanh(Value x) {
  if (is_half(x.dtype())) return through_float32(tanh, x);
  const bool single = is_single(x);
  const Value a = abs(x);
  const Value z = x * x;
  const Value p =
      single
          ? polynomial(z, {-0.333333224, 0.133329809, -0.0539294742, 0.0216640923, -0.00826545432,
                           0.00258342316, -0.000455708097})
          : polynomial(z, {-0.33333333333333315, 0.1333333333332996, -0.053968253966149446,
                           0.021869488470699014, -0.008863234338748222, 0.0035921142223535973,
                           -0.0014557272091439667, 0.0005894566156845766, -0.00023702397978639681,
                           9.157829613325226e-05, -3.0205861635240258e-05, 6.05014784180165e-06});
  const Value small = fma(z * x, p, x);

  const Exponential e = exponential(at_most(a, single ? 9.1 : 19.1) * 2.0);
  const Value factor = value_of(e.power, 0);
  const Value large = 1.0 - 2.0 / fma(factor, e.minus_one(), factor + 1.0);
  return copysign(select(a < (single ? 0.9 : 0.625), small, large), x);
}

Value asinh(Value x) {
  if (x.dtype() != float64) return inverse_from(asinh, x);
  // log(1 + u) with u = a + a^2 / (1 + sqrt(1 + a^2)); log(a) + log(2) where a^2 is too large.
  const Value a = abs(x);
  const Value large = a > 0x1p60;
  const Value square = a * a;
  const Pair u = sum_of_ordered(a, square / (sqrt(square + 1.0) + 1.0));
  const Value result = log1p_of(select(large, a, u.high), select(large, 0.0, u.low));
  return copysign(select(large, result + 0x1.62e42fefa39efp-1, result), x);
}

Value acosh(Value x) {
  if (x.dtype() != float64) return inverse_from(acosh, x);
  // log(1 + u) with u = t + sqrt(2t + t^2), t = x - 1; log(x) + log(2) where t^2 is too large.
  const Value large = x > 0x1p60;
  const Value t = x - 1.0;
  const Value t_low = x - t - 1.0;
  const Value twice = t * 2.0;
  const Value square = fma(t, t, twice);
  const Value square_low = fma(t, t, twice - square);
  const Value root = sqrt(square);
  const Value root_low = (fma(-root, root, square) + square_low) / at_least(root * 2.0, 0x1p-1022);
  const Pair u = sum_of_ordered(root, t);
  const Value low = u.low + (root_low + t_low);
  const Value result = log1p_of(select(large, x, u.high), select(large, 0.0, low));
  return select(x < 1, nan, select(large, result + 0x1.62e42fefa39efp-1, result));
}

Value atanh(Value x) {
  if (x.dtype() != float64) return inverse_from(atanh, x);
  // log(1 + u) / 2 with u = 2a / (1 - a).
  const Value a = abs(x);
  const Pair denominator = sum_of_ordered(constant(a, 1), -a);
  const Value numerator = a * 2.0;
  const Value u = numerator / denominator.high;
  const Value rest = fma(-u, denominator.low, fma(-u, denominator.high, numerator));
  return copysign(log1p_of(u, rest / denominator.high) * 0.5, x);
}

}  // namespace rill::kernel::math
