/// Operators that work element by element, with broadcasting and NumPy 2's promotion.
/// Invariant: every result element depends on the operands' elements at its own place only.
/// Operands are tensors, variables or numbers; numbers are weak and take the dtype of the tensor
/// that they meet. Operators of floats turn integers and bool into float64 first. Shapes that do
/// not broadcast are a `ShapeError`, dtypes that an operator does not take a `DTypeError`.
#pragma once

#include <rill/ops/operators.h>
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

// ---- Error functions and activations ----------------------------------------------------------
/// 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.
RILL_API Tensor erf(const Operand& x);
/// 1 - erf(x), accurate for large x.
RILL_API Tensor erfc(const Operand& x);
/// The number whose `erf` is x: infinite at -1 and 1, NaN beyond.
RILL_API Tensor erfinv(const Operand& x);
/// 1 / (1 + exp(-x)).
RILL_API Tensor sigmoid(const Operand& x);
/// log(1 + exp(x)).
RILL_API Tensor softplus(const Operand& x);
/// max(x, 0); its gradient at 0 is 0.
RILL_API Tensor relu(const Operand& x);
/// x * sigmoid(x).
RILL_API Tensor silu(const Operand& x);

struct GeluOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};  ///< keeps braces from being taken for something else
  /// false: x * Phi(x), with the normal distribution Phi(x) = erfc(-x / sqrt(2)) / 2.
  /// true: x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), as GPT-2 has it (Hendrycks and Gimpel
  /// 2016).
  bool approximate = false;
};
/// The Gaussian error linear unit.
///
///     gelu(x)
///     gelu(x, {.approximate = true})
RILL_API Tensor gelu(const Operand& x, const GeluOptions& options = {});

// ---- Comparisons, logic and bits: operators == != < <= > >=, & | ^ ~ << >> and these ----------
/// Anything is true that is not zero; the result is bool.
RILL_API Tensor logical_and(const Operand& a, const Operand& b);
RILL_API Tensor logical_or(const Operand& a, const Operand& b);
RILL_API Tensor logical_xor(const Operand& a, const Operand& b);
RILL_API Tensor logical_not(const Operand& x);
RILL_API Tensor isnan(const Operand& x);
RILL_API Tensor isinf(const Operand& x);
RILL_API Tensor isfinite(const Operand& x);

/// Elements of `a` where `condition` is true (not zero), of `b` elsewhere.
///
///     Tensor x = tensor({-2, 3});
///     where(x > 0, x, 0)      // [0, 3]
RILL_API Tensor where(const Operand& condition, const Operand& a, const Operand& b);

// ---- Conversion -------------------------------------------------------------------------------
/// Elements converted to `dtype`: floats to integers truncate and saturate, NaN gives 0; integers
/// wrap; to bool: != 0.
RILL_API Tensor cast(const Operand& x, DType dtype);
/// The same values in memory of their own, contiguous.
RILL_API Tensor copy(const Operand& x);
/// The same values, through which no gradient flows.
RILL_API Tensor stop_gradient(const Operand& x);

}  // namespace rill
