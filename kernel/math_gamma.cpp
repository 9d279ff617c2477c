/// The logarithm of the gamma function and its derivative, in float64.
#include <numbers>
#include <utility>

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// log(gamma(a)) for a > 0. On [1, 3] it is (a - 1) (a - 2) P(a - 2); from below and from up to 8
/// the recurrence gamma(a + 1) = a gamma(a) leads there; beyond, Stirling's series.
Value lgamma_of_positive(Value a) {
  const Value one = constant(a, 1);
  const Value below = a < 1;
  const Value beyond = a >= 8;

  // Down to base in [1, 3), or [2, 3), one factor at a time.
  Value base = a;
  Value factors = one;
  for (int i = 1; i <= 5; ++i) {
    const Value next = a - static_cast<double>(i);
    const Value taken = next >= 2;
    factors = factors * select(taken, next, one);
    base = select(taken, next, base);
  }
  // The distances to 2 and to 1, exact where it matters.
  const Value t = select(below, a - 1.0, base - 2.0);
  const Value u = select(below, a, base - 1.0);
  const Value p =
      polynomial(t, {0.42278433509846713,    -0.1003173016743539,     0.03296500062115573,
                     -0.012384192193374373,  0.004998641164704084,    -0.002108130833828554,
                     0.0009153769220552766,  -0.00040570739994839867, 0.0001825526420501432,
                     -8.309509985582178e-05, 3.816886222277874e-05,   -1.7661856009826694e-05,
                     8.222350614940927e-06,  -3.846512156004471e-06,  1.8074486635886228e-06,
                     -8.554872606075413e-07, 4.055903219772087e-07,   -1.8612126807095166e-07,
                     8.741278022582256e-08,  -5.2051938355505586e-08, 2.630442221202438e-08,
                     -7.744410845216994e-10, -8.080784421797727e-10,  -8.958646307950098e-09,
                     4.953962010573389e-09,  2.4716322548393635e-09,  -1.3983282088692389e-09,
                     -8.193310539603423e-10, 4.257392966384523e-10});
  const Value near = t * u * p;

  const Pair logarithm = log_pair(select(below, a, select(beyond, a, factors)));
  const Pair high = sum_of_ordered(select(below, -logarithm.high, logarithm.high), near);
  const Value recurred = high.high + (high.low + select(below, -logarithm.low, logarithm.low));

  // (a - 1/2) (log(a) - 1) - 1/2 + log(2 pi) / 2 + 1/12a - 1/360a^3 + ...
  const Value w = 1.0 / a;
  const Value series = polynomial(w * w, {1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
                                          -691.0 / 360360, 1.0 / 156, -3617.0 / 122400});
  const Value half_less = a - 0.5;
  const Pair less_one = sum_of_ordered(logarithm.high, constant(a, -1));
  const Pair first = product(half_less, less_one.high);
  const Value rest = fma(half_less, less_one.low + logarithm.low, first.low);
  const Value stirling = first.high + (rest + fma(w, series, 0.41893853320467274178));
  const Value far = select(first.high < infinity, stirling, first.high);
  return select(beyond, far, recurred);
}

/// The derivative psi of log(gamma) at a and at a + 1, for a > 0. On [1, 2.125] it is (a - root)
/// P(a - 1.5625); up to 10 and from below the recurrence psi(a + 1) = psi(a) + 1/a leads there;
/// beyond, the asymptotic series.
std::pair<Value, Value> digamma_of_positive(Value a) {
  const Value below = a < 1.125;
  const Value beyond = a >= 10;
  const Value start = select(below, a + 1.0, a);
  // The sum of 1/(start - i) as one fraction.
  Value base = start;
  Value numerator = constant(a, 0);
  Value denominator = constant(a, 1);
  for (int i = 1; i <= 8; ++i) {
    const Value next = start - static_cast<double>(i);
    const Value taken = next >= 1.125;
    numerator = select(taken, fma(numerator, next, denominator), numerator);
    denominator = select(taken, denominator * next, denominator);
    base = select(taken, next, base);
  }
  const Value p = polynomial(
      base - 1.5625, {0.9254839423025467,     -0.39521047031101636,   0.2148004998482095,
                      -0.1268910543119648,    0.07781367103445344,    -0.048625978662963816,
                      0.030696571029704717,   -0.019488678998818596,  0.012413553982924472,
                      -0.007922134280995285,  0.005061515121925881,   -0.003235891466357779,
                      0.0020696493734547435,  -0.0013252353827424462, 0.0008481292955945985,
                      -0.0005364381572875314, 0.000342633165376572,   -0.00024148388105067016,
                      0.00015609418464689387, -5.064664891830555e-05, 3.0351803209732654e-05,
                      -8.168006766812885e-05, 5.345970721520826e-05});
  const Value near = (base - 0x1.762d86356be3fp+0 - 0x1.b86a722197829p-54) * p;
  const Value w = 1.0 / a;
  const Value recurred = near + numerator / denominator;

  const Value series = polynomial(w * w, {1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132,
                                          -691.0 / 32760, 1.0 / 12, -3617.0 / 8160});
  const Value far = log(a) - fma(w * w, series, w * 0.5);
  const Value value = select(beyond, far, recurred);
  return {select(below, near - w, value), select(below, near, value + w)};
}

}  // namespace

Value lgamma(Value x) {
  if (x.dtype() != float64) return cast(lgamma(cast(x, float64)), x.dtype());
  const Value a = abs(x);
  const Value positive = select(a < infinity, lgamma_of_positive(a), a);
  // gamma(-a) gamma(a) = -pi / (a sin(pi a)).
  const Value sine = abs(sin_pi(a));
  const Pair other = log_pair(std::numbers::pi / (a * sine));
  const Value negative = other.high - positive + other.low;
  const Value finite = select(x < 0 && a > 0x1p-60, negative, positive);
  return select(x <= 0 && floor(x) == x, infinity, finite);
}

Value digamma(Value x) {
  if (x.dtype() != float64) return cast(digamma(cast(x, float64)), x.dtype());
  const Value a = abs(x);
  const auto [positive, next] = digamma_of_positive(a);
  // psi(-a) = psi(a + 1) + pi cot(pi a).
  const Value reflected = next + cos_pi(a) / sin_pi(a) * std::numbers::pi;
  const Value upper = select(a < infinity, positive, a);
  const Value finite = select(x < 0, reflected, upper);
  const Value pole = select(x == 0, copysign(constant(x, infinity), -x), constant(x, nan));
  return select(x <= 0 && floor(x) == x, pole, finite);
}

}  // namespace rill::kernel::math
