/// Whether a kernel can run on parts of an operand as they are made: as the epilogue of the
/// library's call that makes it.
/// Invariant: if so, point p of the kernel reads of the operand element p only.
#pragma once

#include <cstddef>

#include <rill/trace/fusion/fuse.h>

namespace rill {

/// Looks at the loads of an input (by its number in `fused.inputs`), all sizes being known.
bool reads_in_order(const FusedKernel& fused, std::size_t input);

}  // namespace rill
