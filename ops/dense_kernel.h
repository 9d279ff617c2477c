/// `DenseKernel`: the short way of an eager call, for operands that all are contiguous and alike.
/// Invariant: known only after a call like it has gone the long way, which checked everything.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct KernelEntry;
struct KernelVariant;

/// A kernel for operands that are contiguous and of one shape and dtype: one pointer per operand
/// and a count.
struct DenseKernel {
  std::array<std::uint8_t, 3>
      operands{};  ///< of each pointer: 0 and 1 the inputs that are tensors, 2 the result
  std::shared_ptr<const kernel::Executable> executable;
  kernel::KernelFunction direct = nullptr;
  DType out = float32;
};

/// Which operands of a dense call are tensors, the others being numbers.
enum class DenseForm : std::uint8_t { tensors, tensor_number, number_tensor };

/// The dense kernel of a pointwise operator with one result, if a call like this has run before.
const DenseKernel* find_dense(const Op& op, DenseForm form, DType dtype);

/// Makes the kernel of a call known, where the call was one of this kind.
void remember_dense(const Infer& infer, const KernelEntry& entry, const KernelVariant& variant,
                    std::span<const Tensor> inputs);

/// Elements up to which a dense kernel is called directly: below a few microseconds no thread is
/// worth waking.
inline constexpr std::int64_t direct_limit = 2048;

}  // namespace rill
