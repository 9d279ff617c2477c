/// Operators with equal operands and attributes run once.
/// Invariant: nothing that draws, assigns or checks is merged.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

Function merge_common_subexpressions(Function function, Changes& changes);

}  // namespace rill
