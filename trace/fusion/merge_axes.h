/// Fewer and longer loops: neighbouring axes along which all memory is walked evenly become one,
/// and axes of one element go. Invariant: the program computes the same elements in the same order.
#pragma once

#include <span>

#include <rill/kernel/program.h>
#include <rill/tensor/dim.h>

namespace rill {

/// `sizes` are what a launch passes, by number.
kernel::Program with_merged_axes(const kernel::Program& program, std::span<const Dim> sizes);

}  // namespace rill
