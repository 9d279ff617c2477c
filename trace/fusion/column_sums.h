/// Groups that sum up over the rows over which others have kernels: the gradients of a weight
/// beside that of a layer's input. Such a sum closes the other's kernel, which has its operands at
/// hand. Invariant: what joins waits for nothing that the kernel over rows does not wait for.
#pragma once

#include <span>
#include <vector>

#include <rill/trace/function.h>
#include <rill/trace/fusion/effects.h>
#include <rill/trace/fusion/fuse.h>
#include <rill/trace/fusion/member.h>

namespace rill {

/// Moves the nodes of such groups; theirs are then empty. `users` are those of each node, `unit_of`
/// is the group of each, -1 for none.
void join_column_sums(const Function& function, std::span<const Member> members,
                      const Effects& effects, std::span<const std::vector<int>> users,
                      std::vector<Group>& groups, std::vector<int>& unit_of);

}  // namespace rill
