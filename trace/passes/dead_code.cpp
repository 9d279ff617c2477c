#include <rill/trace/passes/dead_code.h>

#include <rill/trace/fusion/member.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

/// Whether a node runs though nobody reads its results.
bool runs_anyway(const Function& function, int n) {
  const Node& node = function.nodes[static_cast<std::size_t>(n)];
  if (node.kind != Node::Kind::op) return node.kind == Node::Kind::input || node.has_effect();
  return node.op->stateful || member_of(function, n).checks;
}

std::vector<bool> needed_nodes(const Function& function) {
  std::vector<bool> needed(function.nodes.size());
  for (const Function::Output& output : function.outputs)
    needed[static_cast<std::size_t>(output.edge.node)] = true;
  for (std::size_t n = function.nodes.size(); n-- > 0;) {
    needed[n] = needed[n] || runs_anyway(function, static_cast<int>(n));
    if (!needed[n]) continue;
    for (const Edge& edge : function.nodes[n].inputs)
      needed[static_cast<std::size_t>(edge.node)] = true;
  }
  return needed;
}

}  // namespace

Function remove_dead_code(Function function, Changes& changes) {
  const std::vector<bool> needed = needed_nodes(function);
  return Rewriting(std::move(function))
      .run([&](const Node& node, int n) -> std::optional<std::vector<Edge>> {
        if (needed[static_cast<std::size_t>(n)]) return std::nullopt;
        if (node.kind == Node::Kind::op)
          changes.add(node, [&] { return node.name + " is needed by nobody"; });
        return std::vector<Edge>();
      });
}

}  // namespace rill
