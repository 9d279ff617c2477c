/// Extents and strides become numbers of the launch, so that functions that differ in sizes share
/// kernels, in memory and on disk.
/// Invariant: the program computes the same; strides of -1, 0, 1 and 2, by which code is
/// vectorised, stay in it.
#pragma once

#include <vector>

#include <rill/kernel/program.h>
#include <rill/tensor/dim.h>

namespace rill {

/// `sizes` are what a launch passes, by number; the new ones are appended.
kernel::Program with_launched_sizes(kernel::Program program, std::vector<Dim>& sizes);

}  // namespace rill
