/// Copies that the dispatcher makes for itself: into another dtype or layout, heard by nobody.
/// Invariant: element values are converted as `cast` converts them.
#pragma once

#include <rill/tensor/tensor.h>

namespace rill {

/// The same values, contiguous and of this dtype: `x` itself where it already is.
Tensor materialized(const Tensor& x, DType dtype);

/// Writes the elements of `from`, converted and broadcast, to the memory of `to`, whatever its
/// strides. Shapes must broadcast to the shape of `to`; the memories must not overlap.
void copy_into(const Tensor& to, const Tensor& from);

}  // namespace rill
