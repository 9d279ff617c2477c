/// exp and what is made of it. All of them reduce the argument by a power of two (`exponential`).
#include <cmath>

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {

Value exp(Value x) {
  if (is_half(x.dtype())) return through_float32(exp, x);
  const bool single = is_single(x);
  const Value bounded = at_least(at_most(x, single ? 89 : 710), single ? -104 : -746);
  const Exponential e = exponential(bounded);
  return scaled(e.minus_one() + 1.0, e.power);
}

Value exp2(Value x) {
  if (is_half(x.dtype())) return through_float32(exp2, x);
  const bool single = is_single(x);
  const Value bounded = at_least(at_most(x, single ? 128 : 1024), single ? -151 : -1076);
  const PowerOfTwo power = nearest_power(bounded, 1.0);
  const Value r = bounded - power.exponent;  // exact
  const Value p =
      single
          ? polynomial(r, {1.0, 0.693147182, 0.240225941, 0.0555036627, 0.00962544233,
                           0.00133879168, 0.000133338443})
          : polynomial(r, {1.0, 0.6931471805599453, 0.24022650695910172, 0.055504108664824574,
                           0.009618129107577067, 0.0013333558145567144, 0.00015403530478874615,
                           1.5252734738973822e-05, 1.3215424465684535e-06, 1.0177655328169712e-07,
                           7.075621140880841e-09, 4.519489347174173e-10});
  return scaled(p, power);
}

Value expm1(Value x) {
  if (is_half(x.dtype())) return through_float32(expm1, x);
  const bool single = is_single(x);
  const Value bounded = at_least(at_most(x, single ? 89 : 710), single ? -80 : -700);
  const Exponential e = exponential(bounded);
  // All by half, as 2^128 (2^1024) is no number. The two sums' rounding errors are added back.
  const Value half = value_of(e.power, -1);
  const Value base = half - 0.5;
  const Value base_low = half - base - 0.5;
  const Value high = fma(half, e.r, base);
  const Value low = fma(half, e.r, base - high) + base_low;
  const Value result = high + fma(half, fma(e.r * e.r, e.q, e.r_low), low);
  return select(abs(x) < (single ? 0x1p-30 : 0x1p-60), x, result * 2.0);
}

Value sigmoid(Value x) {
  if (is_half(x.dtype())) return through_float32(sigmoid, x);
  // 1 / (1 + e^-x), for negative x as 2^-n / (2^-n + e^r), so that nothing overflows.
  const bool single = is_single(x);
  const double bound = single ? 104 : 746;
  const Value bounded = at_least(at_most(x, bound), -bound);
  const Exponential e = exponential(-bounded);
  const Value negative = x < 0;
  const PowerOfTwo down = nearest_power(-abs(e.power.exponent), 1.0);
  const Value factor = value_of(down);  // 2^-|n|
  const Value rest = fma(select(negative, 1.0, factor), e.minus_one(), factor);
  const Value denominator = rest + 1.0;
  const Value low = 1.0 - denominator + rest;
  const Value y = 1.0 / denominator;
  const Value exact = fma(y, fma(-denominator, y, 1.0) - low * y, y);
  return exact * select(negative, factor, constant(x, 1));
}

Value softplus(Value x) {
  if (is_half(x.dtype())) return through_float32(softplus, x);
  // max(x, 0) + log(1 + t) with t = e^-|x| = 2^n (1 + p), where 1 + t is halved if it is above
  // sqrt(2).
  const bool single = is_single(x);
  const Value a = abs(x);
  const Exponential e = exponential(-at_most(a, single ? 104 : 746));
  const Value above = a < 0.88137358701954302523;  // log(1 + sqrt(2))
  const Value factor = value_of(e.power) * select(above, 0.5, constant(x, 1));
  const Value rest = factor - select(above, 0.5, constant(x, 0));
  const Value minus_one = e.minus_one();
  const Value f = fma(factor, minus_one, rest);
  const Value f_low = fma(factor, e.r_low, fma(factor, minus_one, rest - f));
  const Value ln2 = select(above, 0x1.62e42fefa39efp-1, constant(x, 0));
  return at_least(x, 0) + (ln2 + (f + (log1p_tail(f) + f_low)));
}

}  // namespace rill::kernel::math
