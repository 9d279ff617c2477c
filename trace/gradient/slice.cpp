#include <rill/trace/gradient/slice.h>

#include <map>
#include <utility>
#include <vector>

#include <rill/tensor/error.h>

namespace rill {

Function slice(const Function& function, std::span<const Edge> given,
               std::span<const Function::Output> results, std::size_t first_effect) {
  Function part;
  std::map<std::pair<int, int>, Edge> moved;
  for (const Edge& edge : given) {
    const Node& from = function.nodes[static_cast<std::size_t>(edge.node)];
    Node node;
    node.kind = Node::Kind::input;
    node.name = edge.result == 0 ? from.name : from.name + "_" + std::to_string(edge.result);
    node.results = {from.results[static_cast<std::size_t>(edge.result)]};
    const Edge at{static_cast<int>(part.nodes.size()), 0};
    part.inputs.push_back(at.node);
    part.nodes.push_back(std::move(node));
    moved[{edge.node, edge.result}] = at;
  }
  std::vector<bool> needed(function.nodes.size());
  const auto need = [&](const Edge& edge) {
    if (!moved.contains({edge.node, edge.result}))
      needed[static_cast<std::size_t>(edge.node)] = true;
  };
  for (const Function::Output& result : results) need(result.edge);
  for (std::size_t n = function.nodes.size(); n-- > 0;) {
    const Node& node = function.nodes[n];
    needed[n] = needed[n] || (n >= first_effect && node.has_effect());
    if (!needed[n]) continue;
    for (const Edge& edge : node.inputs) need(edge);
  }
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    if (!needed[n]) continue;
    Node node = function.nodes[n];
    if (node.kind == Node::Kind::input ||
        (n < first_effect && (node.has_effect() || node.kind == Node::Kind::variable)))
      throw InternalError("trace: a gradient needs what has not been kept: " + node.name);
    for (Edge& edge : node.inputs) edge = moved.at({edge.node, edge.result});
    const int at = static_cast<int>(part.nodes.size());
    for (int k = 0; k < static_cast<int>(node.results.size()); ++k)
      moved.try_emplace({static_cast<int>(n), k}, Edge{at, k});
    part.nodes.push_back(std::move(node));
  }
  for (const Function::Output& result : results)
    part.outputs.push_back({result.name, moved.at({result.edge.node, result.edge.result})});
  return part;
}

}  // namespace rill
