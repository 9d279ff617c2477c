/// A function made anew from front to back, some of its nodes changed, merged or left out: what
/// passes have in common.
/// Invariant: nodes keep their order, their names and their lines, and what the caller gets as
/// tensors of their own stays so.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include <rill/trace/function.h>

namespace rill {

class Rewriting {
 public:
  explicit Rewriting(Function from);

  /// Decides about a node, whose operands are values of the new function by then. Gives where its
  /// results are from now on, in the new function, or no edges where nobody needs them; nothing
  /// where the node stays, changed or not.
  using Visit = std::function<std::optional<std::vector<Edge>>(Node& node, int number)>;

  /// The whole of it, once.
  Function run(const Visit& visit);

  // ---- For visits -----------------------------------------------------------------------------
  /// As far as it is made.
  [[nodiscard]] const Function& made() const { return made_; }
  [[nodiscard]] const Node& node(const Edge& edge) const {
    return made_.nodes[static_cast<std::size_t>(edge.node)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const {
    return node(edge).results[static_cast<std::size_t>(edge.result)];
  }
  /// A new node before the one that is visited.
  Edge add(Node node);
  /// True where a value of the old function is a result, and `to` cannot be it: the caller has that
  /// tensor already. Such a result becomes a copy.
  [[nodiscard]] bool needs_copy(const Edge& old, const Edge& to) const;

 private:
  [[nodiscard]] std::size_t slot(const Edge& old) const {
    return first_[static_cast<std::size_t>(old.node)] + static_cast<std::size_t>(old.result);
  }
  void take(const Edge& old, const Edge& to, const Node& like);
  void give(const Edge& old, const Edge& to);

  std::vector<Node> nodes_;  // old
  Function made_;
  std::vector<std::size_t> first_;        // by old node: the slot of its first result
  std::vector<Edge> now_;                 // by slot
  std::vector<Edge> output_;              // by slot: what the caller gets
  std::vector<bool> is_output_;           // by slot
  std::vector<std::vector<bool>> given_;  // by new node and result: whether the caller has it
};

}  // namespace rill
