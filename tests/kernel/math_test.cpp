#include <algorithm>
#include <bit>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <rill/tensor/half.h>

#include "tests/catch.h"
#include "tests/kernel/launch.h"
#include "tests/kernel/math_functions.h"

namespace rill::kernel {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float denormal = std::numeric_limits<float>::denorm_min();

/// Equal, NaN to NaN, and a zero's sign counts.
template <class T>
bool same(T a, T b) {
  return std::isnan(a) ? std::isnan(b) : a == b && std::signbit(a) == std::signbit(b);
}

/// A line of NumPy's validation sets.
template <class T>
struct Pair {
  T argument;
  T rounded;
};

template <class T>
std::vector<Pair<T>> validation_set(const std::string& name) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const std::string dtype = sizeof(T) == 4 ? "np.float32" : "np.float64";
  std::ifstream file(RILL_SOURCE_DIR "/tests/data/umath/umath-validation-set-" + name + ".csv");
  REQUIRE(file);
  std::vector<Pair<T>> pairs;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    std::string type, argument, result;
    if (!std::getline(fields, type, ',') || type != dtype) continue;
    std::getline(fields, argument, ',');
    std::getline(fields, result, ',');
    const auto number = [](const std::string& text) {
      return std::bit_cast<T>(static_cast<Bits>(std::stoull(text, nullptr, 16)));
    };
    pairs.push_back({number(argument), number(result)});
  }
  return pairs;
}

template <class T>
void check_validation_set(const std::string& file, Value (*body)(Value)) {
  const auto pairs = validation_set<T>(file);
  REQUIRE(pairs.size() > 50);
  std::vector<T> x;
  for (const auto& pair : pairs) x.push_back(pair.argument);
  const std::vector<T> y = run(body, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    CAPTURE(file, sizeof(T), x[i], y[i], pairs[i].rounded);
    REQUIRE(error_in_ulp(y[i], static_cast<long double>(pairs[i].rounded)) <= 2);
  }
}

TEST_CASE("Functions are within 2 ULP of NumPy's correctly rounded values") {
  const std::map<std::string, Value (*)(Value)> files = {
      {"arccos", math::acos},   {"arccosh", math::acosh}, {"arcsin", math::asin},
      {"arcsinh", math::asinh}, {"arctan", math::atan},   {"arctanh", math::atanh},
      {"cbrt", math::cbrt},     {"cos", math::cos},       {"cosh", math::cosh},
      {"exp", math::exp},       {"exp2", math::exp2},     {"expm1", math::expm1},
      {"log", math::log},       {"log10", math::log10},   {"log1p", math::log1p},
      {"log2", math::log2},     {"sin", math::sin},       {"sinh", math::sinh},
      {"tan", math::tan},       {"tanh", math::tanh}};
  for (const auto& [file, body] : files) {
    check_validation_set<float>(file, body);
    check_validation_set<double>(file, body);
  }
}

/// Halves are compared by their place in the order of all halves.
template <class T>
int place(T half) {
  const int magnitude = half.bits() & 0x7fff;
  return half.bits() & 0x8000 ? -magnitude : magnitude;
}

template <class T>
void check_all_halves(const MathFunction& function) {
  std::vector<T> x(65536);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = T::from_bits(static_cast<std::uint16_t>(i));
  const std::vector<T> y = run(function.body, x);
  int wrong = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const T rounded(static_cast<float>(function.for_single(x[i])));
    const bool good = std::isnan(static_cast<float>(rounded))
                          ? std::isnan(static_cast<float>(y[i]))
                          : std::abs(place(rounded) - place(y[i])) <= 1;
    if (!good) ++wrong;
  }
  CAPTURE(function.name);
  CHECK(wrong == 0);
}

TEST_CASE("All float16 and bfloat16 results are within 1 ULP of the correctly rounded one") {
  for (const MathFunction& function : math_functions) {
    check_all_halves<Half>(function);
    check_all_halves<BFloat16>(function);
  }
}

template <class T>
void check_bound(const MathFunction& function, const std::vector<T>& x) {
  const std::vector<T> y = run(function.body, x);
  double worst = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double error =
        sizeof(T) == 4 ? error_in_ulp(y[i], function.for_single(static_cast<double>(x[i])))
                       : error_in_ulp(y[i], function.for_double(static_cast<long double>(x[i])));
    if (error > worst) worst = error, where = i;
  }
  CAPTURE(function.name, sizeof(T), worst, x[where], y[where]);
  CHECK(worst <= (sizeof(T) == 4 ? function.bound_single : function.bound_double));
}

TEST_CASE("float32 errors stay within the documented bounds over all magnitudes") {
  std::vector<float> x;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 262139) {
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (float special : {0.0F, 1.0F, denormal, infinity, nan, 0x1p-126F, 0x1.fffffep127F}) {
    x.push_back(special);
    x.push_back(-special);
  }
  for (const MathFunction& function : math_functions) check_bound(function, x);
}

TEST_CASE("float64 errors stay within the documented bounds over all magnitudes") {
  std::mt19937_64 random(1);
  std::vector<double> x = {0.0,       -0.0,       1.0,      -1.0,       INFINITY, -INFINITY, NAN,
                           0x1p-1074, -0x1p-1074, 0x1p1023, -0x1p-1022, 709.78,   -745.13};
  for (int i = 0; i < 3000; ++i) {
    x.push_back(std::bit_cast<double>(random()));
    const double sign = random() % 2 == 0 ? 1 : -1;
    const double fraction = static_cast<double>(random() >> 11) * 0x1p-53;
    x.push_back(sign * fraction);
    x.push_back(sign * fraction * 10);
    x.push_back(sign * fraction * 750);
    x.push_back(sign * std::ldexp(1 + fraction, static_cast<int>(random() % 40) - 20));
  }
  for (const MathFunction& function : math_functions) check_bound(function, x);
}

template <class T>
void check_interpreted(const MathFunction& function, const std::vector<T>& x) {
  const Program program = elementwise(dtype_of<T>, 1, [&](auto v) { return function.body(v[0]); });
  const std::vector<T> prepared = run<T>(program, {x});
  std::vector<T> argument = x;
  std::vector<T> interpreted(x.size());
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(x.size())};
  launch.add(argument);
  launch.add(interpreted);
  CHECK(launch.interpret(program).error == 0);
  std::size_t different = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!same(prepared[i], interpreted[i])) ++different;
  }
  CAPTURE(function.name, sizeof(T));
  CHECK(different == 0);
}

TEST_CASE("The interpreter and compiled code give the same bits") {
  std::mt19937_64 random(3);
  std::vector<float> x;
  std::vector<double> y;
  for (int i = 0; i < 2000; ++i) {
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
    y.push_back(std::bit_cast<double>(random()));
    const double fraction = static_cast<double>(random() >> 11) * 0x1p-50 - 4;
    x.push_back(static_cast<float>(fraction));
    y.push_back(fraction);
  }
  for (const MathFunction& function : math_functions) {
    check_interpreted(function, x);
    check_interpreted(function, y);
  }
}

TEST_CASE("exp, log and tanh at the edges of their domains") {
  CHECK(run<float>(math::exp, {0, -0.0F, infinity, -infinity, 88.8F, -104}) ==
        std::vector<float>{1, 1, infinity, 0, infinity, 0});
  CHECK(run<float>(math::exp, {-103.9F})[0] == denormal);
  CHECK(run<float>(math::log, {1, 0, -0.0F, infinity}) ==
        std::vector<float>{0, -infinity, -infinity, infinity});
  CHECK(std::isnan(run<float>(math::log, {-1})[0]));
  CHECK(run<float>(math::log2, {denormal, 8, 0.5F}) == std::vector<float>{-149, 3, -1});
  CHECK(run<float>(math::exp2, {-149, 3, 127}) == std::vector<float>{denormal, 8, 0x1p127F});
  CHECK(run<float>(math::tanh, {infinity, -infinity, 20}) == std::vector<float>{1, -1, 1});
  CHECK(run<float>(math::sigmoid, {0, infinity, -infinity}) == std::vector<float>{0.5F, 1, 0});
  CHECK(run<float>(math::rsqrt, {4, 0, -0.0F, infinity}) ==
        std::vector<float>{0.5F, infinity, -infinity, 0});
}

TEST_CASE("Odd functions keep the sign of zero and the bits of denormal numbers") {
  for (auto body : {math::sin, math::tan, math::sinh, math::tanh, math::asin, math::atan,
                    math::asinh, math::atanh, math::expm1, math::log1p}) {
    const std::vector<float> y = run<float>(body, {0.0F, -0.0F, denormal, -denormal});
    CHECK(same(y[0], 0.0F));
    CHECK(same(y[1], -0.0F));
    CHECK(y[2] == denormal);
    CHECK(y[3] == -denormal);
  }
}

TEST_CASE("Trigonometric functions reduce huge arguments with enough bits of pi") {
  // The float64 nearest to a multiple of pi/2: 6381956970095103 * 2^797.
  const double close = 0x1.6ac5b262ca1ffp+849;
  CHECK(run<double>(math::sin, {close, 1e22, 0x1p1023}) ==
        std::vector<double>{1.0, -0.8522008497671888, 0.5631277798508840});
  CHECK(run<double>(math::cos, {close, 1e22}) ==
        std::vector<double>{-4.687165924254628e-19, 0.523214785395139});
  CHECK(run<float>(math::sin, {0x1.fffffep127F})[0] == -0.521876514F);
  CHECK(run<float>(math::cos_pi, {0.5F, 1, 1.5F, 0x1p24F}) == std::vector<float>{0, -1, 0, 1});
}

TEST_CASE("pow has the special cases of C99") {
  const float one_half = 0.5F;
  const std::vector<float> base = {0.0F,      -0.0F,     -0.0F,    0.0F,      -1,        1,
                                   nan,       -8,        -8,       one_half,  infinity,  -infinity,
                                   -infinity, -infinity, infinity, -infinity, -one_half, 2};
  const std::vector<float> exponent = {-3,       -3, 3,        -one_half, infinity, nan,
                                       0,        3,  one_half, -infinity, -1,       3,
                                       one_half, -3, 0,        -one_half, infinity, -149};
  const std::vector<float> expected = {infinity, -infinity, -0.0F, infinity, 1, 1,
                                       1,        -512,      nan,   infinity, 0, -infinity,
                                       infinity, -0.0F,     1,     0,        0, denormal};
  const std::vector<float> y = run(math::pow, base, exponent);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(base[i], exponent[i], y[i], expected[i]);
    CHECK(same(y[i], expected[i]));
  }
}

template <class T>
double worst_power(const std::vector<T>& x, const std::vector<T>& y) {
  const std::vector<T> got = run(math::pow, x, y);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, error_in_ulp(got[i], std::pow(static_cast<long double>(x[i]),
                                                          static_cast<long double>(y[i]))));
  }
  return worst;
}

TEST_CASE("pow is within its documented bounds") {
  std::mt19937_64 random(2);
  std::vector<double> x, y;
  for (int i = 0; i < 5000; ++i) {
    const double fraction = static_cast<double>(random() >> 11) * 0x1p-53;
    const double a = std::ldexp(1 + fraction, static_cast<int>(random() % 200) - 100);
    const double slope = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
    x.push_back(a);
    y.push_back(slope * 1074 / std::log2(a));
    x.push_back(1 + (fraction - 0.5) * 0x1p-10);
    y.push_back(slope * 1e5);
  }
  CHECK(worst_power(x, y) <= 1.2);
  std::vector<float> single_x(x.begin(), x.end()), single_y;
  for (double v : y) single_y.push_back(static_cast<float>(v / 8));
  CHECK(worst_power(single_x, single_y) <= 0.6);
}

TEST_CASE("Integer powers wrap, and only 1 and -1 survive negative exponents") {
  CHECK(run<std::int32_t>(math::pow, {2, 3, -2, 7, 0, 10, 2, -1, -1, 1, 0, 3},
                          {10, 4, 3, 0, 0, 10, -1, -3, -2, -9, -1, 40}) ==
        std::vector<std::int32_t>{1024, 81, -8, 1, 1, 1410065408, 0, -1, 1, 1, 0, 689956897});
  CHECK(run<std::uint64_t>(math::pow, {3, 2}, {40, 63}) ==
        std::vector<std::uint64_t>{12157665459056928801U, 9223372036854775808U});
}

TEST_CASE("lgamma and digamma are exact to 2 and 5 ULP for positive numbers") {
  std::vector<double> x = {0x1p-1000, 1e300};
  for (double v = 0.01; v < 40; v *= 1.003) x.push_back(v);
  const std::vector<double> y = run(math::lgamma, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, error_in_ulp(y[i], std::lgamma(static_cast<long double>(x[i]))));
  }
  CHECK(worst <= 2.2);
  const std::vector<double> at = {1, 2, 10, 0.5};
  const std::vector<double> exact = {-0.5772156649015329, 0.42278433509846713, 2.251752589066721,
                                     -1.9635100260214235};
  const std::vector<double> derivative = run(math::digamma, at);
  for (std::size_t i = 0; i < at.size(); ++i) {
    CHECK(error_in_ulp(derivative[i], static_cast<long double>(exact[i])) <= 5);
  }
  CHECK(run<float>(math::lgamma, {1, 2, 3, 10, -0.5F, 0, -3}) ==
        std::vector<float>{0, 0, 0.693147182F, 12.8018274F, 1.26551211F, infinity, infinity});
  CHECK(run<float>(math::digamma, {-0.5F, 0, -0.0F}) ==
        std::vector<float>{0.0364899747F, -infinity, infinity});
  CHECK(std::isnan(run<float>(math::digamma, {-2})[0]));
}

TEST_CASE("modulo has the divisor's sign, as in NumPy") {
  const std::vector<float> a = {7, -7, 7, -7, 6, -6, 5, -5, 5, 1e-20F, -1e-20F, 1, infinity, 0.0F};
  const std::vector<float> b = {3, 3, -3, -3, 3, 3, infinity, infinity, -infinity, 1, 1, 0, 3, -2};
  const std::vector<float> expected = {1,        2,         -2,     -1, 0,   0,   5,
                                       infinity, -infinity, 1e-20F, 1,  nan, nan, -0.0F};
  const std::vector<float> y = run(math::modulo, a, b);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(a[i], b[i], y[i]);
    CHECK(same(y[i], expected[i]));
  }
}

TEST_CASE("modulo of a quotient that has lost digits is 0, with the divisor's sign") {
  const std::vector<float> a = {3.4e38F, -3.4e38F, 0x1p40F, -0x1p40F, 16777215, 1, 1};
  const std::vector<float> b = {0.5F, 1e-20F, 1.3F, -1.3F, 1, denormal, 0};
  const std::vector<float> expected = {0, 0, 0, -0.0F, 0, 0, nan};
  const std::vector<float> y = run(math::modulo, a, b);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(a[i], b[i], y[i]);
    CHECK(same(y[i], expected[i]));
  }
  CHECK(run<double>(math::modulo, {300}, {0x1p-1022})[0] == 0);
  CHECK(run<double>(math::modulo, {0x1p40}, {1.5})[0] == 1);
}

TEST_CASE("atan2 knows the quadrants and the axes") {
  const float pi = std::numbers::pi_v<float>;
  const std::vector<float> y = {0.0F, -0.0F, 0.0F, -0.0F, 1,        -1,       1,
                                -1,   1,     -1,   1,     infinity, infinity, 1};
  const std::vector<float> x = {1,  1,         -1,  -0.0F,    0,         0,        1,
                                -1, -infinity, nan, infinity, -infinity, infinity, -1e38F};
  const std::vector<float> expected = {0.0F,         -0.0F, pi,  -pi,  pi / 2,      -pi / 2, pi / 4,
                                       -2.35619449F, pi,    nan, 0.0F, 2.35619449F, pi / 4,  pi};
  const std::vector<float> angle = run(math::atan2, y, x);
  for (std::size_t i = 0; i < y.size(); ++i) {
    CAPTURE(y[i], x[i], angle[i]);
    CHECK(same(angle[i], expected[i]));
  }
}

template <class T>
double worst_angle() {
  std::mt19937_64 random(4);
  std::vector<T> x, y;
  for (int i = 0; i < 20000; ++i) {
    const auto number = [&] {
      const double fraction = static_cast<double>(random() >> 11) * 0x1p-52 - 1;
      return static_cast<T>(std::ldexp(fraction, static_cast<int>(random() % 20) - 10));
    };
    x.push_back(number());
    y.push_back(number());
  }
  const std::vector<T> got = run(math::atan2, y, x);
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, error_in_ulp(got[i], std::atan2(static_cast<long double>(y[i]),
                                                            static_cast<long double>(x[i]))));
  }
  return worst;
}

TEST_CASE("atan2 is within its documented bounds") {
  CHECK(worst_angle<float>() <= 1.1);
  CHECK(worst_angle<double>() <= 1.1);
}

}  // namespace
}  // namespace rill::kernel
