/// The logarithm of the gamma function and its derivative, in float64.
#include <limits>
#include <numbers>
#include <utility>

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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
                     -0.01238419219337437,   0.004998641164704089,    -0.0021081308338285723,
                     0.0009153769220551635,  -0.00040570739994815657, 0.00018255264205160616,
                     -8.309509985759698e-05, 3.8168862211517946e-05,  -1.7661856001612047e-05,
                     8.222350671506864e-06,  -3.8465121814385974e-06, 1.8074484690384322e-06,
                     -8.554872064500771e-07, 4.0559079142276487e-07,  -1.8612134795846047e-07,
                     8.741197873708807e-08,  -5.205185754229691e-08,  2.6305384898543638e-08,
                     -7.744954431458284e-10, -8.088736147568074e-10,  -8.95862349942244e-09,
                     4.9543918210660585e-09, 2.4716270275117533e-09,  -1.3984650532841803e-09,
                     -8.193305891990843e-10, 4.2575875074153614e-10});
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
                      -0.12689105431196473,   0.07781367103445352,    -0.0486259786629661,
                      0.030696571029700827,   -0.019488678998771547,  0.01241355398302521,
                      -0.007922134281500015,  0.0050615151203560515,  -0.003235891463520859,
                      0.0020696493891746446,  -0.0013252353890548098, 0.0008481291926261075,
                      -0.0005364381713024719, 0.0003426336014971567,  -0.000241483762936166,
                      0.00015609303939871375, -5.064691395171873e-05, 3.0353492574619486e-05,
                      -8.167985617340033e-05, 5.3458639680482455e-05});
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
