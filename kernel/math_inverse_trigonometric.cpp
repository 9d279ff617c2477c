/// asin, acos, atan and atan2.

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// pi/2 as a pair of numbers of x's dtype.
Pair half_pi(Value x) {
  return {constant(x, 0x1.921fb54442d18p+0),
          constant(x, is_single(x) ? -0x1.777a5cp-25 : 0x1.1a62633145c07p-54)};
}

/// `from` less a + rest, where |from| >= |a| and `rest` is small.
Value less(const Pair& from, Value a, Value rest) {
  const Pair difference = sum_of_ordered(from.high, -a);
  return difference.high + (difference.low + (from.low - rest));
}

/// asin(s) = s + tail for |x| <= 1/2, where s = |x|; asin(|x|) = pi/2 - 2 (s + tail) above, where
/// s = sqrt((1 - |x|) / 2).
struct Arc {
  Value above;  ///< whether |x| > 1/2
  Value s;
  Value tail;
};
Arc arc(Value x) {
  const bool single = is_single(x);
  const Value a = abs(x);
  const Value above = a > 0.5;
  const Value z = select(above, (1.0 - a) * 0.5, a * a);
  const Value root = sqrt(z);
  const Value s = select(above, root, a);
  const Value p =
      single ? polynomial(z, {0.166667521, 0.0749530643, 0.0454697721, 0.0241807736, 0.0421664119})
             : polynomial(z, {0.1666666666666676, 0.07499999999970812, 0.04464285717464401,
                              0.030381942704807673, 0.02237221510191846, 0.017351609522679192,
                              0.013980854813843565, 0.011398600622984556, 0.010782154868958308,
                              0.0036986918551645174, 0.021727413455271873, -0.021028885118760797,
                              0.03264819428822468});
  // What rounding took off the root; 0 / 0 is avoided.
  const Value root_low =
      fma(-root, root, z) / at_least(root * 2.0, format_of(x.dtype()).min_normal);
  return {above, s, fma(s * z, p, select(above, root_low, 0.0))};
}

/// atan(y / x) for y, x >= 0, in [0, pi/2]. Reduction to |t| <= sqrt(2) - 1 by one of t = y/x,
/// pi/4 + atan((y - x) / (y + x)) and pi/2 - atan(x / y); the rounding errors of t are kept.
Value arc_of_quotient(Value y, Value x) {
  const bool single = is_single(x);
  const double largest = single ? 0x1.fffffep127 : 0x1.fffffffffffffp1023;
  const Value huge = y > largest * 0.25 || x > largest * 0.25;
  const Value shrink = select(huge, 0.25, constant(x, 1));
  const Value n = at_most(y, largest) * shrink;
  const Value d = at_most(x, largest) * shrink;

  constexpr double bound = 0.41421356237309504880;  // tan(pi/8)
  const Value near = n < d * bound;
  const Value far = d < n * bound;
  const Value aside = near || far;
  const Pair difference = sum(n, -d);
  const Pair total = sum(n, d);
  const Value numerator = select(near, n, select(far, -d, difference.high));
  const Value denominator = select(near, d, select(far, n, total.high));
  const Value t = numerator / denominator;
  const Value rest =
      fma(-t, denominator, numerator) + select(aside, 0.0, fma(-t, total.low, difference.low));

  const Value z = t * t;
  const Value p =
      single ? polynomial(z, {-0.333333164, 0.199985281, -0.14244391, 0.105991684, -0.0609005205})
             : polynomial(z, {-0.333333333333332, 0.19999999999953666, -0.1428571428019862,
                              0.1111111078343986, -0.09090897755868718, 0.07692060178937256,
                              -0.0666310371980631, 0.05847887886307123, -0.05039303638595042,
                              0.03806468144365654, -0.017907509820322787});
  const Value tail = fma(t * z, p, rest / denominator);

  const Pair quarter = half_pi(x);
  const Value share = select(near, 0.0, select(far, constant(x, 1), constant(x, 0.5)));
  const Pair first = sum_of_ordered(quarter.high * share, t);
  return first.high + (first.low + fma(quarter.low, share, tail));
}

}  // namespace

Value asin(Value x) {
  if (is_half(x.dtype())) return through_float32(asin, x);
  const Arc part = arc(x);
  const Value far = less(half_pi(x), part.s * 2.0, part.tail * 2.0);
  return copysign(select(part.above, far, part.s + part.tail), x);
}

Value acos(Value x) {
  if (is_half(x.dtype())) return through_float32(acos, x);
  const Arc part = arc(x);
  const Pair quarter = half_pi(x);
  const Value near = less(quarter, copysign(part.s, x), copysign(constant(x, 1), x) * part.tail);
  const Value twice = part.s * 2.0;
  const Value rest = part.tail * 2.0;
  const Value far =
      select(x < 0, less({quarter.high * 2.0, quarter.low * 2.0}, twice, rest), twice + rest);
  return select(part.above, far, near);
}

Value atan(Value x) {
  if (is_half(x.dtype())) return through_float32(atan, x);
  return copysign(arc_of_quotient(abs(x), constant(x, 1)), x);
}

Value atan2(Value y, Value x) {
  if (is_half(x.dtype())) {
    return cast(atan2(cast(y, float32), cast(x, float32)), x.dtype());
  }
  const Value height = abs(y);
  const Value width = abs(x);
  const Value zero = (height == 0 && width == 0) || (width == infinity && height < infinity);
  const Value angle = select(zero, 0.0, arc_of_quotient(height, width));
  const Pair quarter = half_pi(x);
  const Value left = less({quarter.high * 2.0, quarter.low * 2.0}, angle, constant(x, 0));
  const Value negative = copysign(constant(x, 1), x) < 0;  // -0 too
  return copysign(select(negative, left, angle), y);
}

}  // namespace rill::kernel::math
