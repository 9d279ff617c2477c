/// Operators that give the same elements other axes.
/// Invariant: what can be a view of the operand's memory is one, and copies nothing.
///
/// One size of a new shape may be -1, and follows from the others. Axes count from the end where
/// negative; one out of range is an `IndexError`, sizes that do not fit a `ShapeError`.
#pragma once

#include <rill/tensor/axes.h>
#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// The elements in row-major order under another shape; copies only where strides cannot say it.
///
///     reshape(arange(6), {2, -1})     // [[0, 1, 2], [3, 4, 5]]
RILL_API Tensor reshape(const Tensor& x, const Shape& shape, Where where = Where::here());
/// One axis.
RILL_API Tensor flatten(const Tensor& x, Where where = Where::here());
/// Axes in reverse, or in the given order: axis i of the result is axis `order[i]` of `x`.
RILL_API Tensor transpose(const Tensor& x, Where where = Where::here());
RILL_API Tensor transpose(const Tensor& x, const Axes& order, Where where = Where::here());
RILL_API Tensor swapaxes(const Tensor& x, int a, int b, Where where = Where::here());
/// Axis `from` stands at `to`, the others keep their order.
RILL_API Tensor moveaxis(const Tensor& x, int from, int to, Where where = Where::here());
/// A new axis of size 1 at place `axis` of the result.
RILL_API Tensor expand_dims(const Tensor& x, int axis, Where where = Where::here());
/// Without the axes of size 1, or without the given ones, which must have size 1. Where sizes are
/// unknown the axes must be given.
RILL_API Tensor squeeze(const Tensor& x, Where where = Where::here());
RILL_API Tensor squeeze(const Tensor& x, const Axes& axes, Where where = Where::here());
/// Stretches axes of size 1, and new ones in front, to the shape.
RILL_API Tensor broadcast_to(const Tensor& x, const Shape& shape, Where where = Where::here());
/// Elements in reverse along the axes; along all, if none is given.
RILL_API Tensor flip(const Tensor& x, const Axes& axes = {}, Where where = Where::here());

}  // namespace rill
