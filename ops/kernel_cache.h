/// The kernels of operators' bodies, made when they are first needed and kept, a bounded number per
/// operator.
/// Invariant: what is cached depends on dtypes, ranks, attributes and layout classes only; sizes,
/// strides, pointers and numbers are given at each launch, so a new size or learning rate compiles
/// nothing.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/ops/attributes.h>
#include <rill/ops/dense_kernel.h>
#include <rill/ops/infer.h>
#include <rill/ops/lowered.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// A program laid out for one class of strides, and its code.
struct KernelVariant {
  Layout layout;
  Lowered lowered;
  std::shared_ptr<const kernel::Executable> executable;
};

/// One signature of an operator: what it looks like before anything is known of strides, and its
/// variants.
struct KernelEntry {
  Attributes attributes;
  Signature signature;
  Lowered plain;
  std::shared_mutex mutex;
  std::vector<std::shared_ptr<const KernelVariant>> variants;

  /// False when the operator looks at positions or rows, or walks an input's shape.
  [[nodiscard]] bool pointwise() const {
    return !plain.general && plain.row_axes.count() == 0 && plain.domain_input < 0;
  }
};

/// All that an operator has run by.
struct OpKernels {
  std::shared_mutex mutex;  ///< of `entries`
  std::unordered_multimap<std::uint64_t, std::shared_ptr<KernelEntry>> entries;
  /// By form and dtype; null until a call like that has run.
  std::array<std::array<std::atomic<const DenseKernel*>, dtype_count>, 3> dense{};
};
OpKernels& kernels_of(const Op& op);

/// The entry for operands like these; lowers the operator when there is none.
std::shared_ptr<KernelEntry> kernel_entry(const Infer& infer, std::span<const Tensor> inputs);
/// The variant for a layout; compiles it when there is none.
std::shared_ptr<const KernelVariant> kernel_variant(const Op& op, KernelEntry& entry,
                                                    const Layout& layout, Device device);

/// Names the operator among all that there have been: never reused, unlike an address.
std::uint64_t identity(const Op& op);

}  // namespace rill
