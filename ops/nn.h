/// What neural networks are made of, besides products and convolutions: normalisation, losses,
/// attention, dropout. Invariant: each is numerically safe as it stands: no overflow in softmax, no
/// cancellation in variances.
#pragma once

#include <rill/tensor/axes.h>
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

struct LayerNormOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};  ///< keeps braces from being taken for something else
  Axes axes = -1;                   ///< what is normalised: the last axes, as many as `gamma` has
  double epsilon = 1e-5;
};
/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axes (Ba, Kiros and Hinton
/// 2016). `gamma` and `beta` have the shape of those axes.
RILL_API Tensor layer_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                           const LayerNormOptions& options = {});

struct BatchNormOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};
  int axis = -1;  ///< the channels: every other axis is averaged over
  double epsilon = 1e-5;
};
/// What `batch_norm` gives: the normalised values, and the batch's mean and (biased) variance per
/// channel, for running averages.
struct BatchNorm {
  Tensor y, mean, variance;
};
/// Normalises each channel over all other axes (Ioffe and Szegedy 2015). `gamma` and `beta` are
/// vectors over channels.
///
///     auto [y, mean, variance] = batch_norm(x, gamma, beta);
RILL_API BatchNorm batch_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                              const BatchNormOptions& options = {});
/// The same with a given mean and variance per channel: for use after training.
RILL_API Tensor batch_norm_with(const Operand& x, const Operand& gamma, const Operand& beta,
                                const Tensor& mean, const Tensor& variance,
                                const BatchNormOptions& options = {});

struct AttentionOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};
  bool causal = false;  ///< position i attends to positions up to i
  double scale = 0;     ///< of the products; 0 stands for 1 / sqrt(d)
};
/// softmax(query key^T * scale) value (Vaswani et al. 2017). query float[..., q, d], key [..., k,
/// d], value [..., k, e]
/// -> [..., q, e].
RILL_API Tensor scaled_dot_product_attention(const Operand& query, const Operand& key,
                                             const Operand& value,
                                             const AttentionOptions& options = {});

}  // namespace rill
