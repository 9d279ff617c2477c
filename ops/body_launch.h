/// `BodyLaunch`: a kernel that an operator's body has become, with all that one form of call feeds
/// it but pointers and numbers. Invariant: may run any number of times, on tensors of the same
/// dtypes, shapes and strides.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct KernelVariant;

/// An operator's body, ready to run on tensors of certain shapes and strides.
class BodyLaunch {
 public:
  /// For operands like these. `outputs` are contiguous, or views that are written to.
  BodyLaunch(const Infer& infer, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  /// Runs it on tensors of the same dtypes, shapes and strides. `outputs` are allocated and hold
  /// what they start from.
  void run(const Op& op, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
           Where where) const;

 private:
  static constexpr std::size_t most_operands = 64;
  struct Parameter {
    int input;
    DType dtype;
  };
  std::shared_ptr<const KernelVariant> variant_;
  std::vector<std::int64_t> sizes_;
  std::vector<Parameter> parameters_;
  kernel::Measure measure_;
};

}  // namespace rill
