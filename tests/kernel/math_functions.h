// The unary functions of kernel/math.h beside the C library's, and the means to run and judge them.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numbers>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/kernel/builder.h>
#include <rill/kernel/math.h>
#include <rill/tensor/device.h>

#include "tests/catch.h"

namespace rill::kernel {

/// A function, its values in more precision than needed, and the largest errors that its
/// documentation admits, in units of the last place.
struct MathFunction {
  const char* name;
  Value (*body)(Value);
  double (*for_single)(double);
  long double (*for_double)(long double);
  double bound_single;
  double bound_double;
};

/// sin(pi x) and cos(pi x) from the fraction that is left after quarter turns.
template <class T>
T of_half_turns(T x, bool cosine) {
  if (!std::isfinite(x)) return std::numeric_limits<T>::quiet_NaN();
  const T turn = std::fmod(std::fabs(x), T(2));
  const T n = std::nearbyint(turn * 2);
  const T angle = (turn - n / 2) * std::numbers::pi_v<T>;
  const int quarter = (static_cast<int>(n) + (cosine ? 1 : 0)) % 4;
  const T magnitude = quarter % 2 == 0 ? std::sin(angle) : std::cos(angle);
  const T value = quarter >= 2 ? -magnitude : magnitude;
  return cosine || !std::signbit(x) ? value : -value;
}

/// The inverse of erf by Newton's method.
template <class T>
T inverse_erf(T x) {
  const T a = std::fabs(x);
  if (!(a <= 1)) return std::numeric_limits<T>::quiet_NaN();
  if (a == 1 || a == 0) return a == 0 ? x : std::copysign(std::numeric_limits<T>::infinity(), x);
  const T l = std::log1p(-a * a);
  const T t = T(4.33) + l / 2;
  T y = std::sqrt(std::max(std::sqrt(t * t - l / T(0.147)) - t, T(0)));
  if (a < T(1e-4)) y = a * std::sqrt(std::numbers::pi_v<T>) / 2;
  for (int step = 0; step < 6; ++step) {
    const T excess = a > T(0.5) ? (1 - a) - std::erfc(y) : std::erf(y) - a;
    const T change = excess * std::sqrt(std::numbers::pi_v<T>) / 2 * std::exp(y * y);
    y -= change / (1 + y * change);
  }
  return std::copysign(y, x);
}

template <class T>
T softplus(T x) {
  return std::max(x, T(0)) + std::log1p(std::exp(-std::fabs(x)));
}

template <class F>
constexpr MathFunction math_function(const char* name, Value (*body)(Value), double bound_single,
                                     double bound_double, F) {
  return {name,
          body,
          [](double x) { return F{}(x); },
          [](long double x) { return F{}(x); },
          bound_single,
          bound_double};
}

inline constexpr std::array math_functions = {
    math_function("exp", math::exp, 1.1, 1.1, [](auto x) { return std::exp(x); }),
    math_function("exp2", math::exp2, 1.0, 1.0, [](auto x) { return std::exp2(x); }),
    math_function("expm1", math::expm1, 1.1, 1.2, [](auto x) { return std::expm1(x); }),
    math_function("sinh", math::sinh, 1.1, 1.1, [](auto x) { return std::sinh(x); }),
    math_function("cosh", math::cosh, 1.1, 1.1, [](auto x) { return std::cosh(x); }),
    math_function("tanh", math::tanh, 1.0, 1.3, [](auto x) { return std::tanh(x); }),
    math_function("asinh", math::asinh, 0.51, 1.4, [](auto x) { return std::asinh(x); }),
    math_function("acosh", math::acosh, 0.51, 1.2, [](auto x) { return std::acosh(x); }),
    math_function("atanh", math::atanh, 0.51, 1.2, [](auto x) { return std::atanh(x); }),
    math_function("sigmoid", math::sigmoid, 1.2, 1.2,
                  [](auto x) { return 1 / (1 + std::exp(-x)); }),
    math_function("softplus", math::softplus, 1.5, 1.7, [](auto x) { return softplus(x); }),
    math_function("log", math::log, 1.0, 1.0, [](auto x) { return std::log(x); }),
    math_function("log2", math::log2, 1.1, 1.1, [](auto x) { return std::log2(x); }),
    math_function("log10", math::log10, 1.0, 1.1, [](auto x) { return std::log10(x); }),
    math_function("log1p", math::log1p, 1.1, 1.0, [](auto x) { return std::log1p(x); }),
    math_function("erf", math::erf, 1.2, 1.0, [](auto x) { return std::erf(x); }),
    math_function("erfc", math::erfc, 1.8, 1.6, [](auto x) { return std::erfc(x); }),
    math_function("erfinv", math::erfinv, 0.7, 1.9, [](auto x) { return inverse_erf(x); }),
    math_function("sin", math::sin, 0.6, 0.9, [](auto x) { return std::sin(x); }),
    math_function("cos", math::cos, 0.6, 0.9, [](auto x) { return std::cos(x); }),
    math_function("tan", math::tan, 0.6, 1.0, [](auto x) { return std::tan(x); }),
    math_function("sin_pi", math::sin_pi, 1.1, 1.0, [](auto x) { return of_half_turns(x, false); }),
    math_function("cos_pi", math::cos_pi, 1.0, 1.0, [](auto x) { return of_half_turns(x, true); }),
    math_function("asin", math::asin, 0.8, 0.7, [](auto x) { return std::asin(x); }),
    math_function("acos", math::acos, 0.8, 0.7, [](auto x) { return std::acos(x); }),
    math_function("atan", math::atan, 0.9, 0.8, [](auto x) { return std::atan(x); }),
    math_function("cbrt", math::cbrt, 0.51, 0.51, [](auto x) { return std::cbrt(x); }),
    math_function("rsqrt", math::rsqrt, 0.51, 0.51, [](auto x) { return 1 / std::sqrt(x); }),
};

/// A program for y = f(x0, x1 ...) over one-dimensional buffers.
template <class F>
Program elementwise(DType dtype, std::size_t inputs, F&& f) {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const std::array extent{n};
  const std::array stride{b.integer(1)};
  const std::array index{b.index(i)};
  b.outer(std::array{i});
  std::vector<Value> x;
  for (std::size_t k = 0; k < inputs; ++k) {
    x.push_back(b.load(b.buffer(dtype, Buffer::Space::input, extent, stride), index));
  }
  const Id y = b.buffer(dtype, Buffer::Space::output, extent, stride);
  b.store(y, index, f(std::span<const Value>(x)));
  return b.finish();
}

/// Runs a program of `elementwise` through the CPU's backend.
template <class T>
std::vector<T> run(const Program& program, std::initializer_list<std::span<const T>> inputs) {
  const std::size_t count = inputs.begin()->size();
  std::vector<T> result(count);
  std::vector<std::byte*> buffers;
  for (std::span<const T> x : inputs) {
    // Inputs are not written.
    buffers.push_back(reinterpret_cast<std::byte*>(const_cast<T*>(x.data())));
  }
  buffers.push_back(reinterpret_cast<std::byte*>(result.data()));
  const auto size = static_cast<std::int64_t>(count);
  const auto prepared = backend(Device::cpu()).prepare(program);
  REQUIRE(prepared->execute(buffers.data(), &size, nullptr).error == 0);
  return result;
}

template <class T>
std::vector<T> run(Value (*f)(Value), const std::vector<T>& x) {
  return run<T>(elementwise(dtype_of<T>, 1, [&](auto v) { return f(v[0]); }), {x});
}
template <class T>
std::vector<T> run(Value (*f)(Value, Value), const std::vector<T>& x, const std::vector<T>& y) {
  return run<T>(elementwise(dtype_of<T>, 2, [&](auto v) { return f(v[0], v[1]); }), {x, y});
}

/// How far `got` is from the exact value, in units of the last place of the latter; infinite where
/// one is NaN and the other not, or where a zero has the wrong sign.
template <class T, class Exact>
double error_in_ulp(T got, Exact exact) {
  constexpr double wrong = std::numeric_limits<double>::infinity();
  if (std::isnan(exact) || std::isnan(got)) return std::isnan(exact) == std::isnan(got) ? 0 : wrong;
  const T nearest = static_cast<T>(exact);
  if (got == nearest) return got != 0 || std::signbit(got) == std::signbit(nearest) ? 0.5 : wrong;
  constexpr int digits = std::numeric_limits<T>::digits;
  constexpr int lowest = std::numeric_limits<T>::min_exponent - digits;
  constexpr int highest = std::numeric_limits<T>::max_exponent;
  if (std::isinf(exact)) return wrong;
  const Exact value =
      std::isinf(got) ? std::copysign(std::ldexp(Exact(1), highest), Exact(got)) : Exact(got);
  const int exponent = exact == 0 ? lowest : std::ilogb(exact) + 1 - digits;
  return static_cast<double>(
      std::ldexp(std::fabs(value - exact), -std::clamp(exponent, lowest, highest - digits)));
}

}  // namespace rill::kernel
