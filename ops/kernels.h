/// From an operator and its operands to a kernel that has run: lowering, the cache of kernels, and the launch.
/// Invariant: what is cached depends on dtypes, ranks, attributes and layout classes only; sizes, strides, pointers and
/// numbers are given at each launch, so a new size or learning rate compiles nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/ops/lowered.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Runs the operator's body on concrete tensors. `outputs` are allocated, contiguous, and hold what they start from.
void run_body(const Infer& infer, std::span<const Tensor> inputs, std::span<const Tensor> outputs, Where where);

/// A kernel for operands that are contiguous and of one shape and dtype: one pointer per operand and a count.
struct DenseKernel {
  std::shared_ptr<const kernel::Executable> executable;
  kernel::KernelFunction direct = nullptr;
  DType out = float32;
};

/// Which operands of a dense call are tensors, the others being numbers.
enum class DenseForm : std::uint8_t { tensors, tensor_number, number_tensor };

/// The dense kernel of a pointwise operator with one result, if a call like this has run before.
const DenseKernel* find_dense(const Op& op, DenseForm form, DType dtype);

/// Elements up to which a dense kernel is called directly: below a few microseconds no thread is worth waking.
inline constexpr std::int64_t direct_limit = 2048;

/// A plan of some library's, from a bounded cache.
std::shared_ptr<const kernel::Plan> plan_for(const Op& op, const Attributes& attributes, std::span<const Spec> inputs,
                                             std::span<const Spec> outputs, Device device);

}  // namespace rill
