#include <rill/trace/fusion/parts.h>

#include <algorithm>

#include <rill/ops/call.h>
#include <rill/ops/concat_attributes.h>

namespace rill {
namespace {

const Spec& spec_of(const Function& function, const Edge& edge) {
  return function.nodes[static_cast<std::size_t>(edge.node)]
      .results[static_cast<std::size_t>(edge.result)];
}

bool is_reshape(const Node& node) {
  return node.kind == Node::Kind::op && node.op->name == "reshape";
}

bool is_loops(const Node& node) {
  return node.kind == Node::Kind::op && node.op->body && !node.op->library && !node.op->composition;
}

bool may_be_made_in_parts(const Function& function, const Node& node) {
  static const Op* const concat = find_op("concat");
  if (node.kind != Node::Kind::op || node.op != concat || !node.results[0].shape.known())
    return false;
  return std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& edge) {
    const Spec& spec = spec_of(function, edge);
    return !spec.weak && spec.dtype == node.results[0].dtype &&
           function.nodes[static_cast<std::size_t>(edge.node)].kind != Node::Kind::number;
  });
}

/// One of more operands than an operator takes is a concatenation of concatenations.
bool joins_concatenations(const Function& function, const Node& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& edge) {
    return function.nodes[static_cast<std::size_t>(edge.node)].op == node.op;
  });
}

}  // namespace

std::vector<bool> made_in_parts(const Function& function) {
  // Whether a node is read by what is not loops, under whatever shape.
  std::vector<bool> in_memory(function.nodes.size());
  for (const Function::Output& output : function.outputs)
    in_memory[static_cast<std::size_t>(output.edge.node)] = true;
  std::vector<bool> made(function.nodes.size());
  for (std::size_t n = function.nodes.size(); n-- > 0;) {
    const Node& node = function.nodes[n];
    made[n] = may_be_made_in_parts(function, node) &&
              (node.inputs.size() > 2 || in_memory[n] || joins_concatenations(function, node));
    for (const Edge& edge : node.inputs) {
      if (is_reshape(node) ? in_memory[n] : made[n] || !is_loops(node))
        in_memory[static_cast<std::size_t>(edge.node)] = true;
    }
  }
  return made;
}

int concatenated_axis(const Node& concatenation) {
  return concatenation.attributes.as<ConcatAttributes>().axis;
}

bool parts_are_stretches(const Node& concatenation) {
  for (int d = 0; d < concatenated_axis(concatenation); ++d) {
    if (!(concatenation.results[0].shape[d] == Dim(1))) return false;
  }
  return true;
}

Dim first_of_part(const Function& function, const Node& concatenation, int k) {
  Dim first = 0;
  for (int before = 0; before < k; ++before) {
    const Edge& edge = concatenation.inputs[static_cast<std::size_t>(before)];
    first = first + spec_of(function, edge).shape[concatenated_axis(concatenation)];
  }
  return first;
}

}  // namespace rill
