/// sin, cos and tan of any argument, however large.
#include <array>
#include <cstddef>
#include <vector>

#include <rill/kernel/math.h>
#include <rill/kernel/math_parts.h>

namespace rill::kernel::math {
namespace {

constexpr double half_pi[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54, -0x1.f1976b7ed8fbcp-110};
constexpr double two_over_pi = 0x1.45f306dc9c883p-1;

/// |x| = n pi/2 + r, |r| <= pi/4 and a little, with r in float64 for a float32 and in two float64s
/// for a float64.
template <class Rest>
struct Quarters {
  Value n;  ///< uint64; the last two bits count
  Rest r;
};

/// For float32 x, in float64. A large |x| = m 2^e is first replaced by m (2^e mod 2 pi), which is
/// an angle as good and below 2^51: the constants are that modulus, divided by 2^e, for e = 28, 54
/// and 80. Then n pi/2 is subtracted in three parts.
Quarters<Value> quarters_of_single(Value x) {
  const Value a = cast(abs(x), float64);
  const Value huge = a >= 0x1p103;
  const Value large = a >= 0x1p77;
  const Value moderate = a >= 0x1p51;
  const auto choose = [&](double of_80, double of_54, double of_28, double of_0) {
    return select(huge, of_80, select(large, of_54, select(moderate, of_28, constant(a, of_0))));
  };
  const Value u = choose(-0x1.082d219bb0225p-80, 0x1.0392366c0e65cp-53, -0x1.bcb4a23e73336p-28, 1);
  const Value u_low =
      choose(0x1.29b05b18df9e2p-135, -0x1.af1dbc98e2e42p-110, -0x1.4cc11b4920ae8p-84, 0);
  const Pair angle = product(a, u);
  const Value shifted = fma(angle.high, two_over_pi, 0x1.8p52);
  const Value n = shifted - 0x1.8p52;
  const Value high = fma(n, -half_pi[1], fma(n, -half_pi[0], angle.high));
  const Value low = fma(n, -half_pi[2], fma(a, u_low, angle.low));
  return {bitcast(shifted, uint64), high + low};
}

/// For float64 x: the bits of 2/pi that matter are chosen by the exponent of x (Payne and Hanek,
/// "Radian reduction for trigonometric functions", 1983). 2/pi stands in chunks of 44 bits; five of
/// them, times x, give n mod 4 and the fraction to 2^-120, as chunks further left contribute
/// multiples of 4. No float64 is closer to a multiple of pi/2 than 2^-61.
Quarters<Pair> quarters_of_double(Value x) {
  constexpr std::array<double, 26> chunks = {
      0xa2f9836e4e4.0p0, 0x41529fc2757.0p0, 0xd1f534ddc0d.0p0, 0xb6295993c43.0p0, 0x9041fe5163a.0p0,
      0xbdebbc561b7.0p0, 0x246e3a424dd.0p0, 0x2e006492eea.0p0, 0x09d1921cfe1.0p0, 0xdeb1cb129a7.0p0,
      0x3ee88235f52.0p0, 0xebb4484e99c.0p0, 0x7026b45f7e4.0p0, 0x13991d63983.0p0, 0x5339f49c845.0p0,
      0xf8bbdf9283b.0p0, 0x1ff897ffde0.0p0, 0x5980fef2f11.0p0, 0x8b5a0a6d1f6.0p0, 0xd367ecf27cb.0p0,
      0x09b74f463f6.0p0, 0x69e5fea2d75.0p0, 0x27bac7ebe5f.0p0, 0x17b3d0739f7.0p0, 0x8a5292ea6bf.0p0,
      0xb5fb11f8d5d.0p0};
  constexpr std::size_t window_size = 5;

  const Value a = abs(x);
  const Value bits = bitcast(a, uint64);
  // first = how often 44 fits into the exponent less 56: then a * 2^(-44 first) is a multiple of 4
  // below 2^100.
  const Value biased = bits >> 52;
  const Value exponent = select(biased > 1023 + 56, biased - (1023 + 56), 0);
  const Value first = (exponent * 745) >> 15;  // exponent / 44
  const Value reduced = a * bitcast((constant(first, 1023) - first * 44) << 52, float64);

  // Chunks first ... first + 4: the list is shifted by 16, 8, 4, 2 and 1 places as the bits of
  // `first` say.
  std::vector<Value> window;
  for (const double chunk : chunks) window.push_back(constant(a, chunk));
  for (std::size_t step = 16; step > 0; step /= 2) {
    const Value shift = (first & step) != 0;
    std::vector<Value> shifted(window.begin(),
                               window.begin() + std::ptrdiff_t(window_size + step - 1));
    for (std::size_t i = 0; i < shifted.size() && i + step < window.size(); ++i) {
      shifted[i] = select(shift, window[i + step], window[i]);
    }
    window = std::move(shifted);
  }

  const auto modulo_4 = [](Value v) { return v - round_even(v * 0.25) * 4.0; };
  const auto term = [&](std::size_t i, double weight) {
    return product(reduced * weight, window[i]);
  };
  const Pair p0 = term(0, 0x1p-44), p1 = term(1, 0x1p-88), p2 = term(2, 0x1p-132),
             p3 = term(3, 0x1p-176);
  const Value p4 = reduced * 0x1p-220 * window[4];

  const Value terms[] = {modulo_4(p0.high), modulo_4(p0.low), modulo_4(p1.high), p1.low, p2.high};
  Value n = terms[0];
  for (int i = 1; i < 5; ++i) n = n + terms[i];
  const Value shifted = n + 0x1.8p52;
  n = shifted - 0x1.8p52;
  Pair turn{terms[0] - n, p4 + p3.low};
  for (const Value& v : {terms[1], terms[2], terms[3], terms[4], p2.low, p3.high}) {
    const Pair next = sum(turn.high, v);
    turn = {next.high, turn.low + next.low};
  }
  turn = sum_of_ordered(turn.high, turn.low);
  const Pair angle = product(turn.high, constant(a, half_pi[0]));
  return {bitcast(shifted, uint64),
          {angle.high, fma(turn.high, half_pi[1], fma(turn.low, half_pi[0], angle.low))}};
}

// sin(r) and cos(r), in float64 with an error that does not show in float32, and in two float64s.

Value sine(Value r) {
  const Value z = r * r;
  const Value p = polynomial(z, {-0.16666666641526998, 0.00833332937413478, -0.0001983933100048168,
                                 2.7182745015111467e-06});
  return fma(z * r, p, r);
}

Value cosine(Value r) {
  const Value z = r * r;
  return polynomial(z, {1.0, -0.5, 0.041666666622652164, -0.0013888883737978384,
                        2.4799515874240733e-05, -2.720989157925126e-07});
}

Pair sine(const Pair& r) {
  const Value z = r.high * r.high;
  const Value p =
      polynomial(z, {-0.16666666666666632, 0.008333333333322472, -0.00019841269829835674,
                     2.7557313697333157e-06, -2.5050758487596183e-08, 1.5896796199108381e-10});
  return {r.high, fma(z * r.high, p, fma(z * -0.5, r.low, r.low))};
}

Pair cosine(const Pair& r) {
  const Value z = r.high * r.high;
  const Value p =
      polynomial(z, {0.0416666666666666, -0.0013888888888874457, 2.4801587289652865e-05,
                     -2.7557314393871557e-07, 2.0875728111329574e-09, -1.1359865003130014e-11});
  const Pair first = sum_of_ordered(constant(z, 1.0), z * -0.5);
  return {first.high, fma(z * z, p, fma(-r.high, r.low, first.low))};
}

Value rounded(Value x) { return x; }
Value rounded(const Pair& pair) { return pair.high + pair.low; }

/// The sine, or the cosine, of n pi/2 + r.
template <class Rest>
Value of_quarters(const Quarters<Rest>& q, bool cosine_wanted) {
  const Value odd = (q.n & 1) != 0;
  const Value s = rounded(sine(q.r));
  const Value c = rounded(cosine(q.r));
  const Value magnitude = cosine_wanted ? select(odd, s, c) : select(odd, c, s);
  // The sine is negative in quarters 2 and 3, the cosine in 1 and 2.
  const Value negative = ((cosine_wanted ? q.n + 1 : q.n) >> 1) << 63;
  return bitcast(bitcast(magnitude, uint64) ^ negative, float64);
}

/// `magnitude` of a function of |x|, with the sign that an odd function has at x. What is as small
/// as `tiny` is its own.
Value odd_at(Value x, Value magnitude, double tiny) {
  const DType bits = format_of(x.dtype()).bits;
  const Value sign = bitcast(x, bits) ^ bitcast(abs(x), bits);
  return select(abs(x) < tiny, x, bitcast(bitcast(magnitude, bits) ^ sign, x.dtype()));
}

/// num / den.
Value quotient(Value num, Value den) { return num / den; }
Value quotient(const Pair& num, const Pair& den) {
  const Pair n = sum_of_ordered(num.high, num.low);
  const Pair d = sum_of_ordered(den.high, den.low);
  const Value reciprocal = 1.0 / d.high;
  const Value y = n.high * reciprocal;
  const Value rest = fma(-y, d.low, fma(-y, d.high, n.high) + n.low);
  return fma(rest, reciprocal, y);
}

template <class Rest>
Value tangent(const Quarters<Rest>& q) {
  const Value odd = (q.n & 1) != 0;
  const auto s = sine(q.r);
  const auto c = cosine(q.r);
  const auto choose = [&](auto yes, auto no) {
    if constexpr (std::is_same_v<Rest, Pair>) {
      return Pair{kernel::select(odd, yes.high, no.high), kernel::select(odd, yes.low, no.low)};
    } else {
      return kernel::select(odd, yes, no);
    }
  };
  const Value y = quotient(choose(c, s), choose(s, c));
  return bitcast(bitcast(y, uint64) ^ (q.n << 63), float64);
}

}  // namespace

Value sin(Value x) {
  if (is_half(x.dtype())) return through_float32(sin, x);
  const bool single = is_single(x);
  const Value y = single ? cast(of_quarters(quarters_of_single(x), false), float32)
                         : of_quarters(quarters_of_double(x), false);
  return odd_at(x, y, single ? 0x1p-30 : 0x1p-60);
}

Value cos(Value x) {
  if (is_half(x.dtype())) return through_float32(cos, x);
  return is_single(x) ? cast(of_quarters(quarters_of_single(x), true), float32)
                      : of_quarters(quarters_of_double(x), true);
}

Value tan(Value x) {
  if (is_half(x.dtype())) return through_float32(tan, x);
  const bool single = is_single(x);
  const Value y =
      single ? cast(tangent(quarters_of_single(x)), float32) : tangent(quarters_of_double(x));
  return odd_at(x, y, single ? 0x1p-30 : 0x1p-60);
}

namespace {

/// sin(pi x) for |x|, or cos(pi x).
Value of_half_turns(Value x, bool cosine_wanted) {
  const bool single = is_single(x);
  const Format format = format_of(x.dtype());
  const Value a = abs(x);
  const Value turn = a - round_even(a * 0.5) * 2.0;  // exact, in [-1, 1]
  const PowerOfTwo quarter = nearest_power(turn, 2.0);
  const Value r = fma(quarter.exponent, -0.5, turn);  // exact, in [-1/4, 1/4]
  const Value z = r * r;
  const Value sine_tail =
      single ? polynomial(z, {-5.16770935, 2.54981923, -0.589566112})
             : polynomial(z, {-5.16771278004996, 2.5501640398740504, -0.5992645289770198,
                              0.08214587017535369, -0.007370034232580416, 0.00046159341767725736});
  const double pi_low = single ? -0x1.777a5cp-24 : 0x1.1a62633145c07p-53;
  const Value s = fma(r, 0x1.921fb54442d18p+1, r * fma(z, sine_tail, pi_low));
  const Value c =
      single ? polynomial(z, {1.0, -4.93480206, 4.05869627, -1.33473623, 0.228754759})
             : polynomial(z, {1.0, -4.934802200544679, 4.058712126416665, -1.3352627688430956,
                              0.23533062976280741, -0.025806875203550496, 0.0019293406682059592,
                              -0.00010298337794642731});
  // The bias of `quarter` is a multiple of 4 and 2 less.
  const Value n = quarter.biased + (cosine_wanted ? 3 : 2);
  const Value odd = (quarter.biased & 1) != 0;
  const Value magnitude = cosine_wanted ? select(odd, s, c) : select(odd, c, s);
  const Value sign = (n >> 1) << (format.fraction + (single ? 8 : 11));
  return bitcast(bitcast(magnitude, format.bits) ^ sign, x.dtype());
}

}  // namespace

Value sin_pi(Value x) {
  if (is_half(x.dtype())) return through_float32(sin_pi, x);
  const DType bits = format_of(x.dtype()).bits;
  const Value sign = bitcast(x, bits) ^ bitcast(abs(x), bits);
  return bitcast(bitcast(of_half_turns(x, false), bits) ^ sign, x.dtype());
}

Value cos_pi(Value x) {
  if (is_half(x.dtype())) return through_float32(cos_pi, x);
  return of_half_turns(x, true);
}

}  // namespace rill::kernel::math
