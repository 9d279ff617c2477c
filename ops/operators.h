/// The C++ operators of tensors. Invariant: each is one operator that works element by element.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

RILL_API Tensor operator+(const Operand& a, const Operand& b);
RILL_API Tensor operator-(const Operand& a, const Operand& b);
RILL_API Tensor operator*(const Operand& a, const Operand& b);
/// True division: integers give float64.
RILL_API Tensor operator/(const Operand& a, const Operand& b);
/// The remainder of floor division, with the sign of the divisor.
RILL_API Tensor operator%(const Operand& a, const Operand& b);
RILL_API Tensor operator-(const Operand& x);

// Elementwise, with bool results; `equal(a, b)` compares whole tensors. Only `!=` is true of NaN.
RILL_API Tensor operator==(const Operand& a, const Operand& b);
RILL_API Tensor operator!=(const Operand& a, const Operand& b);
RILL_API Tensor operator<(const Operand& a, const Operand& b);
RILL_API Tensor operator<=(const Operand& a, const Operand& b);
RILL_API Tensor operator>(const Operand& a, const Operand& b);
RILL_API Tensor operator>=(const Operand& a, const Operand& b);

// Bits of integers; of bool the logical operators.
RILL_API Tensor operator&(const Operand& a, const Operand& b);
RILL_API Tensor operator|(const Operand& a, const Operand& b);
RILL_API Tensor operator^(const Operand& a, const Operand& b);
RILL_API Tensor operator~(const Operand& x);
/// Shift counts outside [0, width) give 0, or the sign to the right.
RILL_API Tensor operator<<(const Operand& a, const Operand& b);
RILL_API Tensor operator>>(const Operand& a, const Operand& b);

}  // namespace rill
