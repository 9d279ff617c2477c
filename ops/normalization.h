/// Normalisation by mean and variance: over the features of each example, or over a batch.
/// Invariant: a variance is summed from distances to the mean, so nothing cancels.
#pragma once

#include <rill/tensor/axes.h>
#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct LayerNormOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  Axes axes = -1;  ///< what is normalised: the last axes, as many as `gamma` has
  double epsilon = 1e-5;
};
/// (x - mean) / sqrt(variance + epsilon) * gamma + beta over the last axes (Ba, Kiros and Hinton
/// 2016). `gamma` and `beta` have the shape of those axes. The result has the dtype of `x`: all are
/// floats of one precision, where half types may stand beside float32.
RILL_API Tensor layer_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                           const LayerNormOptions& options = {});

struct BatchNormOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  int axis = -1;  ///< the channels: every other axis is averaged over
  double epsilon = 1e-5;
};
/// What `batch_norm` gives: the normalised values, and the batch's mean and (biased) variance per
/// channel, for running averages.
struct BatchNorm {
  Tensor y, mean, variance;
};
/// Normalises each channel over all other axes (Ioffe and Szegedy 2015). `gamma` and `beta` are
/// vectors over channels, of the dtypes that `layer_norm` takes.
///
///     auto [y, mean, variance] = batch_norm(x, gamma, beta);
RILL_API BatchNorm batch_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                              const BatchNormOptions& options = {});
/// The same with a given mean and variance per channel: for use after training.
RILL_API Tensor batch_norm_with(const Operand& x, const Operand& gamma, const Operand& beta,
                                const Tensor& mean, const Tensor& variance,
                                const BatchNormOptions& options = {});

}  // namespace rill
