/// `Region`: which part of a tensor an index expression names.
/// Invariant: resolving looks at shapes only, and checks every number against its axis.
#pragma once

#include <span>
#include <tuple>
#include <vector>

#include <rill/ops/attributes.h>
#include <rill/tensor/index.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// Along each axis of the operand the first element, the distance between elements and their
/// number.
struct SliceAttributes {
  Shape first;
  Shape step;
  Shape size;
  static constexpr auto fields() {
    return std::tuple{field("first", &SliceAttributes::first),
                      field("step", &SliceAttributes::step), field("size", &SliceAttributes::size)};
  }
};

struct Region {
  SliceAttributes slice;  ///< axes that a number picks have size 1 here
  Shape shape;            ///< after them: without those axes, with the new ones
  bool whole = true;      ///< the slice is all of the operand
  /// Integer tensors, with the axis of `shape` that each indexes.
  struct Picked {
    int axis;
    const Tensor* indices;
  };
  std::vector<Picked> picked;
  bool picked_in_front =
      false;  ///< NumPy: indexed axes that are no neighbours become the first of the result
  const Tensor* mask = nullptr;  ///< a bool tensor over the leading axes; then nothing else is set
};

/// Throws `IndexError`: `index: 5 is outside axis 0 of size 3: float32[3,4], at model.cpp:41`.
Region region_of(const Tensor& x, std::span<const Index* const> indices, Where where);

/// True when a value of one dtype may be written among elements of another: bool among all,
/// integers among integers and floats, floats among floats.
bool keeps_meaning(DType value, DType elements);

/// `indices` as int64 positions along an axis of `x`. Throws `IndexError` when one is outside.
Tensor checked_index(const Tensor& indices, const Tensor& x, int axis, Where where);

}  // namespace rill
