/// `Preparation`: how an operator that a library computes gets its plan.
/// Invariant: a plan depends on dtypes, shapes and attributes only, never on values, strides or
/// threads.
#pragma once

#include <memory>
#include <span>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/ops/inputs.h>
#include <rill/ops/op.h>

namespace rill {

class RILL_API Preparation {
 public:
  Preparation(const Attributes& attributes, std::span<const Spec> inputs,
              std::span<const Spec> outputs, kernel::Backend& backend)
      : attributes_(attributes), inputs_(inputs), outputs_(outputs), backend_(backend) {}

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  /// Inputs as the operator sees them: converted, contiguous, with known sizes.
  [[nodiscard]] const Spec& in(int k) const { return input_of(inputs_, k); }
  [[nodiscard]] const Spec& out(int k = 0) const { return outputs_[static_cast<std::size_t>(k)]; }
  [[nodiscard]] kernel::Backend& backend() const { return backend_; }

  void plan(std::unique_ptr<const kernel::Plan> plan) { plan_ = std::move(plan); }
  [[nodiscard]] std::unique_ptr<const kernel::Plan> take() { return std::move(plan_); }

 private:
  const Attributes& attributes_;
  std::span<const Spec> inputs_;
  std::span<const Spec> outputs_;
  kernel::Backend& backend_;
  std::unique_ptr<const kernel::Plan> plan_;
};

}  // namespace rill
