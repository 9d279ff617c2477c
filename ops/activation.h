/// What neural networks put between their layers, besides `tanh`; what operands may be stands in
/// <rill/ops/elementwise.h>. Invariant: what a function's own value tells of its gradient (relu,
/// sigmoid) is taken from there, so that a tape need not keep the operand.
#pragma once

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// 1 / (1 + exp(-x)).
RILL_API Tensor sigmoid(const Operand& x);
/// log(1 + exp(x)).
RILL_API Tensor softplus(const Operand& x);
/// max(x, 0); its gradient at 0 is 0.
RILL_API Tensor relu(const Operand& x);
/// x * sigmoid(x).
RILL_API Tensor silu(const Operand& x);

struct GeluOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
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

}  // namespace rill
