/// `Function`: one signature of a graph: a flat list of nodes, and the loop that runs it.
/// Invariant: operands stand before what uses them; running it does what the recorded function did,
/// in its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/autograd/variable.h>
#include <rill/ops/attributes.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/ops/random.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// One result of a node.
struct Edge {
  int node = -1;
  int result = 0;
  friend bool operator==(const Edge&, const Edge&) = default;
};

struct Function;

/// What a node of a custom gradient stands for: its results are values under other ids, to which
/// gradients are led by a rule.
struct RecordedGradient {
  /// Of the node's inputs the first are the arguments, then comes a value per result, then what the
  /// rule looks at besides.
  std::size_t arguments = 0;
  /// From the gradients of the results, and what it looks at besides, to those of the arguments,
  /// whose numbers are the outputs' names. Null where it could not be recorded.
  std::shared_ptr<const Function> rule;
  std::string reason;  ///< why not
};

struct Node {
  enum class Kind : std::uint8_t {
    input,     ///< an argument
    constant,  ///< a tensor from outside, or of the host's data
    number,    ///< a weak scalar
    variable,  ///< the value of a variable at this point
    assign,    ///< a variable takes the value of its operand
    draw,      ///< the next key of a generator
    check,     ///< every element of its operand must be true
    print,     ///< a line of words with its operands between them
    custom,    ///< values with a gradient of the user's
    op,        ///< results of an operator
  };
  Kind kind = Kind::op;
  std::string name;  ///< unique within the function
  const Op* op = nullptr;
  std::string operation;  ///< op: what the user called, where that is not the operator itself
  Attributes attributes;
  std::vector<Edge> inputs;
  std::vector<Spec> results;
  Tensor value;                               ///< constant, number
  Variable variable;                          ///< variable, assign
  std::shared_ptr<rng::Generator> generator;  ///< draw; a handle, which keeps the stream alive
  std::string message;                        ///< check
  std::vector<std::string> words;             ///< print: one more than there are operands
  std::shared_ptr<const RecordedGradient> gradient;  ///< custom
  Where where = {};  ///< the user's line, unless it comes from a file

  /// Whose errors those of the operator are.
  [[nodiscard]] std::string_view called() const {
    return operation.empty() ? op->name : std::string_view(operation);
  }
  /// It happens whether its results are read or not, and keeps its place among others that do.
  [[nodiscard]] bool has_effect() const {
    return kind == Kind::assign || kind == Kind::draw || kind == Kind::check || kind == Kind::print;
  }
};

struct Function {
  std::vector<Node> nodes;
  std::vector<int> inputs;  ///< nodes
  struct Output {
    std::string name;
    Edge edge;
  };
  std::vector<Output> outputs;
  /// What the arguments that are no tensors were, on which the nodes may depend: `x1 = 2, x2 =
  /// true`.
  std::string fixed;
  /// Of unknown sizes: what must be equal wherever the function runs.
  std::vector<EqualPair> equal_sizes;
  /// What the function's code compared and took to be different: it is not for calls in which a
  /// pair is equal.
  std::vector<DifferentSizes::Pair> different_sizes;
  /// Whether a custom gradient's rule could not be recorded: only the C++ function knows it.
  bool unknown_gradients = false;
  /// Whether its plans may compute what is equal for real numbers but not for floats.
  bool fast_math = false;

  /// `(float32[2,3] x) -> (float32[2,2] result)`; ` with x1 = 2` where values are fixed, and `
  /// where n != 1` where sizes were found different.
  [[nodiscard]] std::string text() const;
  /// `where`: the call, for nodes that have no line of their own.
  [[nodiscard]] std::vector<Tensor> run(std::span<const Tensor> arguments, Where where = {}) const;
  /// The values of `fetches`; `feeds` has one entry per node, undefined where nothing is fed. Nodes
  /// that no fetch needs are left out, effects among them. Throws `TraceError` naming an input that
  /// is needed and not fed.
  [[nodiscard]] std::vector<Tensor> run(std::span<const Tensor> feeds,
                                        std::span<const Edge> fetches, Where where) const;
  /// The nodes that are computed for that.
  [[nodiscard]] std::vector<bool> needed(std::span<const Tensor> feeds,
                                         std::span<const Edge> fetches) const;
  /// How a value is named: `relu`, and `lstm:1` for a node's second result.
  [[nodiscard]] std::string reference(const Edge& edge) const;
  /// The output or node result of this name: `relu`, `lstm:1`.
  [[nodiscard]] std::optional<Edge> find(std::string_view name) const;
};

}  // namespace rill
