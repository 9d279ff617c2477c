#include <rill/trace/passes/algebra.h>

#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rill/ops/call.h>
#include <rill/tensor/error.h>
#include <rill/trace/passes/pattern.h>
#include <rill/trace/passes/rewriting.h>
#include <rill/trace/passes/rules.h>

namespace rill {
namespace {

constexpr int most_rewrites = 16;  // of one node: every rule leaves less to do, but let us be sure

struct ParsedRule {
  const AlgebraRule* rule;
  Pattern from;
  Pattern to;
};
using RulesByOp = std::unordered_map<const Op*, std::vector<ParsedRule>>;

RulesByOp parsed(std::initializer_list<std::span<const AlgebraRule>> tables) {
  RulesByOp rules;
  for (const auto& table : tables) {
    for (const AlgebraRule& rule : table) {
      ParsedRule made{&rule, parse_pattern(rule.from), parse_pattern(rule.to)};
      rules[made.from.op].push_back(std::move(made));
    }
  }
  return rules;
}
const RulesByOp& rules_of(const Function& function) {
  static const RulesByOp exact = parsed({exact_rules()});
  static const RulesByOp fast = parsed({exact_rules(), fast_math_rules()});
  return function.fast_math ? fast : exact;
}

/// What the letters of a pattern stand for.
struct Bindings {
  std::array<std::optional<Edge>, 26> values;
  std::array<std::optional<Scalar>, 26> numbers;
};
std::size_t letter(char name) { return static_cast<std::size_t>(name - 'a'); }

bool commutes(const Op& op) {
  return op.name == "add" || op.name == "multiply" || op.name == "maximum" ||
         op.name == "minimum" || op.name == "logical_and" || op.name == "logical_or" ||
         op.name == "bitwise_and" || op.name == "bitwise_or";
}

/// A power of two, but 1, that the dtype holds exactly as it does its reciprocal.
bool exact_power_of_two(const Scalar& number, DType dtype) {
  int exponent = 0;
  const double value = number.real();
  if (!std::isfinite(value) || std::fabs(std::frexp(value, &exponent)) != 0.5) return false;
  if (exponent == 1) return false;
  const auto holds = [&](double wanted) {
    return Scalar::from_bits(dtype, Scalar(wanted).bits(dtype)).real() == wanted;
  };
  return holds(value) && holds(1 / value);
}

class Simplification {
 public:
  Simplification(Function function, Changes& changes)
      : rules_(rules_of(function)), rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](Node& node, int number) -> std::optional<std::vector<Edge>> {
      for (int times = 0; times < most_rewrites; ++times) {
        const Step step = rewrite(node, number);
        if (step == Step::none) return std::nullopt;
        if (step == Step::replaced) return std::vector<Edge>{replacement_};
      }
      return std::nullopt;
    });
  }

 private:
  enum class Step : std::uint8_t { none, changed, replaced };

  Step rewrite(Node& node, int number) {
    if (node.kind != Node::Kind::op || node.results.size() != 1) return Step::none;
    const auto found = rules_.find(node.op);
    if (found == rules_.end()) return Step::none;
    for (const ParsedRule& rule : found->second) {
      if (!rule.rule->takes(node.results[0].dtype)) continue;
      bound_ = {};
      if (!matches_operands(rule.from, node)) continue;
      const Step step = apply(rule, node, number);
      if (step != Step::none) return step;
    }
    return Step::none;
  }

  // ---- Matching -------------------------------------------------------------------------------

  bool matches_operands(const Pattern& pattern, const Node& node) {
    if (node.inputs.size() != pattern.operands.size()) return false;
    const Bindings before = bound_;
    if (matches_in_order(pattern, node, false)) return true;
    bound_ = before;
    return commutes(*node.op) && matches_in_order(pattern, node, true);
  }
  bool matches_in_order(const Pattern& pattern, const Node& node, bool swapped) {
    for (std::size_t k = 0; k < pattern.operands.size(); ++k) {
      const std::size_t at = swapped ? 1 - k : k;
      if (!matches(pattern.operands[k], node, at)) return false;
    }
    return true;
  }

  /// The pattern is what the node reads as operand `k`.
  bool matches(const Pattern& pattern, const Node& reader, std::size_t k) {
    const Edge& edge = reader.inputs[k];
    switch (pattern.kind) {
      case Pattern::Kind::value: {
        auto& value = bound_.values[letter(pattern.name)];
        if (!value) value = edge;
        return *value == edge;
      }
      case Pattern::Kind::number: {
        const auto number = number_of(edge);
        if (!number) return false;
        if (pattern.name == 'p' && !exact_power_of_two(*number, taken_as(reader, k))) return false;
        bound_.numbers[letter(pattern.name)] = number;
        return true;
      }
      case Pattern::Kind::literal: {
        const auto number = number_of(edge);
        return number && same_in(taken_as(reader, k), *number, pattern.literal);
      }
      case Pattern::Kind::op:
        break;
    }
    const Node& from = rewriting_.node(edge);
    if (from.kind != Node::Kind::op || from.op != pattern.op ||
        from.results[0].dtype != taken_as(reader, k))
      return false;
    return matches_operands(pattern, from);
  }

  static bool same_in(DType dtype, const Scalar& a, const Scalar& b) {
    try {
      return a.bits(dtype) == b.bits(dtype);
    } catch (const Error&) {  // an integer that does not fit
      return false;
    }
  }

  /// The dtype in which the operator of a node sees operand `k`.
  DType taken_as(const Node& reader, std::size_t k) const {
    std::vector<Tensor> operands;
    for (const Edge& edge : reader.inputs) operands.push_back(operand(edge));
    Infer infer(*reader.op, reader.attributes, operands, reader.where);
    reader.op->rule(infer);
    return infer.operand_dtype(static_cast<int>(k));
  }
  [[nodiscard]] Tensor operand(const Edge& edge) const {
    const Node& node = rewriting_.node(edge);
    return node.kind == Node::Kind::number ? node.value : rewriting_.spec(edge).abstract();
  }

  /// The number that all elements of a value are.
  [[nodiscard]] std::optional<Scalar> number_of(const Edge& edge) const {
    const Node* node = &rewriting_.node(edge);
    while (node->kind == Node::Kind::op && node->op->view && node->inputs.size() == 1)
      node = &rewriting_.node(node->inputs[0]);
    if (node->kind == Node::Kind::number) return node->value.body().scalar;
    const DType dtype = node->results.empty() ? float32 : node->results[0].dtype;
    if (node->kind == Node::Kind::constant && !node->value.abstract() && node->value.size() == 1) {
      std::uint64_t bits = 0;
      std::memcpy(&bits, node->value.body().data, size_of(dtype));
      return Scalar::from_bits(dtype, bits);
    }
    if (node->kind != Node::Kind::op || node->op->name != "full") return std::nullopt;
    const Node& filled = rewriting_.node(node->inputs[0]);
    if (filled.kind != Node::Kind::number) return std::nullopt;
    try {
      return Scalar::from_bits(dtype, filled.value.body().scalar.bits(dtype));
    } catch (const Error&) {
      return std::nullopt;
    }
  }

  // ---- Replacing ------------------------------------------------------------------------------

  /// An operand of what is made: there already, a number, or made on the way.
  struct Operand {
    Edge edge;  ///< of the new function, or of `made_` from its end on
    Tensor abstract;
  };

  Step apply(const ParsedRule& rule, Node& node, int number) {
    made_.clear();
    if (rule.to.kind == Pattern::Kind::value) {
      const Edge to = *bound_.values[letter(rule.to.name)];
      if (rewriting_.node(to).kind == Node::Kind::number || !fits(rewriting_.spec(to), node) ||
          rewriting_.needs_copy({number, 0}, to))
        return Step::none;
      note(rule, node);
      replacement_ = to;
      return Step::replaced;
    }
    try {
      if (rule.to.is_number()) {
        fill(value_of(rule.to), node);
      } else {
        (void)build(rule.to, node);
      }
    } catch (const Error&) {  // what replaces it does not take these operands
      return Step::none;
    }
    if (!fits(made_.back().results[0], node)) return Step::none;
    note(rule, node);
    // The last one takes the node's place, and keeps its name and line.
    Node last = std::move(made_.back());
    made_.pop_back();
    for (Node& inner : made_) (void)rewriting_.add(std::move(inner));
    node.op = last.op;
    node.attributes = last.attributes;
    node.inputs = std::move(last.inputs);
    return Step::changed;
  }
  static bool fits(const Spec& spec, const Node& node) {
    return spec.dtype == node.results[0].dtype && spec.shape == node.results[0].shape;
  }
  void note(const ParsedRule& rule, const Node& node) {
    changes_.add(node, [&] {
      return node.name + ": " + std::string(rule.rule->from) + " -> " + std::string(rule.rule->to);
    });
  }

  Edge make(Node node) {
    made_.push_back(std::move(node));
    return {static_cast<int>(rewriting_.made().nodes.size() + made_.size()) - 1, 0};
  }

  Operand build(const Pattern& pattern, const Node& like) {
    if (pattern.kind == Pattern::Kind::value) {
      const Edge edge = *bound_.values[letter(pattern.name)];
      return {edge, operand(edge)};
    }
    if (pattern.is_number()) return number(value_of(pattern), like);
    Node node;
    node.op = pattern.op;
    node.name = inner_name(like, pattern.op->name);
    node.where = like.where;
    std::vector<Tensor> operands;
    for (const Pattern& each : pattern.operands) {
      const Operand made = build(each, like);
      node.inputs.push_back(made.edge);
      operands.push_back(made.abstract);
    }
    std::array<Tensor, 1> result;
    infer_abstract(*node.op, operands, {}, result, like.where);
    node.results = {{result[0].dtype(), result[0].shape()}};
    return {make(std::move(node)), result[0]};
  }
  Operand number(const Scalar& value, const Node& like) {
    Node node;
    node.kind = Node::Kind::number;
    node.name = inner_name(like, "number");
    node.value = Tensor::weak(value);
    node.results = {{node.value.dtype(), {}}};
    const Tensor abstract = node.value;
    return {make(std::move(node)), abstract};
  }
  /// The node's shape, filled with a number.
  void fill(const Scalar& value, const Node& like) {
    static const Op& full = *find_op("full");
    const Operand filled = number(value, like);
    Node node;
    node.op = &full;
    node.inputs = {filled.edge};
    node.attributes = Attributes::of(full.attributes());
    node.attributes.set("shape", like.results[0].shape);
    node.attributes.set("dtype", like.results[0].dtype);
    node.results = like.results;
    (void)make(std::move(node));
  }
  [[nodiscard]] std::string inner_name(const Node& like, std::string_view what) const {
    const std::string name = like.name + "/" + std::string(what);
    return made_.empty() ? name : name + "_" + std::to_string(made_.size());
  }

  /// Numbers are computed in double, and rounded where they meet a tensor.
  [[nodiscard]] Scalar value_of(const Pattern& pattern) const {
    if (pattern.kind == Pattern::Kind::number) return *bound_.numbers[letter(pattern.name)];
    if (pattern.kind == Pattern::Kind::literal) return pattern.literal;
    const double a = value_of(pattern.operands[0]).real();
    if (pattern.op->name == "negative") return -a;
    const double b = value_of(pattern.operands[1]).real();
    if (pattern.op->name == "add") return a + b;
    if (pattern.op->name == "subtract") return a - b;
    if (pattern.op->name == "multiply") return a * b;
    if (pattern.op->name == "divide") return a / b;
    throw InternalError("a rule computes a number by " + std::string(pattern.op->name));
  }

  const RulesByOp& rules_;
  Rewriting rewriting_;
  Changes& changes_;
  Bindings bound_;
  std::vector<Node> made_;
  Edge replacement_;
};

}  // namespace

Function simplify(Function function, Changes& changes) {
  return Simplification(std::move(function), changes).run();
}

}  // namespace rill
