/// Operators that work element by element, with broadcasting and NumPy 2's promotion: the families
/// below.
/// Invariant: every result element depends on the operands' elements at its own place only.
/// Operands are tensors, variables or numbers; numbers are weak and take the dtype of the tensor
/// that they meet. Operators of floats turn integers and bool into float64 first. Shapes that do
/// not broadcast are a `ShapeError`, dtypes that an operator does not take a `DTypeError`.
#pragma once

#include <rill/ops/activation.h>
#include <rill/ops/arithmetic.h>
#include <rill/ops/comparison.h>
#include <rill/ops/conversion.h>
#include <rill/ops/mathematics.h>
#include <rill/ops/operators.h>
