/// What keeps its order besides what the data says: assignments, draws, checks, and operators that
/// may fail between them.
/// Invariant: of two nodes of which one has an effect, the order of the program is kept wherever a
/// user could tell.
#pragma once

#include <span>
#include <vector>

#include <rill/trace/function.h>
#include <rill/trace/fusion/member.h>

namespace rill {

struct Effects {
  std::vector<std::vector<int>> later;  ///< by node: what must run after it
  std::vector<int> before;              ///< by node: how many effects stand before it
};

Effects effects_of(const Function& function, std::span<const Member> members);

}  // namespace rill
