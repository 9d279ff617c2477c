/// The same elements as another dtype, in other memory, or out of a gradient's sight; what operands
/// may be stands in <rill/ops/elementwise.h>. Invariant: shape and order of elements stay.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Elements converted to `dtype`: floats to integers truncate and saturate, NaN gives 0; integers
/// wrap; to bool: != 0.
RILL_API Tensor cast(const Operand& x, DType dtype);
/// The same values in memory of their own, contiguous.
RILL_API Tensor copy(const Operand& x);
/// The same values, through which no gradient flows.
RILL_API Tensor stop_gradient(const Operand& x);

}  // namespace rill
