/// `View`: how an operator's result lies in the memory of its input, for operators that move
/// nothing. Invariant: a view rule only computes strides; where they cannot say it, the dispatcher
/// runs the operator's body.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

class RILL_API View {
 public:
  View(const Attributes& attributes, const Tensor& input, const Shape& output)
      : attributes_(attributes), input_(input), output_(output) {}

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] const Shape& shape() const { return input_.shape(); }
  [[nodiscard]] std::span<const std::int64_t> strides() const { return input_.strides(); }
  /// The result's shape, as the operator's rule gave it.
  [[nodiscard]] const Shape& output() const { return output_; }

  /// The result's stride along an axis, in elements.
  void stride(int axis, std::int64_t stride) { result_[static_cast<std::size_t>(axis)] = stride; }
  /// Distance of its first element from the input's.
  void offset(std::int64_t offset) { offset_ = offset; }
  /// The elements do not lie so: copy by the body.
  void impossible() { possible_ = false; }

  [[nodiscard]] bool possible() const { return possible_; }
  [[nodiscard]] const std::array<std::int64_t, max_rank>& result_strides() const { return result_; }
  [[nodiscard]] std::int64_t result_offset() const { return offset_; }
  [[nodiscard]] Tensor result() const {
    return input_.view(output_, std::span(result_).first(static_cast<std::size_t>(output_.rank())),
                       offset_);
  }

 private:
  const Attributes& attributes_;
  const Tensor& input_;
  const Shape& output_;
  std::array<std::int64_t, max_rank> result_{};
  std::int64_t offset_ = 0;
  bool possible_ = true;
};

}  // namespace rill
