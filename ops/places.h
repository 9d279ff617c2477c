/// `Places`: where inputs lie in the result, for operators that only put things together.
/// Invariant: a rule names regions of the result; the dispatcher copies each input to its own, in
/// order, and nothing else is written.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <rill/ops/inputs.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

class RILL_API Places {
 public:
  /// `put` copies input `k` to a view of the result.
  Places(const Attributes& attributes, std::span<const Tensor> inputs, const Tensor& result,
         void (*copy)(const Tensor& to, const Tensor& from))
      : attributes_(attributes), inputs_(inputs), result_(result), copy_(copy) {}

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] int inputs() const { return static_cast<int>(inputs_.size()); }
  [[nodiscard]] const Shape& shape(int k) const { return input_of(inputs_, k).shape(); }
  [[nodiscard]] const Shape& result() const { return result_.shape(); }

  /// Input `k`, broadcast to `size`, goes to the elements `first + i * step` along each axis of the
  /// result.
  void put(int k, std::span<const std::int64_t> first, std::span<const std::int64_t> step,
           const Shape& size) {
    std::array<std::int64_t, max_rank> strides{};
    std::int64_t offset = 0;
    const auto rank = static_cast<std::size_t>(result_.rank());
    for (std::size_t axis = 0; axis < rank; ++axis) {
      if (!(size[static_cast<int>(axis)] == Dim(1)))  // a step never taken may be of any length
        strides[axis] = step[axis] * result_.strides()[axis];
      offset += first[axis] * result_.strides()[axis];
    }
    if (size.size() == Dim(0)) return;
    copy_(result_.view(size, std::span(strides).first(rank), offset), input_of(inputs_, k));
  }

 private:
  const Attributes& attributes_;
  std::span<const Tensor> inputs_;
  const Tensor& result_;
  void (*copy_)(const Tensor& to, const Tensor& from);
};

}  // namespace rill
