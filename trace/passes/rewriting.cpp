#include <rill/trace/passes/rewriting.h>

#include <utility>

#include <rill/ops/call.h>

namespace rill {
namespace {

/// A value that a call makes anew.
bool is_made(const Node& node) { return node.kind == Node::Kind::op; }

Node copy_of(const Edge& value, const Spec& spec, const Node& like) {
  static const Op& copy = *find_op("copy");
  Node node;
  node.op = &copy;
  node.name = like.name + "/copy";
  node.where = like.where;
  if (like.op != nullptr) node.operation = like.called();
  node.inputs = {value};
  node.results = {spec};
  return node;
}

}  // namespace

Rewriting::Rewriting(Function from) : nodes_(std::move(from.nodes)), made_(std::move(from)) {
  made_.nodes.clear();
  made_.nodes.reserve(nodes_.size());
  given_.reserve(nodes_.size());
  std::size_t slots = 0;
  first_.reserve(nodes_.size());
  for (const Node& node : nodes_) {
    first_.push_back(slots);
    slots += node.results.size();
  }
  now_.resize(slots);
  output_.resize(slots);
  is_output_.resize(slots);
  for (const Function::Output& output : made_.outputs) is_output_[slot(output.edge)] = true;
}

Edge Rewriting::add(Node node) {
  given_.emplace_back(node.results.size());
  made_.nodes.push_back(std::move(node));
  return {static_cast<int>(made_.nodes.size()) - 1, 0};
}

bool Rewriting::needs_copy(const Edge& old, const Edge& to) const {
  return is_output_[slot(old)] &&
         (!is_made(node(to)) ||
          given_[static_cast<std::size_t>(to.node)][static_cast<std::size_t>(to.result)]);
}

void Rewriting::take(const Edge& old, const Edge& to, const Node& like) {
  now_[slot(old)] = to;
  if (!is_output_[slot(old)]) return;
  const bool number = node(to).kind == Node::Kind::number;  // nobody can tell two of them apart
  give(old, needs_copy(old, to) && !number ? add(copy_of(to, spec(to), like)) : to);
}

void Rewriting::give(const Edge& old, const Edge& to) {
  given_[static_cast<std::size_t>(to.node)][static_cast<std::size_t>(to.result)] = true;
  output_[slot(old)] = to;
}

Function Rewriting::run(const Visit& visit) {
  for (int n = 0; n < std::ssize(nodes_); ++n) {
    Node& node = nodes_[static_cast<std::size_t>(n)];
    for (Edge& edge : node.inputs) edge = now_[slot(edge)];
    if (const auto taken = visit(node, n)) {
      for (int k = 0; k < std::ssize(*taken); ++k)
        take({n, k}, (*taken)[static_cast<std::size_t>(k)], node);
      continue;
    }
    const int results = static_cast<int>(node.results.size());
    const int at = add(std::move(node)).node;
    for (int k = 0; k < results; ++k) {
      now_[slot({n, k})] = {at, k};
      if (is_output_[slot({n, k})]) give({n, k}, {at, k});
    }
  }
  for (int& input : made_.inputs) input = now_[slot({input, 0})].node;
  for (Function::Output& output : made_.outputs) output.edge = output_[slot(output.edge)];
  return std::move(made_);
}

}  // namespace rill
