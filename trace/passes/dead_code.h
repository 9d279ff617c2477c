/// What no result needs is left out.
/// Invariant: effects stay, and so does what may fail: assignments, the numbers of draws, checks.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Inputs stay, too: they are what the function takes.
Function remove_dead_code(Function function, Changes& changes);

}  // namespace rill
