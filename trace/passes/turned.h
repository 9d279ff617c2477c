/// An operator on operands whose axes stand in another order: what it is then.
/// Invariant: each element is computed by the same expression, each reduction in the same order: it
/// has the bits that it has as it stands.
#pragma once

#include <optional>
#include <vector>

#include <rill/tensor/axes.h>
#include <rill/trace/function.h>

namespace rill {

struct Turned {
  Shape domain;  ///< what its loops walk over as it stands: operands of this shape are turned
  Attributes attributes;
  std::vector<Axes> orders;  ///< by result: the order that its axes are in
};

/// What node `n` is when the axes of its loops, and of its operands with them, stand in this order.
/// Nothing for what is no loops or looks at positions, and where elements of a reduction would be
/// numbered otherwise.
///
///     sum(x, axes=[0,2,3])  with axes in the order [0,2,3,1]:  sum(x, axes=[0,1,2])
///     sum(x, axes=[0,1])    in the order [1,0]:                nothing
std::optional<Turned> turned(const Function& function, int n, const Axes& order);

/// A shape's axes are counted from the last: those that it lacks are 1.
Shape of_rank(const Shape& shape, int rank);

}  // namespace rill
