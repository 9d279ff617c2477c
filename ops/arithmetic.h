/// Arithmetic and rounding, element by element; what operands may be stands in
/// <rill/ops/elementwise.h>. Invariant: integers wrap around and stay integers, except under true
/// division.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

// ---- Arithmetic; also spelled with operators --------------------------------------------------
RILL_API Tensor add(const Operand& a, const Operand& b);
RILL_API Tensor subtract(const Operand& a, const Operand& b);
RILL_API Tensor multiply(const Operand& a, const Operand& b);
/// True division: integers give float64.
RILL_API Tensor divide(const Operand& a, const Operand& b);
/// a * b + c, rounded once. Integers give float64.
///
///     fma(tensor({3.0}), 2, 1)      // [7]
RILL_API Tensor fma(const Operand& a, const Operand& b, const Operand& c);
/// The quotient rounded towards minus infinity; of integers by zero 0.
RILL_API Tensor floor_divide(const Operand& a, const Operand& b);
/// What `floor_divide` leaves: has the sign of the divisor; of integers by zero 0.
/// Of floats exact while the quotient is below 2^24 (float64: 2^53), and 0 beyond.
RILL_API Tensor remainder(const Operand& a, const Operand& b);
RILL_API Tensor negative(const Operand& x);
/// `a` to the power `b`. Integer powers wrap around; negative ones of integers give what truncation
/// leaves. The exponents 1, 2 and 3 multiply: `pow(x, 2)` is `x * x`.
RILL_API Tensor pow(const Operand& a, const Operand& b);
RILL_API Tensor square(const Operand& x);
/// Integers wrap: the lowest one is its own absolute value.
RILL_API Tensor abs(const Operand& x);
/// -1, 0 or 1; NaN of NaN. No gradient flows through it.
RILL_API Tensor sign(const Operand& x);
/// The larger of two; NaN if either is. Its gradient goes to `a` where they are equal.
RILL_API Tensor maximum(const Operand& a, const Operand& b);
/// The smaller of two; NaN if either is.
RILL_API Tensor minimum(const Operand& a, const Operand& b);
/// `minimum(maximum(x, low), high)`.
///
///     clip(tensor({-2.0, 0.5, 3.0}), 0, 1)      // [0, 0.5, 1]
RILL_API Tensor clip(const Operand& x, const Operand& low, const Operand& high);

// ---- Rounding; integers stay as they are, and no gradient flows through -----------------------
RILL_API Tensor floor(const Operand& x);
RILL_API Tensor ceil(const Operand& x);
/// Towards zero.
RILL_API Tensor trunc(const Operand& x);
/// To the nearest integer, halves to the even one.
RILL_API Tensor round(const Operand& x);

}  // namespace rill
