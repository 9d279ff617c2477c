#include <rill/trace/passes/views.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <rill/ops/call.h>
#include <rill/trace/passes/attribute.h>
#include <rill/trace/passes/axis_order.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

/// Every number in (-2^exponent, 2^exponent) with as many binary digits is one of the dtype's.
struct Range {
  int digits;
  int exponent;
};
Range range_of(DType dtype) {
  if (dtype == float16) return {11, 16};
  if (dtype == bfloat16) return {8, 128};
  if (dtype == float32) return {24, 128};
  if (dtype == float64) return {53, 1024};
  const int bits =
      dtype == bool_ ? 1 : static_cast<int>(size_of(dtype)) * 8 - (is_unsigned(dtype) ? 0 : 1);
  return {bits, bits};
}

/// Every value of `from` is one of `to`.
bool holds(DType to, DType from) {
  const bool has_sign = !is_unsigned(from) && from != bool_;
  if (to == from) return true;
  if ((is_float(from) && !is_float(to)) || (has_sign && is_unsigned(to)) || to == bool_)
    return false;
  return range_of(to).digits >= range_of(from).digits &&
         range_of(to).exponent >= range_of(from).exponent;
}

/// A chain of two steps, or one that does nothing. A rule looks at a node that it is for, and
/// changes it, names what stands for it, or does neither.
class Views {
 public:
  Views(Function function, Changes& changes) : rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](Node& node, int number) { return visit(node, number); });
  }

 private:
  struct Rule {
    std::string_view op;
    std::string_view text;
    /// True when it applies: `replacement_` is set, or the node changed.
    bool (Views::*apply)(Node& node);
  };

  std::optional<std::vector<Edge>> visit(Node& node, int number) {
    static constexpr Rule rules[] = {
        {"cast", "to the dtype that it has", &Views::same_dtype},
        {"cast", "of a cast that loses nothing", &Views::cast_of_cast},
        {"transpose", "to the order that it has", &Views::same_order},
        {"transpose", "of a transpose", &Views::transpose_of_transpose},
        {"transpose", "that moves axes of size 1 only", &Views::transpose_of_ones},
        {"reshape", "of a reshape", &Views::reshape_of_reshape},
        {"reshape", "to the shape that it has", &Views::same_shape},
        {"broadcast_to", "of a broadcast_to", &Views::reshape_of_reshape},
        {"broadcast_to", "to the shape that it has", &Views::same_shape},
        {"strided_slice", "of the whole", &Views::whole_slice},
        {"sum", "over axes of size 1", &Views::sum_of_ones},
    };
    if (node.kind != Node::Kind::op || node.inputs.size() != 1) return std::nullopt;
    if (rewriting_.node(node.inputs[0]).kind == Node::Kind::number) return std::nullopt;
    for (const Rule& rule : rules) {
      if (rule.op != node.op->name) continue;
      replacement_.reset();
      if (!(this->*rule.apply)(node)) continue;
      if (replacement_ && rewriting_.needs_copy({number, 0}, *replacement_)) continue;
      changes_.add(node, [&] {
        return node.name + ": " + std::string(rule.op) + " " + std::string(rule.text);
      });
      if (replacement_) return std::vector<Edge>{*replacement_};
    }
    return std::nullopt;
  }

  [[nodiscard]] const Spec& operand(const Node& node) const {
    return rewriting_.spec(node.inputs[0]);
  }
  /// The node that makes the operand, when it is the same kind of view; null else.
  [[nodiscard]] const Node* inner(const Node& node) const {
    const Node& from = rewriting_.node(node.inputs[0]);
    return from.kind == Node::Kind::op && from.op == node.op ? &from : nullptr;
  }
  bool replace(const Edge& by) {
    replacement_ = by;
    return true;
  }

  bool same_dtype(Node& node) {
    return operand(node).dtype == node.results[0].dtype && replace(node.inputs[0]);
  }
  bool cast_of_cast(Node& node) {
    const Node* const from = inner(node);
    if (from == nullptr || rewriting_.node(from->inputs[0]).kind == Node::Kind::number)
      return false;
    const DType first = rewriting_.spec(from->inputs[0]).dtype;
    const DType second = from->results[0].dtype;
    const DType third = node.results[0].dtype;
    // Floats saturate on their way to integers, where integers wrap.
    if (!holds(second, first) || (is_float(second) && is_integer(first) && is_integer(third)))
      return first == third && holds(second, first) && replace(from->inputs[0]);
    if (first == third) return replace(from->inputs[0]);
    node.inputs[0] = from->inputs[0];
    return true;
  }

  bool same_order(Node& node) {
    return ascends(attribute<Axes>(node, "order")) && replace(node.inputs[0]);
  }
  bool transpose_of_transpose(Node& node) {
    const Node* const from = inner(node);
    if (from == nullptr) return false;
    const Axes both = composed(attribute<Axes>(*from, "order"), attribute<Axes>(node, "order"));
    if (ascends(both)) return replace(from->inputs[0]);
    Attributes attributes = Attributes::of(node.op->attributes());
    attributes.set("order", both);
    node.attributes = attributes;
    node.inputs[0] = from->inputs[0];
    return true;
  }
  /// A reshape moves nothing.
  bool transpose_of_ones(Node& node) {
    static const Op& reshape = *find_op("reshape");
    if (!moves_nothing(operand(node).shape, attribute<Axes>(node, "order"))) return false;
    node.op = &reshape;
    node.attributes = Attributes::of(reshape.attributes());
    node.attributes.set("shape", node.results[0].shape);
    return true;
  }

  bool reshape_of_reshape(Node& node) {
    const Node* const from = inner(node);
    if (from == nullptr || rewriting_.node(from->inputs[0]).kind == Node::Kind::number)
      return false;
    node.inputs[0] = from->inputs[0];
    return true;
  }
  bool same_shape(Node& node) {
    return operand(node).shape == node.results[0].shape && replace(node.inputs[0]);
  }

  bool whole_slice(Node& node) {
    const Shape steps = attribute<Shape>(node, "step");
    return operand(node).shape == node.results[0].shape &&
           std::all_of(steps.begin(), steps.end(), [](const Dim step) { return step == Dim(1); }) &&
           replace(node.inputs[0]);
  }

  /// A sum begins with 0, which makes +0 of -0.
  bool sum_of_ones(Node& node) {
    static const Op& add = *find_op("add");
    static const Op& reshape = *find_op("reshape");
    const Axes axes = attribute<Axes>(node, "axes");
    const Spec of = operand(node);
    if (of.dtype != node.results[0].dtype || axes.count() == 0 ||
        !std::all_of(axes.begin(), axes.end(), [&](int axis) { return of.shape[axis] == Dim(1); }))
      return false;
    Node zero;
    zero.kind = Node::Kind::number;
    zero.name = node.name + "/number";
    zero.value = Tensor::weak(0);
    zero.results = {{zero.value.dtype(), {}}};
    const Edge start = rewriting_.add(std::move(zero));
    if (of.shape == node.results[0].shape) {
      node.op = &add;
      node.attributes = {};
      node.inputs.push_back(start);
      return true;
    }
    Node sum;
    sum.op = &add;
    sum.name = node.name + "/add";
    sum.where = node.where;
    sum.inputs = {node.inputs[0], start};
    sum.results = {of};
    node.op = &reshape;
    node.attributes = Attributes::of(reshape.attributes());
    node.attributes.set("shape", node.results[0].shape);
    node.inputs[0] = rewriting_.add(std::move(sum));
    return true;
  }

  Rewriting rewriting_;
  Changes& changes_;
  std::optional<Edge> replacement_;
};

}  // namespace

Function shorten_views(Function function, Changes& changes) {
  return Views(std::move(function), changes).run();
}

}  // namespace rill
