/// Adagrad: steps that shrink where gradients have been large.
#pragma once

#include <rill/optim/optimizer.h>

namespace rill {

struct AdagradOptions {
  double initial_accumulator = 0.1;
  double epsilon = 1e-7;
};

/// Duchi, Hazan and Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
/// Optimization", 2011.
///
///   accumulator += g * g
///   w -= learning_rate * g / sqrt(accumulator + epsilon)
class RILL_API Adagrad final : public Optimizer {
 public:
  explicit Adagrad(double learning_rate = 0.001, const AdagradOptions& options = {},
                   Where where = Where::here());

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;

  const AdagradOptions options_;
};

}  // namespace rill
