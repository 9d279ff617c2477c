/// FTRL: for sparse weights under L1 regularisation.
#pragma once

#include <rill/optim/optimizer.h>

namespace rill {

struct FtrlOptions {
  double learning_rate_power = -0.5;  ///< at most 0
  double initial_accumulator = 0.1;
  double l1 = 0;
  double l2 = 0;
  double l2_shrinkage = 0;
  double beta = 0;
};

/// McMahan et al., "Ad Click Prediction: a View from the Trenches", 2013, with shrinkage as in
/// Keras.
///
///   shrunk = g + 2 * l2_shrinkage * w
///   next = accumulator + g * g
///   linear += shrunk - (next^-power - accumulator^-power) / learning_rate * w
///   quadratic = next^-power / learning_rate + 2 * (l2 + beta / (2 * learning_rate))
///   w = (clip(linear, -l1, l1) - linear) / quadratic
///   accumulator = next
class RILL_API Ftrl final : public Optimizer {
 public:
  /// Throws `ValueError` for a positive `learning_rate_power`, or a negative accumulator or
  /// regularisation.
  explicit Ftrl(double learning_rate = 0.001, const FtrlOptions& options = {},
                Where where = Where::here());

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;

  const FtrlOptions options_;
};

}  // namespace rill
