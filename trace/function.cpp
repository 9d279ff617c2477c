#include <rill/trace/function.h>

#include <algorithm>
#include <charconv>

#include <rill/ops/call.h>
#include <rill/ops/check.h>
#include <rill/tensor/error.h>
#include <rill/tensor/print.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/recorded_gradient.h>

namespace rill {
namespace {

/// Runs the nodes that are marked, and lets go of each value after its last use.
class NodeByNode {
 public:
  NodeByNode(const Function& function, std::vector<bool> needed, std::span<const Edge> kept,
             Where where)
      : function_(function),
        where_(where),
        needed_(std::move(needed)),
        values_(function.nodes.size()),
        uses_(function.nodes.size()) {
    for (std::size_t n = 0; n < function.nodes.size(); ++n) {
      if (!needed_[n]) continue;
      for (const Edge& edge : function.nodes[n].inputs)
        ++uses_[static_cast<std::size_t>(edge.node)];
    }
    for (const Edge& edge : kept) ++uses_[static_cast<std::size_t>(edge.node)];
  }

  void feed(std::size_t node, const Tensor& value) { values_[node] = {value}; }

  void nodes() {
    for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
      if (needed_[n] && values_[n].empty()) node(n);
    }
  }

  [[nodiscard]] Tensor value(const Edge& edge) const {
    return values_[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)];
  }

 private:
  void node(std::size_t n) {
    const Node& node = function_.nodes[n];
    const Where where = node.where.known() ? node.where : where_;
    switch (node.kind) {
      case Node::Kind::input:
        throw TraceError("run: the input '" + node.name + "' is needed and not fed" +
                         where_.suffix());
      case Node::Kind::constant:
      case Node::Kind::number:
        values_[n] = {node.value};
        break;
      case Node::Kind::variable:
        values_[n] = {node.variable.value(where)};
        break;
      case Node::Kind::assign:
        node.variable.assign({value(node.inputs[0]), where});
        break;
      case Node::Kind::draw:
        values_[n] = {node.generator->draw(where)};
        break;
      case Node::Kind::check:
        check({value(node.inputs[0]), where}, node.message);
        break;
      case Node::Kind::print:
        for (const Edge& edge : node.inputs) operands_.push_back(value(edge));
        detail::print_line(node.words, operands_, where);
        operands_.clear();
        break;
      case Node::Kind::custom:
        for (const Edge& edge : node.inputs) operands_.push_back(value(edge));
        values_[n] = with_recorded_gradient(node, operands_);
        operands_.clear();
        break;
      case Node::Kind::op: {
        operands_.clear();
        for (const Edge& edge : node.inputs) operands_.push_back(value(edge));
        values_[n].resize(node.results.size());
        const detail::UserCall scope(node.called(), where);
        call(*node.op, operands_, node.attributes, where, values_[n]);
        operands_.clear();
      }
    }
    for (const Edge& edge : node.inputs) {
      const auto at = static_cast<std::size_t>(edge.node);
      if (--uses_[at] == 0) values_[at].clear();
    }
  }

  const Function& function_;
  const Where
      where_;  // of the call: for nodes that come from a file and have no place of their own
  std::vector<bool> needed_;
  std::vector<std::vector<Tensor>> values_;
  std::vector<int> uses_;
  std::vector<Tensor> operands_;
};

}  // namespace

std::string Function::text() const {
  std::string text = "(";
  for (int input : inputs) {
    const Node& node = nodes[static_cast<std::size_t>(input)];
    if (text.size() > 1) text += ", ";
    text += node.results[0].text() + " " + node.name;
  }
  text += ") -> (";
  const char* separator = "";
  for (const Output& output : outputs) {
    const Node& node = nodes[static_cast<std::size_t>(output.edge.node)];
    text += separator + node.results[static_cast<std::size_t>(output.edge.result)].text() + " " +
            output.name;
    separator = ", ";
  }
  text += ")";
  if (!fixed.empty()) text += " with " + fixed;
  separator = " where ";
  constexpr std::size_t shown = 4;
  for (const auto& [a, b] :
       std::span(different_sizes).first(std::min(shown, different_sizes.size()))) {
    text += separator + a.text() + " != " + b.text();
    separator = ", ";
  }
  return different_sizes.size() > shown ? text + " ..." : text;
}

std::vector<Tensor> Function::run(std::span<const Tensor> arguments, Where where) const {
  std::vector<Edge> kept;
  for (const Output& output : outputs) kept.push_back(output.edge);
  NodeByNode run(*this, std::vector<bool>(nodes.size(), true), kept, where);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    run.feed(static_cast<std::size_t>(inputs[i]), arguments[i]);
  run.nodes();
  std::vector<Tensor> results;
  for (const Edge& edge : kept) results.push_back(run.value(edge));
  return results;
}

std::vector<Tensor> Function::run(std::span<const Tensor> feeds, std::span<const Edge> fetches,
                                  Where where) const {
  NodeByNode run(*this, needed(feeds, fetches), fetches, where);
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (feeds[n].defined()) run.feed(n, feeds[n]);
  }
  run.nodes();
  std::vector<Tensor> results;
  for (const Edge& edge : fetches) results.push_back(run.value(edge));
  return results;
}

std::vector<bool> Function::needed(std::span<const Tensor> feeds,
                                   std::span<const Edge> fetches) const {
  std::vector<bool> marked(nodes.size());
  for (const Edge& edge : fetches) marked[static_cast<std::size_t>(edge.node)] = true;
  // Operands stand before their users: one pass from the back marks them all.
  for (std::size_t n = nodes.size(); n-- > 0;) {
    if (feeds[n].defined()) marked[n] = false;
    if (!marked[n]) continue;
    for (const Edge& edge : nodes[n].inputs) marked[static_cast<std::size_t>(edge.node)] = true;
  }
  return marked;
}

std::string Function::reference(const Edge& edge) const {
  const std::string& name = nodes[static_cast<std::size_t>(edge.node)].name;
  return edge.result == 0 ? name : name + ":" + std::to_string(edge.result);
}

std::optional<Edge> Function::find(std::string_view name) const {
  for (const Output& output : outputs) {
    if (output.name == name) return output.edge;
  }
  const auto colon = name.find(':');
  const std::string_view node_name = name.substr(0, colon);
  int result = 0;
  if (colon != std::string_view::npos) {
    const char* const end = name.data() + name.size();
    const auto [stop, error] = std::from_chars(name.data() + colon + 1, end, result);
    if (error != std::errc() || stop != end) result = -1;
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    if (nodes[n].name != node_name) continue;
    if (result >= 0 && static_cast<std::size_t>(result) < nodes[n].results.size())
      return Edge{static_cast<int>(n), result};
  }
  return std::nullopt;
}

}  // namespace rill
