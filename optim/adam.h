/// Adam: steps by running means of the gradient and of its square; AdamW with weights that decay by
/// themselves.
#pragma once

#include <rill/optim/optimizer.h>

namespace rill {

struct AdamOptions {
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;  ///< divides by the largest mean so far (Reddi et al., 2018)
};

/// Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, in the form before its
/// section 2.1's last paragraph, as Keras has it: epsilon is added to the uncorrected root.
///
///   alpha = learning_rate * sqrt(1 - beta_2^t) / (1 - beta_1^t)        // t: 1 at the first step
///   momentum += (g - momentum) * (1 - beta_1)
///   velocity += (g * g - velocity) * (1 - beta_2)
///   w -= alpha * momentum / (sqrt(velocity) + epsilon)
class RILL_API Adam : public Optimizer {
 public:
  explicit Adam(double learning_rate = 0.001, const AdamOptions& options = {},
                Where where = Where::here());

 protected:
  /// With a decay; see `AdamW`.
  Adam(std::string name, double learning_rate, const AdamOptions& options, double weight_decay,
       Where where);

 private:
  [[nodiscard]] std::vector<Tensor> numbers(const Tensor& rate, const Tensor& step) const override;

  const AdamOptions options_;
  const double weight_decay_;
};

struct AdamWOptions {
  double weight_decay = 0.004;
  double beta_1 = 0.9;
  double beta_2 = 0.999;
  double epsilon = 1e-7;
  bool amsgrad = false;
};

/// Adam after `w -= learning_rate * weight_decay * w` (Loshchilov and Hutter, "Decoupled Weight
/// Decay Regularization", 2019).
class RILL_API AdamW final : public Adam {
 public:
  explicit AdamW(double learning_rate = 0.001, const AdamWOptions& options = {},
                 Where where = Where::here());
};

}  // namespace rill
