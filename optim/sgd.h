/// Gradient descent, plain and with momentum.
#pragma once

#include <rill/optim/optimizer.h>

namespace rill {

/// w -= learning_rate * g.
class RILL_API SGD final : public Optimizer {
 public:
  explicit SGD(double learning_rate = 0.01, Where where = Where::here());

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;
};

struct MomentumOptions {
  double momentum = 0.9;
  bool nesterov = false;
};

/// Gradient descent with momentum (Sutskever et al., "On the importance of initialization and
/// momentum in deep learning", 2013): Keras' `SGD(momentum=...)`.
///
///   velocity = momentum * velocity - learning_rate * g
///   w += velocity                                          // plain
///   w += momentum * velocity - learning_rate * g           // Nesterov
class RILL_API Momentum final : public Optimizer {
 public:
  explicit Momentum(double learning_rate = 0.01, const MomentumOptions& options = {},
                    Where where = Where::here());

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;

  const MomentumOptions options_;
};

}  // namespace rill
