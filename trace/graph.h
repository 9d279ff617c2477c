/// `Graph`: what a traced function computes, as data: nodes in program order, named inputs and
/// outputs. Invariant: a node's operands stand before it, and effects (assignments, draws) happen
/// in the order of the nodes.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct Function;
class Prepared;

/// A tensor or a number under the name of an input: `g.run({{"x", x}}, {"logits"})`.
struct Feed : std::pair<std::string_view, Tensor> {
  Feed(std::string_view name, const Operand& value) : pair(name, value.tensor()) {}
};

struct DrawOptions {
  /// A timeline that a `Profiler` wrote: its times are shown.
  std::string profile = {};
  /// What Graphviz draws is the graph as passes left it; a page has both.
  bool planned = false;
};

/// A saved or captured computation, callable without the C++ function that it came from. Copies
/// share it.
///
///     auto g = Graph::load("f.json");
///     print(g(x));
///     auto [hidden] = g.run({{"x", x}}, {"relu"});
class RILL_API Graph {
 public:
  /// A tensor, a variable or a number; nothing where a call gives fewer arguments.
  using Argument = std::optional<Operand>;

  Graph() = default;

  /// Reads what `save` wrote, and models of ONNX (`.onnx`). Throws `FileError`, and `FormatError`
  /// naming the place in a file that is not a graph, or whose operators rill does not have.
  static Graph load(const std::string& path, Where where = Where::here());
  /// Writes `path` and, for constants and variables, a safetensors file of the same name beside it.
  /// A path that ends in `.onnx` becomes a model of ONNX, which holds them itself; throws
  /// `TraceError` naming what ONNX has no form for. The old files stay whole until the new ones are
  /// complete.
  void save(const std::string& path, Where where = Where::here()) const;

  /// Draws all signatures, by the end of the path: `.html`, one page that can be searched and
  /// zoomed and needs nothing else; `.svg`, `.png` or `.pdf`, by Graphviz's `dot`, for some hundred
  /// nodes;
  /// `.dot`, what that program is given. Kernels have colours where sizes are known. Throws
  /// `FileError` where Graphviz is missing, and `ValueError` for another end.
  ///
  ///     Graph::load("f.json").draw("f.html");
  void draw(const std::string& path, const DrawOptions& options = {},
            Where where = Where::here()) const;

  /// The text that `save` writes; with the tensors that go beside it, if asked for.
  [[nodiscard]] std::string text(std::string_view weights_file = "",
                                 std::map<std::string, Tensor>* weights = nullptr) const;

  /// Runs the signature that fits the arguments, tensors, and numbers where the function took
  /// `Scalar`s, and gives its only result. Throws `TraceError` when none fits, listing those there
  /// are, and when several do that differ in fixed values.
  Tensor operator()(const Argument& x0 = {}, const Argument& x1 = {}, const Argument& x2 = {},
                    const Argument& x3 = {}, const Argument& x4 = {}, const Argument& x5 = {},
                    const Argument& x6 = {}, const Argument& x7 = {},
                    Where where = Where::here()) const;
  /// The same for any number of arguments and results.
  [[nodiscard]] std::vector<Tensor> call(std::span<const Tensor> inputs,
                                         Where where = Where::here()) const;

  /// Any nodes by name, from inputs by name; only what they need is run. `name:1` is a node's
  /// second result.
  [[nodiscard]] std::vector<Tensor> run(std::span<const Feed> feeds,
                                        std::span<const std::string_view> fetches,
                                        Where where = Where::here()) const;
  template <std::size_t N>
  [[nodiscard]] std::array<Tensor, N> run(std::initializer_list<Feed> feeds,
                                          const char* const (&fetches)[N],
                                          Where where = Where::here()) const {
    std::array<std::string_view, N> names;
    for (std::size_t i = 0; i < N; ++i) names[i] = fetches[i];
    std::vector<Tensor> values = run_listed(feeds, names, where);
    std::array<Tensor, N> results;
    for (std::size_t i = 0; i < N; ++i) results[i] = std::move(values[i]);
    return results;
  }

  /// `(float32[2,3] x) -> (float32[2,2] relu)`, one per signature; ` with x1 = 2` where arguments
  /// that are no tensors were fixed.
  [[nodiscard]] std::vector<std::string> signatures() const;
  /// One of them alone, by its place among `signatures()`: for calls that several would take.
  ///
  ///     auto f = trace([](const Tensor& x, int power) { return pow(x, power); });
  ///     f(ones({2}), 2);
  ///     f(ones({2}), 3);
  ///     f.graph().signature(1)(full({2}, 2.0))  // [8., 8.]
  [[nodiscard]] Graph signature(std::size_t number, Where where = Where::here()) const;

  /// For the floors above: the functions, one per signature.
  explicit Graph(std::vector<std::shared_ptr<Prepared>> functions);
  [[nodiscard]] std::vector<std::shared_ptr<const Function>> functions() const;
  [[nodiscard]] const std::vector<std::shared_ptr<Prepared>>& prepared() const {
    return functions_;
  }

 private:
  [[nodiscard]] std::vector<Tensor> run_listed(std::initializer_list<Feed> feeds,
                                               std::span<const std::string_view> fetches,
                                               Where where) const;
  /// Throws `TraceError` where another signature takes the arguments, too, with other fixed values.
  void require_only(std::size_t chosen, std::span<const Tensor* const> arguments,
                    Where where) const;

  std::vector<std::shared_ptr<Prepared>> functions_;
};

}  // namespace rill
