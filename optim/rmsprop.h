/// RMSProp: steps divided by a running mean of the gradient's size.
#pragma once

#include <rill/optim/optimizer.h>

namespace rill {

struct RMSPropOptions {
  double rho = 0.9;
  double momentum = 0;
  double epsilon = 1e-7;
  bool centered = false;  ///< divides by the running variance instead
};

/// Tieleman and Hinton, "Lecture 6.5: rmsprop", 2012.
///
///   velocity = rho * velocity + (1 - rho) * g * g
///   average = rho * average + (1 - rho) * g                        // where centered
///   variance = velocity - average * average                        // velocity, unless centered
///   step = momentum * step + learning_rate * g / sqrt(variance + epsilon)
///   w -= step
class RILL_API RMSProp final : public Optimizer {
 public:
  explicit RMSProp(double learning_rate = 0.001, const RMSPropOptions& options = {},
                   Where where = Where::here());

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;

  const RMSPropOptions options_;
};

}  // namespace rill
