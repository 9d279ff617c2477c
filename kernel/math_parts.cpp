#include <rill/kernel/math_parts.h>

#include <iterator>
#include <utility>

namespace rill::kernel::math {

Format format_of(DType dtype) {
  if (dtype == float32) return {uint32, 23, 127, 0x1p-126, 0x1.8p23};
  return {uint64, 52, 1023, 0x1p-1022, 0x1.8p52};
}

Value through_float32(Value (*function)(Value), Value x) {
  return cast(function(cast(x, float32)), x.dtype());
}

Value polynomial(Value x, std::initializer_list<double> c) {
  auto next = std::rbegin(c);
  Value sum = constant(x, *next);
  while (++next != std::rend(c)) sum = fma(sum, x, *next);
  return sum;
}

Pair sum(Value a, Value b) {
  const Value high = a + b;
  const Value of_b = high - a;
  return {high, (a - (high - of_b)) + (b - of_b)};
}

Pair sum_of_ordered(Value a, Value b) {
  const Value high = a + b;
  return {high, (a - high) + b};
}

Pair product(Value a, Value b) {
  const Value high = a * b;
  return {high, fma(a, b, -high)};
}

PowerOfTwo nearest_power(Value x, double rate) {
  // The bias stands in the magic number too, so that no later step sees a negative integer.
  const Format format = format_of(x.dtype());
  const double magic = format.round_magic + 2 * format.bias;
  const Value shifted = fma(x, rate, magic);
  return {shifted - magic, bitcast(shifted, format.bits)};
}

namespace {

/// Two normal powers of two whose product is 2^n, even where that is no normal number itself.
std::pair<Value, Value> factors(const PowerOfTwo& power) {
  const DType dtype = power.exponent.dtype();
  const Format format = format_of(dtype);
  const Value half = power.biased >> 1;
  const Value rest = power.biased - half;
  return {bitcast(half << format.fraction, dtype), bitcast(rest << format.fraction, dtype)};
}

}  // namespace

Value scaled(Value x, const PowerOfTwo& power) {
  const auto [a, b] = factors(power);
  return x * a * b;  // only the second product rounds
}

Value value_of(const PowerOfTwo& power) {
  const auto [a, b] = factors(power);
  return a * b;
}

Value value_of(const PowerOfTwo& power, int offset) {
  const Format format = format_of(power.exponent.dtype());
  return bitcast((power.biased + (offset - format.bias)) << format.fraction,
                 power.exponent.dtype());
}

Exponential exponential(Value x) {
  const PowerOfTwo power = nearest_power(x, 0x1.71547652b82fep+0);
  const Value n = power.exponent;
  const bool single = is_single(x);
  const double ln2_high = single ? 0x1.62e4p-1 : 0x1.62e42fefa4p-1;  // times n: exact
  const double ln2_low = single ? 0x1.7f7d1cp-20 : -0x1.8432a1b0e2634p-43;
  const Value high = fma(n, -ln2_high, x);
  const Value r = fma(n, -ln2_low, high);
  const Value q =
      single ? polynomial(r, {0.49999997, 0.16666539, 0.041667752, 0.00836710539, 0.0013836897})
             : polynomial(r, {0.5, 0.16666666666666677, 0.04166666666666669, 0.008333333333321744,
                              0.0013888888888883278, 0.00019841269885327207, 2.4801587301061226e-05,
                              2.7557245168377267e-06, 2.7557313552633136e-07,
                              2.5108725083650858e-08, 2.0897444998282323e-09});
  return {power, r, fma(n, -ln2_low, high - r), q};
}

Value log1p_tail(Value f) {
  if (is_single(f)) {
    const Value p = polynomial(f, {0.333333313, -0.250008225, 0.200012609, -0.166233346,
                                   0.142009482, -0.131594419, 0.127661645, -0.0764158368});
    const Value square = f * f;
    return fma(square * f, p, square * -0.5);
  }
  // With s = f / (2 + f), log(1 + f) = 2 atanh(s) = 2s + s^3 R(s^2), and 2s = f - s f.
  const Value s = f / (f + 2.0);
  const Value z = s * s;
  const Value r = polynomial(
      z, {0.6666666666666734, 0.3999999999941653, 0.28571428742069316, 0.22222198599538806,
          0.181835631939182, 0.15314074824875099, 0.14795744838496955});
  const Value half_square = f * f * 0.5;
  return fma(s, fma(z, r, half_square), -half_square);
}

Logarithmic logarithmic(Value x) {
  const Format format = format_of(x.dtype());
  const bool single = is_single(x);
  const double enlarge = single ? 0x1p25 : 0x1p54;
  const std::uint64_t one = std::uint64_t(format.bias) << format.fraction;
  const std::uint64_t lowest = single ? 0x3f3504f3U : 0x3fe6a09e667f3bcdU;  // sqrt(1/2)

  const Value tiny = x < format.min_normal;
  const Value bits = bitcast(select(tiny, x * enlarge, x), format.bits);
  // Moved up by 1 - sqrt(1/2), the exponent bits count powers of two from sqrt(1/2) on.
  const Value moved = bits + constant_bits(bits, one - lowest);
  const Value significand =
      (moved & constant_bits(bits, (std::uint64_t(1) << format.fraction) - 1)) +
      constant_bits(bits, lowest);
  // The biased exponent becomes a float by standing in the low bits of the magic number.
  const Value magic = bitcast(constant(x, format.round_magic), format.bits);
  const double bias = format.round_magic + format.bias;
  const Value k = bitcast((moved >> format.fraction) + magic, x.dtype()) -
                  select(tiny, constant(x, bias + (single ? 25 : 54)), constant(x, bias));
  return {k, bitcast(significand, x.dtype()) - 1.0};
}

}  // namespace rill::kernel::math
