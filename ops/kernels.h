/// From an operator and its operands to a kernel that has run: lowering, the cache of kernels, and
/// the launch. Invariant: what is cached depends on dtypes, ranks, attributes and layout classes
/// only; sizes, strides, pointers and numbers are given at each launch, so a new size or learning
/// rate compiles nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/ops/infer.h>
#include <rill/ops/lowered.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

namespace detail {
struct KernelVariant;
}

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
  std::shared_ptr<const detail::KernelVariant> variant_;
  std::vector<std::int64_t> sizes_;
  std::vector<Parameter> parameters_;
  kernel::Measure measure_;
};

/// Names the operator among all that there have been: never reused, unlike an address.
std::uint64_t identity(const Op& op);

/// A pointwise kernel over flat memory, for many launches that differ in pointers and counts.
class TableKernel {
 public:
  /// For operands like these: contiguous of rank 1, or of shape [] and then the same ones in every
  /// launch.
  TableKernel(const Infer& infer, std::span<const Tensor> inputs, std::span<const Tensor> outputs);
  /// False when the operator looks at positions or rows, or starts from something: then it cannot
  /// be run so.
  [[nodiscard]] bool pointwise() const { return pointwise_; }
  /// Computes `count` elements from number `first` on. `row` points to the first `width` inputs,
  /// then to the outputs.
  void run(std::byte* const* row, std::size_t width, std::int64_t first, std::int64_t count) const;

 private:
  struct Source {
    bool output = false;
    std::size_t tensor = 0;
    std::int64_t bytes = 0;  // between neighbours; 0 for what stays
    std::byte* shared = nullptr;
  };
  std::shared_ptr<const kernel::Executable> executable_;
  kernel::KernelFunction direct_ = nullptr;
  std::vector<Source> buffers_;
  std::size_t sizes_ = 0;
  std::vector<std::uint64_t> parameters_;
  bool pointwise_ = false;
};

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

/// Elements up to which a dense kernel is called directly: below a few microseconds no thread is
/// worth waking.
inline constexpr std::int64_t direct_limit = 2048;

/// A plan of some library's, from a bounded cache.
std::shared_ptr<const kernel::Plan> plan_for(const Op& op, const Attributes& attributes,
                                             std::span<const Spec> inputs,
                                             std::span<const Spec> outputs, Device device);

}  // namespace rill
