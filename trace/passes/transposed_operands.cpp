#include <rill/trace/passes/transposed_operands.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rill/ops/call.h>
#include <rill/ops/plans.h>
#include <rill/trace/passes/attribute.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

/// Only the last two axes change places.
bool swaps_matrices(const Axes& order) {
  const int last = order.count() - 1;
  if (last < 1 || order[last] != last - 1 || order[last - 1] != last) return false;
  for (int axis = 0; axis < last - 1; ++axis) {
    if (order[axis] != axis) return false;
  }
  return true;
}

class TransposedOperands {
 public:
  TransposedOperands(Function function, Changes& changes)
      : readers_(readers(function)), rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](Node& node, int) -> std::optional<std::vector<Edge>> {
      if (node.kind == Node::Kind::op && node.op == &matmul_ &&
          node.results[0].shape.size().value() > 0) {
        take(node, 0, "transpose_a");
        take(node, 1, "transpose_b");
      }
      return std::nullopt;
    });
  }

 private:
  /// How many operands each node is, by its name.
  static std::map<std::string, int> readers(const Function& function) {
    std::map<std::string, int> counts;
    for (const Node& node : function.nodes) {
      for (const Edge& edge : node.inputs)
        ++counts[function.nodes[static_cast<std::size_t>(edge.node)].name];
    }
    return counts;
  }

  void take(Node& product, std::size_t k, std::string_view flag) {
    const Node& from = rewriting_.node(product.inputs[k]);
    if (from.kind != Node::Kind::op || from.op != &transpose_ ||
        !swaps_matrices(attribute<Axes>(from, "order")) || readers_.at(from.name) > 1)
      return;
    Node direct = product;
    direct.inputs[k] = from.inputs[0];
    direct.attributes = with_attribute(product, flag, !attribute<bool>(product, flag));
    if (!plan_of(direct)->same_bits_as(*plan_of(product))) return;
    changes_.add(product, [&] { return product.name + " reads " + from.name + " as it lies"; });
    product = std::move(direct);
  }

  /// Of operands in the dtype of the product.
  [[nodiscard]] std::shared_ptr<const kernel::Plan> plan_of(const Node& product) const {
    std::array operands = {rewriting_.spec(product.inputs[0]), rewriting_.spec(product.inputs[1])};
    for (Spec& operand : operands) operand.dtype = product.results[0].dtype;
    return plan_for(*product.op, product.attributes, operands, product.results, Device::cpu());
  }

  const Op& matmul_ = *find_op("matmul");
  const Op& transpose_ = *find_op("transpose");
  const std::map<std::string, int> readers_;
  Rewriting rewriting_;
  Changes& changes_;
};

}  // namespace

Function take_transposed_operands(Function function, Changes& changes) {
  return TransposedOperands(std::move(function), changes).run();
}

}  // namespace rill
