#include <rill/trace/passes/expansion.h>

#include <optional>
#include <utility>
#include <vector>

#include <rill/ops/composition.h>
#include <rill/ops/infer.h>
#include <rill/tensor/error.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/passes/rewriting.h>
#include <rill/trace/recorder.h>

namespace rill {
namespace {

class Expansion {
 public:
  Expansion(Function function, Changes& changes)
      : rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](const Node& node, int) { return visit(node); });
  }

 private:
  std::optional<std::vector<Edge>> visit(const Node& node) {
    if (node.kind != Node::Kind::op || !node.op->composition || node.op->stateful)
      return std::nullopt;
    std::optional<Function> inside;
    try {
      inside = recorded(node);
    } catch (const Error&) {  // it does more than call operators
      return std::nullopt;
    }
    if (!like(node, *inside)) return std::nullopt;
    changes_.add(node, [&] {
      return node.name + " is made of " +
             std::to_string(inside->nodes.size() - inside->inputs.size()) + " nodes";
    });
    return splice(node, std::move(*inside));
  }

  /// What the composition calls, on tensors without values.
  [[nodiscard]] Function recorded(const Node& node) const {
    std::vector<Tensor> operands;
    for (const Edge& edge : node.inputs) {
      const Node& from = rewriting_.node(edge);
      operands.push_back(from.kind == Node::Kind::number ? Tensor::weak(from.value.body().scalar)
                                                         : rewriting_.spec(edge).abstract());
    }
    std::vector<Tensor> results(node.results.size());
    const Silence silence;
    const detail::UserCall scope(node.op->name, node.where);
    Recorder recorder(operands);
    {
      const Listening on(recorder);
      Infer infer(*node.op, node.attributes, operands, node.where);
      node.op->rule(infer);
      Composition composition(infer, operands, results);
      node.op->composition(composition);
    }
    return recorder.finish(results);
  }

  /// The same results, made by nothing but operators.
  static bool like(const Node& node, const Function& inside) {
    for (const Node& each : inside.nodes) {
      if (each.has_effect() || each.kind == Node::Kind::variable) return false;
    }
    for (std::size_t k = 0; k < node.results.size(); ++k) {
      const Edge& edge = inside.outputs[k].edge;
      const Node& from = inside.nodes[static_cast<std::size_t>(edge.node)];
      const Spec& spec = from.results[static_cast<std::size_t>(edge.result)];
      if (from.kind != Node::Kind::op || spec.dtype != node.results[k].dtype ||
          !(spec.shape == node.results[k].shape))
        return false;
    }
    return true;
  }

  std::vector<Edge> splice(const Node& node, Function inside) {
    std::vector<int> number(inside.nodes.size());
    const auto moved = [&](const Edge& edge) {
      for (std::size_t k = 0; k < inside.inputs.size(); ++k) {
        if (inside.inputs[k] == edge.node) return node.inputs[k];
      }
      return Edge{number[static_cast<std::size_t>(edge.node)], edge.result};
    };
    for (std::size_t n = 0; n < inside.nodes.size(); ++n) {
      Node& each = inside.nodes[n];
      if (each.kind == Node::Kind::input) continue;
      for (Edge& edge : each.inputs) edge = moved(edge);
      each.name = node.name + "/" + each.name;
      each.where = node.where;
      number[n] = rewriting_.add(std::move(each)).node;
    }
    std::vector<Edge> results;
    for (const Function::Output& output : inside.outputs) results.push_back(moved(output.edge));
    return results;
  }

  Rewriting rewriting_;
  Changes& changes_;
};

}  // namespace

Function expand_compositions(Function function, Changes& changes) {
  return Expansion(std::move(function), changes).run();
}

}  // namespace rill
