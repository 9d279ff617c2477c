/// Chains of operators that convert, reshape, transpose, stretch or slice become shorter, and sums
/// of single elements are no loops.
/// Invariant: every element keeps its bits.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

Function shorten_views(Function function, Changes& changes);

}  // namespace rill
