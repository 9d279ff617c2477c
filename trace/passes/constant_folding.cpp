#include <rill/trace/passes/constant_folding.h>

#include <algorithm>
#include <string>

#include <rill/ops/call.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/trace/passes/rewriting.h>
#include <rill/trace/trace_plan.h>

namespace rill {
namespace {

class Folding {
 public:
  Folding(Function function, Changes& changes)
      : rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    const Silence silence;  // nobody hears of what is computed beforehand
    return rewriting_.run([&](const Node& node, int) { return visit(node); });
  }

 private:
  std::optional<std::vector<Edge>> visit(const Node& node) {
    values_.resize(rewriting_.made().nodes.size() + 1);
    std::vector<Tensor>& values = values_.back();
    if (node.kind == Node::Kind::constant || node.kind == Node::Kind::number) {
      if (!node.value.abstract()) values = {node.value};
      return std::nullopt;
    }
    if (node.kind != Node::Kind::op || node.op->stateful) return std::nullopt;
    std::vector<Tensor> operands;
    for (const Edge& edge : node.inputs) {
      const auto& known = values_[static_cast<std::size_t>(edge.node)];
      if (known.empty()) return std::nullopt;
      operands.push_back(known[static_cast<std::size_t>(edge.result)]);
    }
    if (!small(node, operands) || !evaluate(node, operands, values)) return std::nullopt;
    if (is_fill(node)) return std::nullopt;
    changes_.add(node, [&] { return node.name + " is known: " + node.results[0].text(); });
    return constants(node, std::vector<Tensor>(values));
  }

  static bool small(const Node& node, const std::vector<Tensor>& operands) {
    std::size_t made = 0;
    for (const Spec& spec : node.results) {
      if (!spec.shape.known()) return false;
      made += bytes_of(spec);
    }
    std::size_t read = 0;
    for (const Tensor& operand : operands) {
      if (!operand.body().weak)
        read += static_cast<std::size_t>(operand.size()) * size_of(operand.dtype());
    }
    return made <= std::max(most_folded_bytes, read);
  }

  static bool evaluate(const Node& node, const std::vector<Tensor>& operands,
                       std::vector<Tensor>& values) {
    values.resize(node.results.size());
    try {
      call(*node.op, operands, node.attributes, node.where, values);
      return true;
    } catch (const Error&) {
      values.clear();
      return false;
    }
  }

  /// More than an element made of numbers alone, or that under another shape.
  [[nodiscard]] bool is_fill(const Node& node) const {
    return node.results[0].shape.size() != Dim(1) &&
           std::all_of(node.inputs.begin(), node.inputs.end(), [&](const Edge& edge) {
             const Node& from = rewriting_.node(edge);
             return from.kind == Node::Kind::number ||
                    (from.kind == Node::Kind::op && node.op->view);
           });
  }

  std::vector<Edge> constants(const Node& node, const std::vector<Tensor>& values) {
    std::vector<Edge> results;
    for (std::size_t k = 0; k < values.size(); ++k) {
      Node made;
      made.kind = values[k].body().weak ? Node::Kind::number : Node::Kind::constant;
      made.name = node.name + (k == 0 ? "" : "/" + std::to_string(k));
      made.where = node.where;
      made.value = values[k];
      made.results = {node.results[k]};
      values_.resize(rewriting_.made().nodes.size());
      values_.push_back({values[k]});
      results.push_back(rewriting_.add(std::move(made)));
    }
    return results;
  }

  Rewriting rewriting_;
  Changes& changes_;
  std::vector<std::vector<Tensor>> values_;  // of the new function's nodes, where they are known
};

}  // namespace

Function fold_constants(Function function, Changes& changes) {
  return Folding(std::move(function), changes).run();
}

}  // namespace rill
