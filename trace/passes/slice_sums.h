/// Sums of slices that together make the whole are its concatenation: the gradients of what was
/// split. Invariant: exact; 0 is still added to what meets the zeros of the other slices, which
/// makes +0 of -0.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Slices written into zeros (`update_slice`), next to each other along one axis, added up.
Function concatenate_slice_sums(Function function, Changes& changes);

}  // namespace rill
