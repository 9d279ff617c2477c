/// Which nodes of a function share a kernel.
/// Invariant: no group waits for itself: what leads from a group to a group never leads back.
#pragma once

#include <span>
#include <vector>

#include <rill/trace/function.h>
#include <rill/trace/fusion/effects.h>
#include <rill/trace/fusion/fuse.h>
#include <rill/trace/fusion/member.h>

namespace rill {

/// Groups of the nodes that loops describe, each node in at least one; a node that costs nothing
/// may be in several.
std::vector<Group> partition(const Function& function, std::span<const Member> members,
                             const Effects& effects);

}  // namespace rill
