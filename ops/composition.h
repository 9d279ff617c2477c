/// `Composition`: an operator whose values other operators make, and whose gradient is better than
/// theirs would be. Invariant: listeners hear of one operator, not of those inside it.
#pragma once

#include <span>
#include <vector>

#include <rill/ops/infer.h>
#include <rill/ops/inputs.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

class RILL_API Composition {
 public:
  /// Converts the inputs as `infer`, which has seen them, says. All must outlive this.
  Composition(const Infer& infer, std::span<const Tensor> inputs, std::span<Tensor> outputs);
  Composition(const Composition&) = delete;
  Composition& operator=(const Composition&) = delete;

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] int inputs() const { return static_cast<int>(inputs_.size()); }
  /// Input `k` in the dtype in which the operator computes.
  [[nodiscard]] const Tensor& in(int k) const { return input_of(inputs_, k); }
  /// Result `k`: of the dtype and shape that the rule gave.
  void out(int k, const Tensor& value) { outputs_[static_cast<std::size_t>(k)] = value; }

 private:
  const Attributes& attributes_;
  std::vector<Tensor> converted_;  // none, or all, where one of them is another dtype
  std::span<const Tensor> inputs_;
  std::span<Tensor> outputs_;
};

}  // namespace rill
