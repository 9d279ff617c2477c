/// Orders of axes, as transposes take them: axis d of the result is axis `order[d]` of the operand.
/// Invariant: an order names each axis once.
#pragma once

#include <rill/tensor/axes.h>
#include <rill/tensor/shape.h>

namespace rill {

/// The order of one transpose that does what two do, one after the other.
Axes composed(const Axes& first, const Axes& then);
/// The order of the transpose that undoes another one.
Axes inverse(const Axes& order);
/// Axes that stand in their order already.
bool ascends(const Axes& order);
Shape permuted(const Shape& shape, const Axes& order);
/// Only axes of size 1 change their place among the others: a reshape does the same.
bool moves_nothing(const Shape& shape, const Axes& order);

}  // namespace rill
