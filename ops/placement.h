/// `Placement`: how the operands of one call lie in memory, seen along the axes that its kernel
/// walks. Invariant: axes of extent 1 are gone and neighbours are merged wherever the strides of
/// all aligned operands allow it, so calls that walk memory alike share a kernel.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <rill/ops/lowered.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Extents of the domain, and of every buffer its stride along each axis.
struct Placement {
  int rank = 0;
  std::array<std::int64_t, max_rank> extents{};
  struct Buffer {
    std::array<std::int64_t, max_rank> strides{};
  };
  std::vector<Buffer> buffers;
};

/// A call's placement, and what of it a kernel may rely on.
struct PlacedCall {
  Placement placement;
  Layout layout;
};
/// `plain` is the operator lowered before anything was known of strides.
PlacedCall place(const Lowered& plain, std::span<const Tensor> inputs,
                 std::span<const Tensor> outputs);

/// The tensor behind a buffer of a lowered operator.
inline const Tensor& tensor_of(const Lowered::BufferSource& source, std::span<const Tensor> inputs,
                               std::span<const Tensor> outputs) {
  return (source.output ? outputs : inputs)[static_cast<std::size_t>(source.tensor)];
}

}  // namespace rill
