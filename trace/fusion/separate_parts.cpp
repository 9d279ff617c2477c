#include <rill/trace/fusion/separate_parts.h>

#include <set>
#include <string>
#include <utility>

#include <rill/ops/call.h>
#include <rill/trace/fusion/parts.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

/// Which operands of which nodes need copies.
class Needs {
 public:
  explicit Needs(const Function& function) : function_(function) {
    for (const Function::Output& output : function.outputs) taken_.insert(key(root(output.edge)));
    for (const Node& node : function.nodes) {
      const bool planned = node.kind == Node::Kind::op && !node.op->composition &&
                           (node.op->body || node.op->library);
      if (planned) continue;
      for (const Edge& edge : node.inputs) taken_.insert(key(root(edge)));  // as tensors
    }
    const std::vector<bool> in_parts = made_in_parts(function);
    for (std::size_t n = 0; n < function.nodes.size(); ++n) {
      const Node& node = function.nodes[n];
      for (int k = 0; in_parts[n] && k < std::ssize(node.inputs); ++k) {
        if (needs_copy(node, node.inputs[static_cast<std::size_t>(k)]))
          copies_.insert({static_cast<int>(n), k});
      }
    }
  }

  [[nodiscard]] bool copy(int node, int input) const { return copies_.contains({node, input}); }

 private:
  static std::pair<int, int> key(const Edge& edge) { return {edge.node, edge.result}; }
  [[nodiscard]] const Node& node(const Edge& edge) const {
    return function_.nodes[static_cast<std::size_t>(edge.node)];
  }
  /// The value of which an edge is another shape.
  [[nodiscard]] Edge root(Edge edge) const {
    while (node(edge).kind == Node::Kind::op && node(edge).op->name == "reshape")
      edge = node(edge).inputs[0];
    return edge;
  }
  bool needs_copy(const Node& whole, const Edge& operand) {
    if (!parts_are_stretches(whole)) return true;
    const Edge of = root(operand);
    return node(of).kind != Node::Kind::op || !taken_.insert(key(of)).second;
  }

  const Function& function_;
  std::set<std::pair<int, int>> taken_;   // values that have a place
  std::set<std::pair<int, int>> copies_;  // by node and operand
};

}  // namespace

Function separate_parts(Function function) {
  const Needs needs(function);
  static const Op& copy = *find_op("copy");
  Rewriting rewriting(std::move(function));
  return rewriting.run([&](Node& node, int n) -> std::optional<std::vector<Edge>> {
    for (int k = 0; k < std::ssize(node.inputs); ++k) {
      if (!needs.copy(n, k)) continue;
      Edge& operand = node.inputs[static_cast<std::size_t>(k)];
      Node part;
      part.op = &copy;
      part.name = node.name + "/part" + std::to_string(k);
      part.where = node.where;
      part.operation = node.called();
      part.inputs = {operand};
      part.results = {rewriting.spec(operand)};
      operand = rewriting.add(std::move(part));
    }
    return std::nullopt;
  });
}

}  // namespace rill
