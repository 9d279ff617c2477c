#include <rill/ops/region.h>

#include <algorithm>
#include <cstring>
#include <string>

#include <rill/ops/axes.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/materialize.h>
#include <rill/ops/operators.h>
#include <rill/ops/shape.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

[[noreturn]] void fail(const Tensor& x, const std::string& message, Where where) {
  throw IndexError("index: " + message + ": " + x.type_text() + where.suffix());
}

/// One axis of a slice: Python's rule, bounds clamped to the axis.
struct Stretch {
  Dim first, step, size;
};
/// A step longer than every axis: those beyond it mean the same.
constexpr std::int64_t farthest = std::int64_t{1} << 60;
Stretch stretch_of(const Tensor& x, int axis, const Slice& slice, Where where) {
  const Dim size = x.shape()[axis];
  const std::int64_t step = std::clamp(slice.step, -farthest, farthest);
  const std::int64_t stride = step > 0 ? step : -step;
  if (step == 0) fail(x, "a slice's step is zero", where);
  if (!slice.first && !slice.last && step == 1) return {0, 1, size};
  const auto known = [](const std::optional<Bound>& bound) {
    return !bound || bound->at().known();
  };
  if (!size.known() || !known(slice.first) || !known(slice.last)) {
    if (!slice.first && !slice.last)
      return {step > 0 ? Dim(0) : size - 1, step, (size + stride - 1) / stride};
    const Dim low = step > 0 ? 0 : -1;
    const Dim high = step > 0 ? size : size - 1;
    const auto bound = [&](Dim at) {
      const bool from_end = at.known() && at.value() < 0;
      return Dim::min(Dim::max(from_end ? size + at : at, low), high);
    };
    const Dim first = slice.first ? bound(slice.first->at()) : step > 0 ? low : high;
    const Dim last = slice.last ? bound(slice.last->at()) : step > 0 ? high : low;
    const Dim distance = step > 0 ? last - first : first - last;
    return {first, step, (Dim::max(distance, 0) + stride - 1) / stride};
  }
  const std::int64_t n = size.value();
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? n : n - 1;
  const auto bound = [&](std::int64_t at) { return std::clamp(at < 0 ? at + n : at, low, high); };
  const std::int64_t first =
      slice.first ? bound(slice.first->at().value()) : (step > 0 ? low : high);
  const std::int64_t last = slice.last ? bound(slice.last->at().value()) : (step > 0 ? high : low);
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const std::int64_t count = distance > 0 ? (distance - 1) / stride + 1 : 0;
  // A step that is never taken counts as 1, however long it is.
  return {count == 0 ? 0 : first, count > 1 ? step : 1, count};
}

int axes_of(const Index& index) {
  switch (index.kind()) {
    case Index::Kind::number:
    case Index::Kind::size:
    case Index::Kind::slice:
      return 1;
    case Index::Kind::tensor:
      return index.tensor().dtype() == bool_ ? index.tensor().rank() : 1;
    default:
      return 0;
  }
}

}  // namespace

bool keeps_meaning(DType value, DType elements) {
  const auto kind = [](DType dtype) { return dtype == bool_ ? 0 : is_float(dtype) ? 2 : 1; };
  return kind(value) <= kind(elements);
}

Region region_of(const Tensor& x, std::span<const Index* const> indices, Where where) {
  if (!x.defined()) detail::fail_undefined("index", where);
  Region region;
  int named = 0;
  int ellipses = 0;
  for (const Index* index : indices) {
    named += axes_of(*index);
    ellipses += index->kind() == Index::Kind::others ? 1 : 0;
    if (index->kind() != Index::Kind::tensor) continue;
    const DType dtype = index->tensor().dtype();
    if (dtype == bool_) {
      if (indices.size() > 1) fail(x, "a mask stands alone", where);
      region.mask = &index->tensor();
    } else if (!is_integer(dtype)) {
      throw DTypeError("index: an index tensor holds integers, or bool as a mask: " +
                       index->tensor().type_text() + where.suffix());
    }
  }
  if (ellipses > 1) fail(x, "only one ellipsis can stand among indices", where);
  if (named > x.rank()) fail(x, std::to_string(named) + " indices are too many", where);
  if (region.mask != nullptr) return region;

  int axis = 0;
  const auto keep = [&](Dim first, Dim step, Dim size) {
    region.whole = region.whole && first == Dim(0) && step == Dim(1) && size == x.shape()[axis];
    region.slice.first.push_back(first);
    region.slice.step.push_back(step);
    region.slice.size.push_back(size);
    ++axis;
  };
  const auto keep_whole = [&] {
    region.shape.push_back(x.shape()[axis]);
    keep(0, 1, x.shape()[axis]);
  };
  // Numbers among index tensors count as such when it is asked whether those are neighbours.
  int advanced_groups = 0;
  bool in_group = false;
  bool picks = false;
  for (const Index* index : indices) {
    const bool advanced = index->kind() == Index::Kind::number ||
                          index->kind() == Index::Kind::size ||
                          index->kind() == Index::Kind::tensor;
    if (advanced && !in_group) ++advanced_groups;
    in_group = advanced;
    picks = picks || index->kind() == Index::Kind::tensor;
    switch (index->kind()) {
      case Index::Kind::number: {
        const Dim size = x.shape()[axis];
        const std::int64_t at = index->number();
        if (size.known() && (at < -size.value() || at >= size.value())) {
          fail(x,
               std::to_string(at) + " is outside axis " + std::to_string(axis) + " of size " +
                   size.text(),
               where);
        }
        keep(at < 0 ? size + at : Dim(at), 1, 1);
        break;
      }
      case Index::Kind::size:
        keep(index->size(), 1, 1);
        break;
      case Index::Kind::slice: {
        const Stretch stretch = stretch_of(x, axis, index->range(), where);
        region.shape.push_back(stretch.size);
        keep(stretch.first, stretch.step, stretch.size);
        break;
      }
      case Index::Kind::new_axis:
        region.shape.push_back(1);
        break;
      case Index::Kind::others:
        for (int left = x.rank() - named; left > 0; --left) keep_whole();
        break;
      case Index::Kind::tensor:
        region.picked.push_back({region.shape.rank(), &index->tensor()});
        keep_whole();
        break;
    }
  }
  while (axis < x.rank()) keep_whole();
  region.picked_in_front = picks && advanced_groups > 1;
  return region;
}

namespace {

/// The operand with the indexed axes side by side as one, and the place of every index tensor's
/// element in it.
struct Merged {
  Axes order;        ///< of the operand's axes, the indexed ones together
  bool moved;        ///< whether that is another order
  Shape transposed;  ///< shape in that order
  int axis;          ///< where the indexed ones begin
  Tensor x;          ///< those as one axis
  Tensor indices;
};

Merged merge_picked(const Tensor& x, const Region& region, Where where) {
  Merged merged;
  const auto is_picked = [&](int axis) {
    return std::any_of(region.picked.begin(), region.picked.end(),
                       [&](const auto& p) { return p.axis == axis; });
  };
  merged.axis = region.picked_in_front ? 0 : region.picked.front().axis;
  for (int axis = 0; merged.order.count() < merged.axis; ++axis) {
    if (!is_picked(axis)) merged.order.push_back(axis);
  }
  const int before = merged.order.count();
  for (const auto& picked : region.picked) merged.order.push_back(picked.axis);
  int passed = 0;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!is_picked(axis) && passed++ >= before) merged.order.push_back(axis);
  }
  Shape shape;
  Dim size = 1;
  for (int at = 0; at < x.rank(); ++at) {
    const Dim extent = x.shape()[merged.order[at]];
    merged.transposed.push_back(extent);
    if (is_picked(merged.order[at])) {
      size = size * extent;
      if (at == merged.axis) shape.push_back(1);
    } else {
      shape.push_back(extent);
    }
  }
  shape[merged.axis] = size;
  merged.moved = region.picked.size() > 1 || region.picked_in_front;
  merged.x = reshape(merged.moved ? transpose(x, merged.order, where) : x, shape, where);
  for (const auto& [axis, indices] : region.picked) {
    const Tensor checked = checked_index(*indices, x, axis, where);
    if (!merged.indices.defined()) {
      merged.indices = checked;
    } else {
      const Tensor scaled =
          multiply(Operand(merged.indices, where), size_tensor(x.shape()[axis], where));
      merged.indices = add(Operand(scaled, where), checked);
    }
  }
  return merged;
}

/// The slice and the reshaping that a region asks for.
Tensor basic(const Tensor& x, const Region& region, Where where) {
  Tensor result = x;
  const SliceAttributes& slice = region.slice;
  if (!region.whole) result = strided_slice(result, slice.first, slice.step, slice.size, where);
  return region.shape == result.shape() ? result : reshape(result, region.shape, where);
}

Tensor read(const Tensor& x, std::span<const Index* const> indices, Where where) try {
  const DifferentSizes::Pause pause;
  const Region region = region_of(x, indices, where);
  if (region.mask != nullptr) {
    fail(x, "reading by a mask has a size that depends on data: use where(mask, x, otherwise)",
         where);
  }
  Tensor sliced = basic(x, region, where);
  if (region.picked.empty()) return sliced;
  if (region.picked.size() == 1 && !region.picked_in_front) {
    return take(sliced, *region.picked[0].indices, region.picked[0].axis, where);
  }
  const Merged merged = merge_picked(sliced, region, where);
  return take(merged.x, merged.indices, merged.axis, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("index", where);
}

/// True when two places of `x` could be one element: after broadcasting.
bool overlaps_itself(const Tensor& x) {
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (x.strides()[static_cast<std::size_t>(axis)] == 0 && x.shape()[axis].value() > 1)
      return true;
  }
  return false;
}

void require_kind(const Tensor& x, const Operand& value) {
  const DType given = value.is_tensor() ? value.tensor().dtype() : value.scalar().dtype();
  if (keeps_meaning(given, x.dtype())) return;
  throw DTypeError("index: a value of " + std::string(name(given)) + " does not fit " +
                   x.type_text() + ": convert it with .to(" + std::string(name(x.dtype())) + ")" +
                   value.where().suffix());
}

/// `value` in the shape of the region's slice, which still has the axes that numbers picked.
Tensor fitted(const Tensor& x, const Operand& value, const Region& region) {
  const Tensor& given = value.tensor();
  if (given.rank() == 0) return given;
  if (!stretches_to(given.shape(), region.shape)) {
    throw ShapeError("index: " + given.type_text() + " does not broadcast to the place " +
                     region.shape.text() + " in " + x.type_text() + value.where().suffix());
  }
  if (region.shape == region.slice.size) return given;
  return reshape(broadcast_to(given, region.shape, value.where()), region.slice.size,
                 value.where());
}

/// A number in memory of its own.
Tensor with_memory(const Tensor& number, DType dtype) {
  Tensor made = Tensor::empty({}, dtype);
  const std::uint64_t bits = number.body().scalar.bits(dtype);
  std::memcpy(made.body().data, &bits, size_of(dtype));
  return made;
}

void write_slice(Tensor& x, const Operand& value, const Region& region) {
  const SliceAttributes& slice = region.slice;
  Tensor fit = fitted(x, value, region);
  if (Listeners::none() && !x.abstract() && !fit.abstract() && x.sole_owner() &&
      !overlaps_itself(x) && slice.size.known()) {
    std::array<std::int64_t, max_rank> strides{};
    std::int64_t offset = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const auto at = static_cast<std::size_t>(axis);
      strides[at] = slice.step[axis].value() * x.strides()[at];
      offset += slice.first[axis].value() * x.strides()[at];
    }
    if (slice.size.size() == Dim(0)) return;
    if (fit.body().weak) fit = with_memory(fit, x.dtype());
    copy_into(
        x.view(slice.size, std::span(strides).first(static_cast<std::size_t>(x.rank())), offset),
        fit);
    x.body().id = detail::next_value_id();
    return;
  }
  x = update_slice(x, Operand(fit, value.where()), slice.first, slice.step, slice.size,
                   value.where());
}

void write(Tensor& x, std::span<const Index* const> indices, const Operand& value,
           Where where) try {
  const DifferentSizes::Pause pause;
  const Region region = region_of(x, indices, where);
  require_kind(x, value);
  if (region.mask != nullptr) {
    // A mask over the leading axes; the value broadcasts over the others.
    Shape shape = region.mask->shape();
    while (shape.rank() < x.rank()) shape.push_back(1);
    if (value.tensor().rank() > x.rank() - region.mask->rank()) {
      throw ShapeError(
          "index: the value of a masked place broadcasts over the axes after the mask's: " +
          value.tensor().type_text() + " into " + x.type_text() + value.where().suffix());
    }
    for (int axis = 0; axis < region.mask->rank(); ++axis) {
      if (!equal_sizes(region.mask->shape()[axis], x.shape()[axis])) {
        fail(x, "the mask " + region.mask->type_text() + " has other sizes", where);
      }
    }
    const Tensor mask = reshape(*region.mask, shape, where);
    const Tensor fill = value.is_tensor() ? value.tensor().to(x.dtype(), where) : value.tensor();
    Tensor result = rill::where(Operand(mask, where), Operand(fill, where), x);
    if (!equal_sizes(result.shape(), x.shape())) {
      throw ShapeError("index: " + value.tensor().type_text() +
                       " does not broadcast to the masked place in " + x.type_text() +
                       where.suffix());
    }
    x = std::move(result);
    return;
  }
  if (region.picked.empty()) {
    write_slice(x, value, region);
    return;
  }
  Tensor changed;
  {
    const Merged merged = merge_picked(basic(x, region, where), region, where);
    changed = scatter(merged.x, merged.indices, Operand(value.tensor(), where), merged.axis);
    changed = reshape(changed, merged.transposed, where);
    if (merged.moved) {
      std::array<int, max_rank> inverse{};
      for (int axis = 0; axis < merged.order.count(); ++axis) {
        inverse[static_cast<std::size_t>(merged.order[axis])] = axis;
      }
      changed = transpose(
          changed,
          Axes(std::span<const int>(inverse).first(static_cast<std::size_t>(merged.order.count()))),
          where);
    }
  }
  if (region.whole && region.shape == x.shape())
    x = std::move(changed);
  else
    write_slice(x, Operand(changed, where), region);
} catch (const detail::Unnamed& error) {
  error.rethrow("index", where);
}

/// `x.at(...) op= value`: read, compute, write; the dtype of `x` stays.
void update(Tensor& x, std::span<const Index* const> indices, const Operand& value, Where where,
            Tensor (*operation)(const Operand&, const Operand&)) try {
  const DifferentSizes::Pause pause;
  const Region region = region_of(x, indices, where);
  Tensor result;
  if (region.mask != nullptr) {
    result = operation(Operand(x, where), value);
    Shape shape = region.mask->shape();
    while (shape.rank() < x.rank()) shape.push_back(1);
    result = rill::where(Operand(reshape(*region.mask, shape, where), where), result, x);
  } else {
    result = operation(Operand(read(x, indices, where), where), value);
  }
  if (result.dtype() != x.dtype()) {
    throw DTypeError("index: the result " + result.type_text() + " does not fit " + x.type_text() +
                     ": convert the operand first" + where.suffix());
  }
  if (region.mask == nullptr) {
    write(x, indices, Operand(result, where), where);
  } else if (equal_sizes(result.shape(), x.shape())) {
    x = std::move(result);
  } else {
    throw ShapeError("index: " + result.type_text() + " does not fit " + x.type_text() +
                     where.suffix());
  }
} catch (const detail::Unnamed& error) {
  error.rethrow("index", where);
}

/// The indices that a call was given.
std::span<const Index* const> given(const std::array<const Index*, max_rank>& indices) {
  const auto end = std::find(indices.begin(), indices.end(), &detail::no_index);
  return {indices.begin(), end};
}

}  // namespace

// ---- Tensor and Slot --------------------------------------------------------------------------

Tensor Tensor::operator()(const Index& i0, const Index& i1, const Index& i2, const Index& i3,
                          const Index& i4, const Index& i5, const Index& i6, const Index& i7,
                          Where where) const {
  return read(*this, given({&i0, &i1, &i2, &i3, &i4, &i5, &i6, &i7}), where);
}

Slot Tensor::at(const Index& i0, const Index& i1, const Index& i2, const Index& i3, const Index& i4,
                const Index& i5, const Index& i6, const Index& i7, Where where) & {
  return {*this, {&i0, &i1, &i2, &i3, &i4, &i5, &i6, &i7}, where};
}

void Slot::operator=(const Operand& value) && { write(target_, given(indices_), value, where_); }
void Slot::operator+=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &add);
}
void Slot::operator-=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &subtract);
}
void Slot::operator*=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &multiply);
}
void Slot::operator/=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &divide);
}
void Slot::operator%=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &remainder);
}
void Slot::operator&=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &operator&);
}
void Slot::operator|=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &operator|);
}
void Slot::operator^=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &operator^);
}
void Slot::operator<<=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &operator<<);
}
void Slot::operator>>=(const Operand& value) && {
  update(target_, given(indices_), value, where_, &operator>>);
}

}  // namespace rill
