/// Whether a kernel may write a result over the memory of an operand.
/// Invariant: if so, the result's elements are what they are in memory of their own.
#pragma once

#include <cstddef>

#include <rill/trace/fusion/fuse.h>

namespace rill {

/// True when every point reads of the input (by its number in `fused.inputs`) only the element that
/// it writes of the output (by its number in the group's outputs).
bool writes_over(const FusedKernel& fused, std::size_t input, std::size_t output);

}  // namespace rill
