#include <rill/trace/passes/replacement.h>

namespace rill {

void Replacement::replace(const Edge& from, const Edge& to) {
  replaced_[{from.node, from.result}] = to;
}

void Replacement::drop(int node) { dropped_[static_cast<std::size_t>(node)] = true; }

Edge Replacement::now(Edge edge) const {
  for (auto found = replaced_.find({edge.node, edge.result}); found != replaced_.end();
       found = replaced_.find({edge.node, edge.result}))
    edge = found->second;
  return edge;
}

Function Replacement::result() const {
  Function result;
  std::vector<int> number(function_.nodes.size(), -1);
  const auto moved = [&](const Edge& edge) {
    const Edge to = now(edge);
    return Edge{number[static_cast<std::size_t>(to.node)], to.result};
  };
  for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
    if (dropped_[n]) continue;
    number[n] = static_cast<int>(result.nodes.size());
    Node node = function_.nodes[n];
    for (Edge& input : node.inputs) input = moved(input);
    result.nodes.push_back(std::move(node));
  }
  for (const int input : function_.inputs)
    result.inputs.push_back(number[static_cast<std::size_t>(input)]);
  for (const Function::Output& output : function_.outputs)
    result.outputs.push_back({output.name, moved(output.edge)});
  return result;
}

}  // namespace rill
