/// A function with some values taken from elsewhere: what passes have in common.
/// Invariant: nodes keep their order and their names.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include <rill/trace/function.h>

namespace rill {

class Replacement {
 public:
  explicit Replacement(const Function& function) : function_(function) {}

  /// Whoever reads `from` reads `to` from now on, which stands before its readers.
  void replace(const Edge& from, const Edge& to);
  /// The node is left out; nobody may read it any more.
  void drop(int node);
  /// What is read in an edge's place.
  [[nodiscard]] Edge now(Edge edge) const;

  /// The function without the dropped nodes.
  [[nodiscard]] Function result() const;

 private:
  const Function& function_;
  std::map<std::pair<int, int>, Edge> replaced_;
  std::vector<bool> dropped_ = std::vector<bool>(function_.nodes.size());
};

}  // namespace rill
