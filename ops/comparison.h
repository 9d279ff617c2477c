/// Comparisons, logic, and the choice by a condition; the operators == != < <= > >=, & | ^ ~ << >>
/// stand in <rill/ops/operators.h>, what operands may be in <rill/ops/elementwise.h>. Invariant:
/// what is not zero is true, and the answer to a question is bool.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

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

}  // namespace rill
