/// The mathematical functions, written once in the kernel language, so that the interpreter and
/// every emitter give the same bits. Invariant: no function branches on data or reads memory:
/// polynomials, fused multiply-adds, work on bits and selections. Each takes float32 or float64;
/// 16-bit floats are computed in float32 and rounded once. "Worst error" is in units of the last
/// place of the exact result, denormal results included: of all 2^32 values for float32, of 10^7
/// and more random and special values for float64.
#pragma once

#include <rill/kernel/builder.h>

namespace rill::kernel::math {

/// e^x. Reduction: x = n ln 2 + r, ln 2 in two parts, degree 6 (12) polynomial.
Value exp(Value x);
/// 2^x, exact for integers. Reduction: x = n + r, degree 6 (11) polynomial.
Value exp2(Value x);
/// e^x - 1 without cancellation. Reduction: as exp, r in two parts.
Value expm1(Value x);
/// Hyperbolic tangent: an odd polynomial near 0, elsewhere 1 - 2 / (e^2x + 1).
Value tanh(Value x);
/// Hyperbolic sine: an odd polynomial below 1, elsewhere (e^x - e^-x) / 2 with the low part of e^x
/// kept.
Value sinh(Value x);
/// Hyperbolic cosine, as sinh.
Value cosh(Value x);
/// Inverse of sinh: log1p of a pair; float32 in float64, as the two that follow.
Value asinh(Value x);
/// Inverse of cosh: NaN below 1.
Value acosh(Value x);
/// Inverse of tanh: infinite at -1 and 1, NaN beyond.
Value atanh(Value x);
/// 1 / (1 + e^-x), with relative accuracy down to denormal results.
Value sigmoid(Value x);
/// log(1 + e^x), as max(x, 0) + log(1 + e^-|x|).
Value softplus(Value x);

/// Natural logarithm: -inf at zero, NaN below. Reduction: x = 2^k (1 + f), sqrt(1/2) <= 1 + f <
/// sqrt(2).
Value log(Value x);
/// Logarithm to base 2, exact for powers of two. Reduction: as log.
Value log2(Value x);
/// Logarithm to base 10. Reduction: as log.
Value log10(Value x);
/// log(1 + x) without cancellation: -inf at -1, NaN below. Reduction: as log, with the rounding
/// error of 1 + x kept.
Value log1p(Value x);

/// Error function: an odd polynomial below 0.9, elsewhere 1 - erfc(x).
Value erf(Value x);
/// 1 - erf(x) without cancellation, down to denormal results: e^(-x^2) times a polynomial in (x -
/// c) / (x + c).
Value erfc(Value x);

/// Inverse of erf: infinite at -1 and 1, NaN beyond. A polynomial in log(1 - x^2) or its root, in
/// float64 improved by a step of third order.
Value erfinv(Value x);

/// log(|gamma(x)|): infinite at the integers up to 0. In float64: a polynomial on [1, 3],
/// recurrences, Stirling's series, and for negative x the reflection, near whose roots only the
/// absolute error is small.
Value lgamma(Value x);
/// The derivative of lgamma: NaN at the negative integers, infinite at 0. In float64, as lgamma,
/// its negative roots too.
Value digamma(Value x);

/// Sine of x in radians, of any size. Reduction to |r| <= pi/4 with as many bits of pi as the
/// argument needs.
Value sin(Value x);
/// Cosine. Reduction: as sin.
Value cos(Value x);
/// Tangent, as the quotient of the sine and the cosine. Reduction: as sin.
Value tan(Value x);

/// x to the power y, both of one dtype, with the special cases of C99 (F.10.4.4): `pow(x, 0)` and
/// `pow(1, y)` are 1, a negative x takes integers only. float32 is computed as 2^(y log2 x) in
/// float64, float64 as e^(y log x) with the logarithm in two parts. Integers wrap; to a negative
/// power all but 1 and -1 give 0.
Value pow(Value x, Value y);
/// a - floor(a / b) b, as NumPy's `%`: the result has the divisor's sign, a zero too; NaN if b is
/// zero or a infinite. Floats only. Exact (rounded once, where signs differ) while |a / b| is below
/// 2^24, in float64 2^53.
Value modulo(Value a, Value b);
/// sin(pi x), exact at multiples of 1/2. Reduction exact and cheap: for angles made from random
/// numbers.
Value sin_pi(Value x);
/// cos(pi x), likewise.
Value cos_pi(Value x);
/// Inverse of sin, in [-pi/2, pi/2]: an odd polynomial up to 1/2, beyond by sqrt((1 - |x|) / 2).
/// NaN outside [-1, 1].
Value asin(Value x);
/// Inverse of cos, in [0, pi], likewise.
Value acos(Value x);
/// Inverse of tan, in [-pi/2, pi/2]. Reduction to [0, tan(pi/8)], errors kept.
Value atan(Value x);
/// The angle of the point (x, y), in [-pi, pi], with C99's special cases (F.10.1.4).
Value atan2(Value y, Value x);

/// Cube root, in float64: a polynomial for m^(-1/3) and two steps of third order.
Value cbrt(Value x);
/// 1 / sqrt(x): inf at zero, NaN below. The errors of the root and of the quotient are computed and
/// taken off.
Value rsqrt(Value x);

}  // namespace rill::kernel::math
