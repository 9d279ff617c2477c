#include <rill/ops/grad.h>

#include <string>

#include <rill/ops/creation.h>
#include <rill/ops/reduce.h>

namespace rill {
namespace {

/// Sums `gradient` over the axes along which an input of shape `shape` was stretched.
/// Added axes of size 1 are summed too: that makes +0 of -0, which reshaping would leave.
Tensor sum_to_shape(const Tensor& gradient, const Shape& shape) {
  const int leading = gradient.rank() - shape.rank();
  Axes stretched;
  for (int axis = 0; axis < gradient.rank(); ++axis) {
    const bool was_one = axis >= leading && shape[axis - leading] == Dim(1);
    if (axis < leading || (was_one && !(gradient.shape()[axis] == Dim(1))))
      stretched.push_back(axis);
  }
  // An empty list would mean all axes.
  const Tensor summed =
      stretched.count() == 0 ? gradient : sum(gradient, stretched, {.keepdims = true});
  return leading == 0 ? summed : summed.reshape(shape);
}

}  // namespace

Grad::Grad(const Record& record) : record_(record) {
  const std::size_t count = record.input_specs.size();
  if (count <= few_.size()) {
    results_ = std::span(few_).first(count);
  } else {
    many_.resize(count);
    results_ = many_;
  }
}

const Tensor& Grad::kept(std::span<const Tensor> tensors, int k, const char* what) const {
  const Tensor& tensor = tensors[static_cast<std::size_t>(k)];
  if (!tensor.defined()) {
    throw InternalError("gradient of " + std::string(record_.op.name) + ": the rule looks at " +
                        what + " " + std::to_string(k) +
                        ", at which it did not look for other sizes");
  }
  return tensor;
}

const Tensor& Grad::x(int k) {
  touched_inputs_ |= bit(k);
  return kept(record_.inputs, k, "input");
}

const Tensor& Grad::y(int k) {
  touched_outputs_ |= bit(k);
  return kept(record_.outputs, k, "result");
}

Tensor Grad::dy(int k) {
  const Tensor& gradient = record_.output_gradients[static_cast<std::size_t>(k)];
  if (gradient.defined()) return gradient;
  const Spec& spec = *record_.output_specs[static_cast<std::size_t>(k)];
  return zeros(spec.shape, spec.dtype, record_.where);
}

void Grad::to(int k, const Tensor& gradient) {
  if (!wants(k)) return;
  const Spec& input = *record_.input_specs[static_cast<std::size_t>(k)];
  Tensor& result = results_[static_cast<std::size_t>(k)];
  if (!result.defined() && gradient.shape() == input.shape && gradient.dtype() == input.dtype) {
    result = gradient;
    return;
  }
  Tensor fitted = gradient;
  if (!(fitted.shape() == input.shape)) fitted = sum_to_shape(fitted, input.shape);
  if (fitted.dtype() != input.dtype) fitted = fitted.to(input.dtype, record_.where);
  if (result.defined())
    result += fitted;
  else
    result = std::move(fitted);
}

void Grad::fail(std::string_view message) const {
  throw GradientError("gradient of " + std::string(record_.op.name) + ": " + std::string(message) +
                      record_.where.suffix());
}

}  // namespace rill
