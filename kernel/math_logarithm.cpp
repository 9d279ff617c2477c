/// log and what is made of it. All of them split off a power of two (`logarithmic`).

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

/// `result`, except where the logarithm of x is infinite or does not exist.
Value with_special_logarithms(Value x, Value result, double pole = 0) {
  const Value outside = select(x == pole, constant(x, -infinity), constant(x, nan));
  return select(x > pole, select(x == infinity, x, result), outside);
}

/// The logarithm of 2^k (1 + f) to base e.
Value natural(Value k, Value f, Value tail) {
  // The first part of ln 2 times k is exact.
  const bool single = is_single(k);
  const Value low = fma(k, single ? 0x1.7f7d1cp-20 : -0x1.8432a1b0e2634p-43, tail);
  return fma(k, single ? 0x1.62e4p-1 : 0x1.62e42fefa4p-1, f + low);
}

/// log(1 + f) times high + low, a constant.
Value to_base(Value f, double high, double low) {
  return fma(f, high, fma(log1p_tail(f), high, f * low));
}

}  // namespace

Value log1p_of(Value x, Value x_low) {
  const Format format = format_of(x.dtype());
  const bool single = is_single(x);
  const std::uint64_t one = static_cast<std::uint64_t>(format.bias) << format.fraction;
  const std::uint64_t lowest = single ? 0x3f3504f3U : 0x3fe6a09e667f3bcdU;  // sqrt(1/2)

  // 2^-k must be a normal number.
  const Value huge = x > 0x1p100;
  const Value y = select(huge, x * 0x1p-32, x);
  const Value moved = bitcast(y + 1.0, format.bits);
  const Value biased = (moved + constant_bits(moved, one - lowest)) >> format.fraction;
  const Value magic = bitcast(constant(x, format.round_magic), format.bits);
  const double bias = format.round_magic + format.bias;
  const Value k = bitcast(biased + magic, x.dtype()) - select(huge, bias - 32, constant(x, bias));
  const Value shrink =
      bitcast((constant(biased, 2 * format.bias) - biased) << format.fraction, x.dtype());
  // 1 + f = (1 + y) 2^-k without the rounding error of 1 + y.
  const Value less = shrink - 1.0;
  const Value f = fma(y, shrink, less);
  Value f_low = fma(y, shrink, less - f);
  if (x_low.defined()) f_low = fma(x_low, shrink, f_low);
  return with_special_logarithms(x, natural(k, f, log1p_tail(f) + f_low), -1);
}

Pair log_pair(Value x) {
  const auto [k, f] = logarithmic(x);
  const Pair denominator = sum_of_ordered(constant(f, 2.0), f);
  const Value reciprocal = 1.0 / denominator.high;
  const Value s = f * reciprocal;
  const Value s_low = fma(-s, denominator.low, fma(-s, denominator.high, f)) * reciprocal;

  const Pair z = product(s, s);
  const Value z_low = fma(s * 2.0, s_low, z.low);
  const Value r = polynomial(
      z.high, {0.40000000000002256, 0.2857142857009956, 0.22222222519929652, 0.18181784366304815,
               0.1538675737587623, 0.1325681658982681, 0.13196340288654423});
  const Pair factor = sum_of_ordered(constant(f, 0x1.5555555555555p-1), z.high * r);
  const Value factor_low = factor.low + 0x1.5555555555555p-55;  // of 2/3
  const Pair cube = product(s, z.high);
  const Value cube_low = fma(s, z_low, fma(s_low, z.high, cube.low));
  const Pair tail = product(cube.high, factor.high);
  const Value tail_low = fma(cube.high, factor_low, fma(cube_low, factor.high, tail.low));

  const Pair significand = sum_of_ordered(s * 2.0, tail.high);
  const Value significand_low = significand.low + fma(s_low, 2.0, tail_low);
  const Pair high = sum_of_ordered(k * 0x1.62e42fefa4p-1, significand.high);
  return {high.high, high.low + fma(k, -0x1.8432a1b0e2634p-43, significand_low)};
}

Value log(Value x) {
  if (is_half(x.dtype())) return through_float32(log, x);
  const Logarithmic parts = logarithmic(x);
  return with_special_logarithms(x, natural(parts.k, parts.f, log1p_tail(parts.f)));
}

Value log1p(Value x) {
  if (is_half(x.dtype())) return through_float32(log1p, x);
  return copysign(log1p_of(x), x);  // the sign of zero
}

Value log2(Value x) {
  if (is_half(x.dtype())) return through_float32(log2, x);
  const Logarithmic parts = logarithmic(x);
  const Value fraction = is_single(x)
                             ? to_base(parts.f, 0x1.715476p+0, 0x1.4ae0cp-26)
                             : to_base(parts.f, 0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56);
  return with_special_logarithms(x, parts.k + fraction);
}

Value log10(Value x) {
  if (is_half(x.dtype())) return through_float32(log10, x);
  const Logarithmic parts = logarithmic(x);
  const bool single = is_single(x);
  const Value low = fma(parts.k, single ? 0x1.3509f8p-18 : -0x1.80433b83b532ap-44,
                        single ? to_base(parts.f, 0x1.bcb7b2p-2, -0x1.5b235ep-27)
                               : to_base(parts.f, 0x1.bcb7b1526e50ep-2, 0x1.95355baaafad3p-57));
  return with_special_logarithms(x, fma(parts.k, single ? 0x1.344p-2 : 0x1.34413509f8p-2, low));
}

}  // namespace rill::kernel::math
