/// Operators that pick elements by position, and put them back. `x(...)` and `x.at(...)` are made
/// of them. Invariant: a position outside its axis is an `IndexError` that names it, the axis, its
/// size and the user's line; negative positions count from the end. Index tensors hold integers.
#pragma once

#include <cstdint>

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/index.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// Slices of `x` along an axis: the axis becomes the shape of `indices`.
///
///     take(tensor({{1, 2}, {3, 4}}), tensor({1, 1, 0}))      // [[3, 4], [3, 4], [1, 2]]
RILL_API Tensor take(const Tensor& x, const Tensor& indices, int axis = 0,
                     Where where = Where::here());
/// Rows of a table, one for each id: `take(table, ids, 0)`, by the name that models have for it.
RILL_API Tensor embedding(const Tensor& table, const Tensor& ids, Where where = Where::here());
/// One element for each index, along an axis; the other axes of `indices` have the sizes of `x`,
/// or 1.
///
///     gather(tensor({{1, 2}, {3, 4}}), tensor({{1}, {0}}), 1)  // [[2], [3]]
RILL_API Tensor gather(const Tensor& x, const Tensor& indices, int axis,
                       Where where = Where::here());

enum class ScatterMode : std::uint8_t {
  set,  ///< the last update of an element wins, and the gradient is its alone
  add,  ///< updates of one element are added in order of their indices
};
struct ScatterOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  ScatterMode mode = ScatterMode::set;
};
/// `x` with its slices at `indices` along an axis replaced, or added to. `updates` broadcast to the
/// shape of `take(x, indices, axis)`, and are converted to the dtype of `x`.
///
///     scatter(zeros({3}), tensor({0, 0, 2}), tensor({5, 6, 7}))                // [6, 0, 7]
///     scatter(zeros({2}), tensor({0, 0}), ones({2}), 0, {.mode = ScatterMode::add})  // [2, 0]
RILL_API Tensor scatter(const Tensor& x, const Tensor& indices, const Operand& updates,
                        int axis = 0, const ScatterOptions& options = {});
/// The same of a tensor that is given away, a temporary or `std::move(x)`: in its memory, if nobody
/// else sees that. Where it throws, what was given away is gone.
RILL_API Tensor scatter(Tensor&& x, const Tensor& indices, const Operand& updates, int axis = 0,
                        const ScatterOptions& options = {});
/// `x` with one element replaced, or added to, for each index: the reverse of `gather`.
RILL_API Tensor put_along_axis(const Tensor& x, const Tensor& indices, const Operand& updates,
                               int axis, const ScatterOptions& options = {});
RILL_API Tensor put_along_axis(Tensor&& x, const Tensor& indices, const Operand& updates, int axis,
                               const ScatterOptions& options = {});

/// 1 at the place that each index names on a new last axis of size `depth`, 0 elsewhere; all 0 for
/// an index outside.
///
///     one_hot(tensor({2, 0}), 3)      // [[0, 0, 1], [1, 0, 0]]
RILL_API Tensor one_hot(const Tensor& indices, Dim depth, DType dtype = float32,
                        Where where = Where::here());

/// The elements at `first[axis] + i * step[axis]`, `size[axis]` of them along each axis: a view.
/// What slices become; positions must be in range, which is checked where sizes are known. Throws
/// `ShapeError` unless there is one number for each axis and no step is zero, `IndexError` for
/// elements outside.
RILL_API Tensor strided_slice(const Tensor& x, const Shape& first, const Shape& step,
                              const Shape& size, Where where = Where::here());
/// `x` with those elements replaced by `value`, broadcast to `size`.
RILL_API Tensor update_slice(const Tensor& x, const Operand& value, const Shape& first,
                             const Shape& step, const Shape& size, Where where = Where::here());

}  // namespace rill
