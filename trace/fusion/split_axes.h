/// Axes of a group that are walked as several: where a reshape joins axes, walking the joined one
/// takes a division per element to find what it was made of.
/// Invariant: the factors of an axis multiply to its extent; row axes stay whole.
#pragma once

#include <vector>

#include <rill/tensor/dim.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/fuse.h>

namespace rill {

/// By axis of the group's domain: its extents, the outermost first.
std::vector<std::vector<Dim>> split_axes(const Function& function, const Group& group);

}  // namespace rill
