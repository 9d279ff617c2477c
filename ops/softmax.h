/// Softmax, and the loss that classifiers are trained with.
/// Invariant: exponentials are taken of x - max(x), so nothing overflows, and logarithms are never
/// taken of a probability that may have vanished.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// exp(x) / sum(exp(x)) along `axis`, computed from x - max(x). Takes floats.
RILL_API Tensor softmax(const Operand& x, int axis = -1);
/// log(softmax(x)) without its loss of digits.
RILL_API Tensor log_softmax(const Operand& x, int axis = -1);

/// The cross entropy of integer labels: -log_softmax(logits)[label] for each row of the last axis.
/// `logits` is float[..., classes], `labels` an integer tensor of the leading shape; the result has
/// that shape: take the `mean` for a loss. Throws `IndexError` for a label outside [0, classes),
/// `ShapeError`, `DTypeError`.
///
///     Tensor loss = mean(cross_entropy(logits, labels));
RILL_API Tensor cross_entropy(const Operand& logits, const Operand& labels);

}  // namespace rill
