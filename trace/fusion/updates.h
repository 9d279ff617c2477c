/// The variables of a function, and which of them are updated where they are.
/// Invariant: the memory of a variable is written over only when nobody reads the old value any
/// more, and nothing can fail before the assignment.
#pragma once

#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include <rill/trace/function.h>
#include <rill/trace/fusion/units.h>
#include <rill/trace/trace_plan.h>

namespace rill {

struct Updates {
  std::vector<VariableUse> variables;  ///< in the order of their ids
  /// Values, as node and result, that kernels write over the old ones of a variable.
  std::map<std::pair<int, int>, std::size_t> in_place;

  /// The variable that a node reads or assigns.
  [[nodiscard]] std::size_t number(const Node& node) const;
};

Updates updates_of(const Function& function, std::span<const Group> groups, const Units& units);

}  // namespace rill
