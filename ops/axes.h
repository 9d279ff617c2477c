/// Axes of an operand, as users write them, brought into the form that attributes hold; and sizes
/// along them.
/// Invariant: public functions hand on axes in [0, rank), ascending, each once; rules refuse what a
/// graph's file holds otherwise, so bodies and gradients need not look.
#pragma once

#include <string_view>

#include <rill/tensor/axes.h>
#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// `axis` of `x` in [0, rank). Throws `IndexError` in the name of `operation`.
RILL_API int normalized_axis(const Tensor& x, int axis, std::string_view operation, Where where);
/// `axes` of `x` in [0, rank), ascending; an empty list means all. Throws `IndexError`, also for
/// one given twice.
RILL_API Axes normalized_axes(const Tensor& x, const Axes& axes, std::string_view operation,
                              Where where);

/// True when `shape` stretches to `to`: aligned at the right, its sizes are equal
/// (`broadcast_sizes`) or 1.
[[nodiscard]] bool stretches_to(const Shape& shape, const Shape& to);

/// How many elements of `shape` stand along `axes` at each place of the others.
Dim size_along(const Shape& shape, const Axes& axes);

/// All axes but the last as one: (..., n) -> (n', n). Sizes may be 0, or unknown.
Tensor rows_of(const Tensor& x);

}  // namespace rill
