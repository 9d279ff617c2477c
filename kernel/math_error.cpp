/// The error function and its relatives.

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// erf near 0, an odd polynomial. |x| <= 0.9.
Value erf_near_zero(Value x) {
  const Value z = x * x;
  const Value p =
      is_single(x)
          ? polynomial(z, {0.128379166, -0.376126289, 0.112836242, -0.02685556, 0.00519175315,
                           -0.000803975272, 7.94309963e-5})
          : polynomial(z,
                       {0.1283791670955126, -0.3761263890318411, 0.11283791670972039,
                        -0.026866170648260544, 0.005223977655077194, -0.0008548328652272661,
                        0.00012055388224229759, -1.4926829969856021e-05, 1.6477634895818133e-06,
                        -1.6479698439033556e-07, 1.5098286002171107e-08, -1.0825004477715323e-09});
  return fma(x, p, x);
}

/// erfc for a >= 0.46. With t = (a - c) / (a + c), erfc(a) = e^(-a^2) P(t) / (1 + 2a); the rounding
/// errors of the square, of P's first sum, of the denominator and of the products are kept and
/// taken off the quotient.
Value erfc_far(Value distance) {
  const bool single = is_single(distance);
  const Value a = at_most(distance, single ? 10.1 : 27.5);
  const double centre = single ? 2.5 : 4;
  const Value t = (a - centre) / (a + centre);
  const Value h =
      single ? polynomial(t, {-0.122356772, -0.0990243703, 0.15763025, -0.102970645, 0.032755971,
                              0.000958286051, -0.00435019471, 0.000411713816, 0.000536719861})
             : polynomial(
                   t, {-0.1396211168405625,    0.015379652102618912,    0.0680970542546917,
                       -0.10103906603624678,   0.09373283499839433,     -0.06633036581376953,
                       0.037167515536497935,   -0.016197734036375224,   0.0050319699903010485,
                       -0.000757773461132084,  -0.0001992567899612907,  0.0001506225444173154,
                       -2.439873468534925e-05, -1.1224851506280989e-05, 5.708132415088984e-06,
                       2.9973019291761997e-07, -8.21921351913471e-07,   6.688838074758098e-08,
                       1.0523619827490271e-07, -1.2178896457515312e-08, -1.034530248900879e-08});
  const double first_low = single ? -0x1.31f501bc82be0p-25 : -0x1.91c5dced5f492p-55;
  const Pair p = sum_of_ordered(constant(a, single ? 1.26483822 : 1.2329951186255526), h * t);
  const Pair square = product(a, a);
  const Exponential e = exponential(-square.high);
  const Value minus_one = e.minus_one();
  const Pair u = sum_of_ordered(constant(a, 1.0), fma(-square.low, minus_one + 1.0, minus_one));
  const Pair denominator = sum_of_ordered(a * 2.0, constant(a, 1.0));
  const Pair numerator = product(u.high, p.high);
  const Value low = fma(u.high, p.low + first_low, fma(u.low, p.high, numerator.low));
  const Value reciprocal = 1.0 / denominator.high;
  const Value y = numerator.high * reciprocal;
  const Value rest = fma(-y, denominator.low, fma(-y, denominator.high, numerator.high) + low);
  return scaled(fma(rest, reciprocal, y), e.power);
}

/// The inverse of erf to a relative 2^-19, in [0, 1) and float32's numbers 2^-26, in float64. With
/// w = -log(1 - x^2): x P(w - 2.5) below w = 5, x Q(sqrt(w) - c) above.
Value erfinv_estimate(Value x, bool single) {
  const Value w = -log((1.0 - x) * (x + 1.0));
  const Value centred = w - 2.5;
  const Value near =
      polynomial(centred, {1.5014093592802737, 0.24664028613570207, -0.004177386777489102,
                           -0.0012527418574806658, 0.0002183444309302358, -4.963357807337283e-06,
                           -3.4627016357461115e-06, 4.6617271462143027e-07, 2.323234451984671e-08,
                           -8.791204930777835e-09});
  const Value far =
      single ? polynomial(sqrt(w) - 3.25,
                          {3.0838855943573704, 1.0052592712441364, 0.005371991698258308,
                           -0.0037569710651366404, 0.0024796817136428645, -0.0016586204171172873,
                           0.000999361046184021, -0.000413565707208768, -5.205580959129377e-05,
                           0.00011363963637691781})
             : polynomial(sqrt(w) - 4.0,
                          {3.839781470281001, 1.009510941679263, 0.0012929225902863595,
                           -0.0009420932750668662, 0.00025628221932187504, -2.7694945272585703e-05,
                           9.051349894229448e-05, -7.891604286536386e-05, 1.7823736204299714e-05});
  return x * select(w < 5, near, far);
}

}  // namespace

Value erf(Value x) {
  if (is_half(x.dtype())) return through_float32(erf, x);
  const Value a = abs(x);
  if (!is_single(x)) {
    return select(a < 0.9, erf_near_zero(x), copysign(1.0 - erfc_far(a), x));
  }
  // 1 - e^Q, where Q is the logarithm of erfc.
  const Value bounded = at_most(a, 4.0);
  const Value q = bounded * polynomial(bounded, {-1.12851655, -0.635711432, -0.105270229,
                                                 0.0228949245, -0.00321638095, 0.000214144224});
  const Exponential e = exponential(q);
  const Value factor = value_of(e.power, 0);
  const Value far = fma(-factor, e.minus_one(), 1.0 - factor);
  return select(a < 0.9, erf_near_zero(x), copysign(far, x));
}

Value erfc(Value x) {
  if (is_half(x.dtype())) return through_float32(erfc, x);
  const Value a = abs(x);
  const Value far = erfc_far(a);
  return select(a < 0.46875, 1.0 - erf_near_zero(x), select(x < 0, 2.0 - far, far));
}

Value erfinv(Value x) {
  if (is_half(x.dtype())) return through_float32(erfinv, x);
  const Value a = abs(x);
  const Value edge = select(a == 1, infinity, constant(x, nan));
  if (is_single(x)) {
    const Value y = cast(erfinv_estimate(cast(a, float64), true), float32);
    return copysign(select(a < 1, y, edge), x);
  }
  // The Taylor series of the inverse about the estimate's own erf, to third order. Far out the
  // difference is taken between the complements.
  const Value y = erfinv_estimate(a, false);
  const Value difference = select(a < 0.7, a - erf_near_zero(y), erfc_far(y) - (1.0 - a));
  const Value square = y * y;
  const Value u = difference * exp(square) * 0.88622692545275801365;  // sqrt(pi) / 2
  const Value third = fma(square, 4.0 / 3, 1.0 / 3);
  const Value result = y + fma(u * u, fma(u, third, y), u);
  return copysign(select(a < 1, result, edge), x);
}

}  // namespace rill::kernel::math
