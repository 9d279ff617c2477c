// Operators of ONNX's that pick elements, join tensors and take them apart.
#include <algorithm>

#include <rill/ops/conversion.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/shape.h>
#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {
namespace {

constexpr std::int64_t beyond = std::int64_t{1} << 59;  // what counts as the end of any axis

/// Where a bound of a slice lies on an axis: counted from the end if it is negative, and clamped.
Dim bound(Dim at, Dim size, Dim least, Dim most) {
  if (at.known() && at.value() >= beyond) return most;
  if (at.known() && at.value() <= -beyond) return least;
  if (at.known() && at.value() < 0) at = at + size;
  return Dim::max(Dim::min(at, most), least);
}

void slice_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  std::vector<Dim> starts, ends;
  std::vector<std::int64_t> axes, steps;
  if (n.operator_set() < 10) {
    const auto given = [&](const char* name) {
      return n.integers(name).value_or(std::vector<std::int64_t>());
    };
    constexpr std::int64_t limit = std::int64_t{1} << 60;
    for (const std::int64_t at : given("starts"))
      starts.emplace_back(std::clamp(at, -limit, limit));
    for (const std::int64_t at : given("ends")) ends.emplace_back(std::clamp(at, -limit, limit));
    axes = given("axes");
  } else {
    starts = n.sizes(1);
    ends = n.sizes(2);
    if (n.has(3)) axes = n.integers(3);
    if (n.has(4)) steps = n.integers(4);
  }
  if (starts.size() != ends.size() || (!axes.empty() && axes.size() != starts.size()) ||
      (!steps.empty() && steps.size() != starts.size()) ||
      starts.size() > static_cast<std::size_t>(x.rank())) {
    n.fail("starts, ends, axes and steps do not belong together");
  }
  Shape first, step, size = x.shape();
  for (int axis = 0; axis < x.rank(); ++axis) {
    first.push_back(0);
    step.push_back(1);
  }
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const int axis = axes.empty() ? static_cast<int>(i) : n.axis(axes[i], x.rank());
    const std::int64_t by = steps.empty() ? 1 : std::clamp(steps[i], -beyond, beyond);
    if (by == 0) n.fail("a step is 0");
    const Dim whole = x.shape()[axis];
    const bool forward = by > 0;
    const Dim from = bound(starts[i], whole, 0, forward ? whole : whole - 1);
    const Dim to = bound(ends[i], whole, forward ? 0 : -1, forward ? whole : whole - 1);
    const Dim distance = Dim::max(forward ? to - from : from - to, 0);
    const std::int64_t width = forward ? by : -by;
    const Dim count = width == 1 ? distance : (distance + (width - 1)) / width;
    first[axis] = count == Dim(0) ? Dim(0) : from;
    step[axis] = by;
    size[axis] = count;
  }
  n.out(strided_slice(x, first, step, size));
}

void gather_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  n.out(take(x, n.in(1), n.axis(n.integer("axis", 0), x.rank())));
}

void gather_elements(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const int axis = n.axis(n.integer("axis", 0), x.rank());
  const Tensor& indices = n.in(1);
  // ONNX reads from the front of what the indices do not cover.
  Shape first, step, size = x.shape();
  if (indices.rank() != x.rank()) n.fail("takes indices with as many axes as its input");
  for (int d = 0; d < x.rank(); ++d) {
    first.push_back(0);
    step.push_back(1);
    if (d != axis) size[d] = indices.shape()[d];
  }
  n.out(gather(size == x.shape() ? x : strided_slice(x, first, step, size), indices, axis));
}

ScatterMode mode(ImportedNode& n) {
  const std::string reduction = n.text("reduction", "none");
  if (reduction != "none" && reduction != "add") n.fail("combines updates by " + reduction);
  return reduction == "add" ? ScatterMode::add : ScatterMode::set;
}

void scatter_elements(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const int axis = n.axis(n.integer("axis", 0), x.rank());
  n.out(put_along_axis(x, n.in(1), n.in(2), axis, {.mode = mode(n)}));
}

/// A list of positions as positions in row-major order of the first `count` axes.
Tensor flat_positions(const Tensor& indices, const Shape& shape, int count) {
  const int last = indices.rank() - 1;
  Tensor result;
  for (int k = 0; k < count; ++k) {
    Shape first, step, size = indices.shape();
    for (int d = 0; d <= last; ++d) {
      first.push_back(d == last ? k : 0);
      step.push_back(1);
    }
    size[last] = 1;
    const Tensor given = reshape(strided_slice(indices, first, step, size), [&] {
      Shape shape_of_lists = indices.shape();
      shape_of_lists.erase(last);
      return shape_of_lists;
    }());
    const std::int64_t extent = shape[k].value();
    const Tensor at = where(given < 0, given + extent, given);
    result = k == 0 ? at : result * extent + at;
  }
  return result;
}

/// The first axes, which positions name, as one.
Tensor with_joined_axes(ImportedNode& n, const Tensor& x, int count) {
  Shape shape{1};
  for (int d = 0; d < x.rank(); ++d) {
    if (d < count) {
      if (!x.shape()[d].known()) n.fail("indexes an axis of unknown size");
      shape[0] = shape[0] * x.shape()[d];
    } else {
      shape.push_back(x.shape()[d]);
    }
  }
  return reshape(x, shape);
}

/// How many axes the positions of an N-dimensional gather or scatter name.
int named_axes(ImportedNode& n, const Tensor& x, const Tensor& indices) {
  const Dim count = indices.rank() == 0 ? Dim(0) : indices.shape()[indices.rank() - 1];
  if (!count.known() || count.value() < 1 || count.value() > x.rank())
    n.fail("takes positions of 1 to " + std::to_string(x.rank()) + " numbers");
  return static_cast<int>(count.value());
}

void gather_nd(ImportedNode& n) {
  n.only("batch_dims", 0);
  const Tensor &x = n.in(0), &indices = n.in(1);
  const int count = named_axes(n, x, indices);
  n.out(take(with_joined_axes(n, x, count), flat_positions(indices, x.shape(), count), 0));
}

void scatter_nd(ImportedNode& n) {
  const Tensor &x = n.in(0), &indices = n.in(1);
  const int count = named_axes(n, x, indices);
  const Tensor flat =
      scatter(with_joined_axes(n, x, count), flat_positions(indices, x.shape(), count), n.in(2), 0,
              {.mode = mode(n)});
  n.out(reshape(flat, x.shape()));
}

void concat_node(ImportedNode& n) {
  const auto inputs = n.all();
  n.out(concat(inputs, n.axis(n.integer("axis", 1), inputs[0].rank())));
}

void split_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const int axis = n.axis(n.integer("axis", 0), x.rank());
  const std::int64_t count = n.outputs();
  n.ignore("num_outputs");  // there are as many names
  std::vector<std::int64_t> sizes;
  if (n.operator_set() < 13) {
    sizes = n.integers("split").value_or(std::vector<std::int64_t>());
  } else if (n.has(1)) {
    sizes = n.integers(1);
  }
  const Dim whole = x.shape()[axis];
  if (sizes.empty() && whole.known() && whole.value() % count != 0) {
    // The last part is smaller.
    const std::int64_t part = (whole.value() + count - 1) / count;
    for (std::int64_t k = 0; k < count; ++k)
      sizes.push_back(std::clamp(whole.value() - k * part, std::int64_t{0}, part));
  }
  if (!sizes.empty() && static_cast<std::int64_t>(sizes.size()) != count)
    n.fail("has " + std::to_string(sizes.size()) + " sizes for " + std::to_string(count) +
           " parts");
  const auto parts = sizes.empty() ? split(x, count, axis) : split(x, sizes, axis);
  for (std::size_t k = 0; k < parts.size(); ++k) n.out(static_cast<int>(k), parts[k]);
}

void pad_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const std::string mode = n.text("mode", "constant");
  const auto given = n.operator_set() < 11
                         ? n.integers("pads").value_or(std::vector<std::int64_t>())
                         : n.integers(1);
  std::vector<std::int64_t> axes;
  if (n.has(3)) {
    axes = n.integers(3);
  } else {
    for (int d = 0; d < x.rank(); ++d) axes.push_back(d);
  }
  if (given.size() != axes.size() * 2) n.fail("takes two amounts for each axis");
  std::vector<Padding> amounts(static_cast<std::size_t>(x.rank()));
  for (std::size_t i = 0; i < axes.size(); ++i) {
    constexpr std::int64_t most = std::int64_t{1} << 20;
    const Padding amount{given[i], given[i + axes.size()]};
    if (std::min(amount.before, amount.after) < 0 || std::max(amount.before, amount.after) > most)
      n.fail("adds no number of elements from 0 to " + std::to_string(most));
    amounts[static_cast<std::size_t>(n.axis(axes[i], x.rank()))] = amount;
  }
  if (mode == "edge" || mode == "reflect") {
    const PadMode kind = mode == "edge" ? PadMode::edge : PadMode::reflect;
    for (int d = 0; d < x.rank(); ++d) {
      const Padding& amount = amounts[static_cast<std::size_t>(d)];
      const bool none = amount.before == 0 && amount.after == 0;
      const Dim size = x.shape()[d];
      if (!none && (!size.known() || size.value() > (std::int64_t{1} << 24)))
        n.fail("continues an axis of size " + size.text());
    }
    return n.out(pad(x, amounts, {.mode = kind}));
  }
  if (mode != "constant") n.fail("pads by " + mode);
  Shape first, step, shape;
  for (int d = 0; d < x.rank(); ++d) {
    const Padding& amount = amounts[static_cast<std::size_t>(d)];
    first.push_back(amount.before);
    step.push_back(1);
    shape.push_back(x.shape()[d] + amount.before + amount.after);
  }
  const Tensor around = n.operator_set() >= 11 && n.has(2)
                            ? full(shape, reshape(n.in(2), {}), x.dtype())
                            : n.builder().full(shape, n.real("value", 0), x.dtype());
  n.out(update_slice(around, x, first, step, x.shape()));
}

void one_hot_node(ImportedNode& n) {
  const Tensor& indices = n.in(0);
  const auto depth = n.sizes(1);
  const Tensor values = n.in(2);
  if (depth.size() != 1 || values.rank() != 1 || !(values.shape()[0] == Dim(2)))
    n.fail("takes one depth and two values");
  const int axis = n.axis(n.integer("axis", -1), indices.rank() + 1);
  const Tensor given = cast(indices, int64);
  const Tensor size = depth[0].known() ? n.builder().full({}, depth[0].value(), int64)
                                       : cast(size_tensor(depth[0]), int64);
  const Tensor at = where(given < 0, given + size, given);
  const Tensor hit = expand_dims(at, -1) == n.builder().range(depth[0]);
  const auto value = [&](std::int64_t k) {
    return reshape(strided_slice(values, {k}, {1}, {1}), {});
  };
  n.out(moveaxis(where(hit, value(1), value(0)), -1, axis));
}

constexpr Conversion index_table[] = {
    {"Slice", &slice_node},
    {"Gather", &gather_node},
    {"GatherElements", &gather_elements},
    {"GatherND", &gather_nd},
    {"Scatter", &scatter_elements},  // its name before set 11
    {"ScatterElements", &scatter_elements},
    {"ScatterND", &scatter_nd},
    {"Concat", &concat_node},
    {"Split", &split_node},
    {"Pad", &pad_node},
    {"OneHot", &one_hot_node},
};

}  // namespace

std::span<const Conversion> index_conversions() { return index_table; }

}  // namespace rill::onnx
