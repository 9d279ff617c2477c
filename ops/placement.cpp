#include <rill/ops/placement.h>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

#include <algorithm>

namespace rill {
namespace {

/// Rules see to it that operands broadcast to what the operator walks over; in a graph's file they
/// may be any.
void require_fit(const Shape& shape, const Shape& domain) {
  bool fits = shape.rank() <= domain.rank();
  for (int d = 0; fits && d < shape.rank(); ++d) {
    const Dim size = shape[d];
    fits = size == Dim(1) || size == domain[d + domain.rank() - shape.rank()];
  }
  if (!fits) {
    throw detail::UnnamedError<ShapeError>("an operand of shape " + shape.text() +
                                           " does not broadcast to " + domain.text());
  }
}

/// Strides along the axes of the operator's domain: right-aligned for inputs, 0 where stretched;
/// for an output that lacks the row's axes, in order along the others.
void align(const Lowered::BufferSource& source, const Tensor& tensor, const Shape& domain,
           const Axes& row_axes, std::array<std::int64_t, max_rank>& strides) {
  const int rank = domain.rank();
  const auto own = tensor.strides();
  if (source.output && tensor.rank() != rank) {
    std::size_t at = 0;
    for (int d = 0; d < rank; ++d) {
      strides[static_cast<std::size_t>(d)] = row_axes.contains(d) ? 0 : own[at++];
    }
    return;
  }
  const int missing = rank - tensor.rank();
  if (!source.output) require_fit(tensor.shape(), domain);
  for (int d = 0; d < rank; ++d) {
    const int at = d - missing;
    const bool stretched = at < 0 || (tensor.shape()[at] == Dim(1) && !(domain[d] == Dim(1)));
    strides[static_cast<std::size_t>(d)] = stretched ? 0 : own[static_cast<std::size_t>(at)];
  }
}

void merge_axes(const Lowered& plain, std::span<const Tensor> inputs,
                std::span<const Tensor> outputs, Layout& layout, Placement& placement) {
  const Shape& domain = plain.domain_input >= 0
                            ? inputs[static_cast<std::size_t>(plain.domain_input)].shape()
                            : outputs[0].shape();
  const std::size_t count = plain.buffers.size();
  placement.buffers.resize(count);
  std::vector<Placement::Buffer> aligned(count);
  for (std::size_t b = 0; b < count; ++b) {
    if (plain.buffers[b].aligned) {
      align(plain.buffers[b], tensor_of(plain.buffers[b], inputs, outputs), domain, plain.row_axes,
            aligned[b].strides);
    }
  }
  int rank = 0;
  bool last_in_row = false;
  int row_axes_left = plain.row_axes.count();
  bool row_present = false;
  for (int d = 0; d < domain.rank(); ++d) {
    const auto at = static_cast<std::size_t>(d);
    const std::int64_t extent = domain[d].value();
    const bool in_row = plain.row_axes.contains(d);
    if (in_row) --row_axes_left;
    // A row keeps at least one axis, a position in general code every axis.
    const bool needed = plain.general || (in_row && row_axes_left == 0 && !row_present);
    if (extent == 1 && !needed) {
      layout.axis[at] = Layout::dropped;
      continue;
    }
    bool merge = !plain.general && rank > 0 && last_in_row == in_row;
    const auto last = static_cast<std::size_t>(rank - 1);
    for (std::size_t b = 0; merge && b < count; ++b) {
      merge = !plain.buffers[b].aligned ||
              placement.buffers[b].strides[last] == aligned[b].strides[at] * extent;
    }
    row_present = row_present || in_row;
    if (merge) {
      placement.extents[last] *= extent;
      for (std::size_t b = 0; b < count; ++b)
        placement.buffers[b].strides[last] = aligned[b].strides[at];
      layout.axis[at] = static_cast<std::int8_t>(rank - 1);
      continue;
    }
    placement.extents[static_cast<std::size_t>(rank)] = extent;
    for (std::size_t b = 0; b < count; ++b)
      placement.buffers[b].strides[static_cast<std::size_t>(rank)] = aligned[b].strides[at];
    layout.axis[at] = static_cast<std::int8_t>(rank);
    last_in_row = in_row;
    ++rank;
  }
  if (rank == 0) {
    // A scalar is a vector of one: it shares the code of longer ones.
    placement.extents[0] = 1;
    for (std::size_t b = 0; b < count; ++b) placement.buffers[b].strides[0] = 1;
    rank = 1;
  }
  layout.rank = rank;
  placement.rank = rank;
  for (std::size_t b = 0; b < count; ++b) {
    if (plain.buffers[b].aligned) continue;
    const auto own = tensor_of(plain.buffers[b], inputs, outputs).strides();
    std::copy(own.begin(), own.end(), placement.buffers[b].strides.begin());
  }
}

/// The class of each stride, dimension by dimension as the body will ask for them.
void classify(const Lowered& plain, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
              const Placement& placement, Layout& layout) {
  layout.classified = true;
  layout.strides.clear();
  std::array<bool, max_rank> in_row{};
  for (int axis : plain.row_axes) {
    const int at = layout.axis[static_cast<std::size_t>(axis)];
    if (at >= 0) in_row[static_cast<std::size_t>(at)] = true;
  }
  for (std::size_t b = 0; b < plain.buffers.size(); ++b) {
    const auto& source = plain.buffers[b];
    std::uint32_t classes = 0;
    unsigned dimension = 0;
    const auto add = [&](std::int64_t stride, bool last) {
      // Only along the last axis does code differ for a value that stays.
      const auto stride_class = stride == 1           ? StrideClass::one
                                : stride == 0 && last ? StrideClass::zero
                                                      : StrideClass::other;
      classes |= static_cast<std::uint32_t>(stride_class) << (2U * dimension++);
    };
    if (source.aligned) {
      for (int axis = 0; axis < placement.rank; ++axis) {
        const auto at = static_cast<std::size_t>(axis);
        if (!source.along_row && in_row[at]) continue;
        add(placement.buffers[b].strides[at], axis == placement.rank - 1);
      }
    } else {
      const int rank = tensor_of(source, inputs, outputs).rank();
      for (int axis = 0; axis < rank; ++axis)
        add(placement.buffers[b].strides[static_cast<std::size_t>(axis)], false);
    }
    layout.strides.push_back(classes);
  }
}

}  // namespace

PlacedCall place(const Lowered& plain, std::span<const Tensor> inputs,
                 std::span<const Tensor> outputs) {
  PlacedCall call;
  merge_axes(plain, inputs, outputs, call.layout, call.placement);
  classify(plain, inputs, outputs, call.placement, call.layout);
  return call;
}

}  // namespace rill
