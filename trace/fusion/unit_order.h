/// The order in which nodes and groups of nodes may run, kept while nodes join groups.
/// Invariant: whatever a unit needs stands before it.
#pragma once

#include <functional>
#include <vector>

namespace rill {

/// A unit is named by one of its nodes. Pearce and Kelly, "A Dynamic Topological Sort Algorithm for
/// Directed Acyclic Graphs", 2007, for units that merge.
class UnitOrder {
 public:
  /// Calls its second argument with every node that must run after a node of the unit.
  using Followers = std::function<void(int unit, const std::function<void(int unit)>& follow)>;

  /// Nodes stand in a valid order at first.
  UnitOrder(int nodes, Followers followers);

  /// Whether `node`, which stands before `unit` and by itself, can become part of it: nothing else
  /// that follows the node leads to the unit. If so the order is as if it had.
  bool join(int node, int unit);

 private:
  [[nodiscard]] int position(int unit) const { return position_[static_cast<std::size_t>(unit)]; }

  Followers followers_;
  std::vector<int> order_;     // units by position; -1 where one has joined another
  std::vector<int> position_;  // by unit
  std::vector<int> seen_;      // by unit: the search that has met it
  int search_ = 0;
};

}  // namespace rill
