/// Values that cost next to nothing are made anew by each kernel that reads them, instead of being
/// written to memory because several do.
/// Invariant: only what loops read, all of it, and what has no effect and cannot fail.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Slices, other shapes and stretched values; and what takes an operation or two, where its readers
/// slice it, so that together they compute no more than all of it.
Function recompute_light_values(Function function, Changes& changes);

}  // namespace rill
