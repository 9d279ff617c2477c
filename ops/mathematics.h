/// The mathematical functions, element by element; what operands may be stands in
/// <rill/ops/elementwise.h>. Invariant: each is computed by the kernel language's own function
/// (<rill/kernel/math.h>), so every device and instruction set gives the same bits.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

// ---- Exponentials and logarithms --------------------------------------------------------------
RILL_API Tensor exp(const Operand& x);
/// 2 to the power `x`.
RILL_API Tensor exp2(const Operand& x);
/// exp(x) - 1, accurate near 0.
RILL_API Tensor expm1(const Operand& x);
/// The natural logarithm: -inf at zero, NaN below.
RILL_API Tensor log(const Operand& x);
RILL_API Tensor log2(const Operand& x);
RILL_API Tensor log10(const Operand& x);
/// log(1 + x), accurate near 0.
RILL_API Tensor log1p(const Operand& x);
RILL_API Tensor sqrt(const Operand& x);
/// 1 / sqrt(x).
RILL_API Tensor rsqrt(const Operand& x);
/// The real cube root, negative for negative numbers.
RILL_API Tensor cbrt(const Operand& x);

// ---- Trigonometry, in radians -----------------------------------------------------------------
RILL_API Tensor sin(const Operand& x);
RILL_API Tensor cos(const Operand& x);
RILL_API Tensor tan(const Operand& x);
RILL_API Tensor asin(const Operand& x);
RILL_API Tensor acos(const Operand& x);
RILL_API Tensor atan(const Operand& x);
/// The angle of the point (x, y), in (-pi, pi].
RILL_API Tensor atan2(const Operand& y, const Operand& x);
RILL_API Tensor sinh(const Operand& x);
RILL_API Tensor cosh(const Operand& x);
RILL_API Tensor tanh(const Operand& x);
RILL_API Tensor asinh(const Operand& x);
RILL_API Tensor acosh(const Operand& x);
RILL_API Tensor atanh(const Operand& x);

// ---- Error functions --------------------------------------------------------------------------
/// 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.
RILL_API Tensor erf(const Operand& x);
/// 1 - erf(x), accurate for large x.
RILL_API Tensor erfc(const Operand& x);
/// The number whose `erf` is x: infinite at -1 and 1, NaN beyond.
RILL_API Tensor erfinv(const Operand& x);

}  // namespace rill
