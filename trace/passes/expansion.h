/// Operators that others make become those others, so that they fuse with what stands around them.
/// Invariant: the operators inside are those that run when the composition runs by itself.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// A composition that looks at elements, or writes into memory itself, is left as it is.
Function expand_compositions(Function function, Changes& changes);

}  // namespace rill
