/// The mathematical functions, written once in the kernel language, so that the interpreter and
/// every emitter give the same bits. Invariant: no function branches on data or reads memory; all
/// is polynomials, fused multiply-adds, work on bits and selections.
///
/// Each takes float32 or float64; 16-bit floats are computed in float32 and rounded once, to within
/// 1 ULP of the correctly rounded result. "Error: a, b" says that a float32 result differs from the
/// exact one by less than a units of its last place, a float64 result by less than b, denormal
/// results included. The tests hold these bounds on samples, `./dev test --exhaustive` on all 2^32
/// float32 values. Zeros have the sign, and the ends of the domains the values, that C99 gives
/// them.
///
/// math_coefficients.py derives the polynomials.
#pragma once

#include <rill/kernel/builder.h>
#include <rill/tensor/export.h>

namespace rill::kernel::math {

// ---- Exponentials and logarithms --------------------------------------------------------------

/// e^x. Reduction: x = n ln 2 + r, with ln 2 in two parts. Error: 1.1, 1.1.
RILL_API Value exp(Value x);
/// 2^x, exact for integers. Reduction: x = n + r. Error: 1.0, 1.0.
RILL_API Value exp2(Value x);
/// e^x - 1 without cancellation. Reduction: as exp, r in two parts. Error: 1.1, 1.2.
RILL_API Value expm1(Value x);

/// Natural logarithm: -inf at zero, NaN below. Reduction: x = 2^k (1 + f) with 1 + f between
/// sqrt(1/2) and sqrt(2). Error: 1.0, 1.0.
RILL_API Value log(Value x);
/// Logarithm to base 2, exact for powers of two. Reduction: as log. Error: 1.1, 1.1.
RILL_API Value log2(Value x);
/// Logarithm to base 10. Reduction: as log. Error: 1.0, 1.1.
RILL_API Value log10(Value x);
/// log(1 + x) without cancellation: -inf at -1, NaN below. Reduction: as log, with the rounding
/// error of 1 + x kept. Error: 1.1, 1.0.
RILL_API Value log1p(Value x);

/// 1 / (1 + e^-x), with relative accuracy down to denormal results. Error: 1.2, 1.2.
RILL_API Value sigmoid(Value x);
/// log(1 + e^x), as max(x, 0) + log(1 + e^-|x|). Error: 1.5, 1.7.
RILL_API Value softplus(Value x);

// ---- Hyperbolic functions ---------------------------------------------------------------------

/// An odd polynomial below 1, elsewhere (e^x - e^-x) / 2 with the low part of e^x kept.
/// Error: 1.1, 1.1.
RILL_API Value sinh(Value x);
/// As sinh. Error: 1.1, 1.1.
RILL_API Value cosh(Value x);
/// An odd polynomial near 0, elsewhere 1 - 2 / (e^2x + 1). Error: 1.0, 1.3.
RILL_API Value tanh(Value x);
/// Inverse of sinh: log(1 + u) with u in two parts; float32 in float64, as the two that follow.
/// Error: 0.51, 1.4.
RILL_API Value asinh(Value x);
/// Inverse of cosh: NaN below 1. Error: 0.51, 1.2.
RILL_API Value acosh(Value x);
/// Inverse of tanh: infinite at -1 and 1, NaN beyond. Error: 0.51, 1.2.
RILL_API Value atanh(Value x);

// ---- Error and gamma functions ----------------------------------------------------------------

/// An odd polynomial below 0.9, elsewhere 1 - erfc(x). Error: 1.2, 1.0.
RILL_API Value erf(Value x);
/// 1 - erf(x) without cancellation, down to denormal results: e^(-x^2) times a polynomial in
/// (x - c) / (x + c), rounding errors kept. Error: 1.8, 1.6.
RILL_API Value erfc(Value x);
/// Inverse of erf: infinite at -1 and 1, NaN beyond. A polynomial in log(1 - x^2) or its root, in
/// float64 improved by a step of third order. Error: 0.7, 1.9.
RILL_API Value erfinv(Value x);

/// log(|gamma(x)|): infinite at the integers up to 0. In float64: a polynomial on [1, 3],
/// recurrences, Stirling's series. Error: 0.51, 2.2 for positive x; negative x are reflected, and
/// near the roots there only the absolute error is small.
RILL_API Value lgamma(Value x);
/// The derivative of lgamma: NaN at the negative integers, infinite at 0. Error: 0.51, 5 for
/// positive x; negative x as lgamma.
RILL_API Value digamma(Value x);

// ---- Trigonometric functions, of radians ------------------------------------------------------

/// Reduction: to |r| <= pi/4 with as many bits of pi as the argument needs, of whatever size it is.
/// Error: 0.6, 0.9.
RILL_API Value sin(Value x);
/// As sin. Error: 0.6, 0.9.
RILL_API Value cos(Value x);
/// The quotient of the sine and the cosine, as pairs in float64. Error: 0.6, 1.0.
RILL_API Value tan(Value x);
/// sin(pi x), exact at multiples of 1/2. The reduction is exact and cheap: for angles that are made
/// from random numbers. Error: 1.1, 1.0.
RILL_API Value sin_pi(Value x);
/// cos(pi x), likewise. Error: 1.0, 1.0.
RILL_API Value cos_pi(Value x);

/// In [-pi/2, pi/2]; NaN outside [-1, 1]. An odd polynomial up to 1/2, beyond by
/// sqrt((1 - |x|) / 2). Error: 0.8, 0.7.
RILL_API Value asin(Value x);
/// In [0, pi]; as asin. Error: 0.8, 0.7.
RILL_API Value acos(Value x);
/// In [-pi/2, pi/2]. Reduction: to [0, tan(pi/8)], rounding errors kept. Error: 0.9, 0.8.
RILL_API Value atan(Value x);
/// The angle of the point (x, y), in [-pi, pi], with the special cases of C99 (F.10.1.4).
/// Reduction: as atan. Error: 1.1, 1.1.
RILL_API Value atan2(Value y, Value x);

// ---- Powers, roots and remainders -------------------------------------------------------------

/// x to the power y, both of one dtype, with the special cases of C99 (F.10.4.4): `pow(x, 0)` and
/// `pow(1, y)` are 1, a negative x takes integers only. float32 is computed as 2^(y log2 x) in
/// float64, float64 as e^(y log x) with the logarithm in two parts. Error: 0.6, 1.2. Integers wrap;
/// to a negative power all but 1 and -1 give 0.
RILL_API Value pow(Value x, Value y);
/// In float64: a polynomial for m^(-1/3), two steps of third order and one of Newton's.
/// Error: 0.51, 0.51.
RILL_API Value cbrt(Value x);
/// 1 / sqrt(x): infinite at zero, NaN below. One step of Newton's method after the division.
/// Error: 0.51, 0.51.
RILL_API Value rsqrt(Value x);
/// a - floor(a / b) b, as NumPy's `%`: the result has the divisor's sign, a zero too; NaN if b is
/// zero or a infinite. Floats only. Exact (rounded once, where signs differ) while |a / b| is below
/// 2^24, in float64 2^53.
RILL_API Value modulo(Value a, Value b);

}  // namespace rill::kernel::math
