/// The values that maxima and minima start from.
/// Invariant: no element of the type lies beyond them, infinities included.
#pragma once

#include <rill/kernel/builder.h>

namespace rill::kernel {

/// A constant of `like`'s type that no element is below: -infinity of floats.
Value lowest(const Value& like);
/// A constant of `like`'s type that no element is above.
Value highest(const Value& like);

}  // namespace rill::kernel
