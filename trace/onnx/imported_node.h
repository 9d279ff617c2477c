/// `ImportedNode`: what the conversion of a node of ONNX's sees and says. A conversion calls the
/// library's operators on what `in` gives; a `Builder` hears them. Invariant: nothing that a file
/// says is believed: what is not there, or not of its kind, is a `FormatError` that names the node.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <rill/tensor/axes.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/onnx/builder.h>
#include <rill/trace/onnx/model.h>

namespace rill::onnx {

/// The elements of small integer tensors that are made of sizes, by the tensors' ids.
using SizeValues = std::unordered_map<std::uint64_t, std::vector<Dim>>;

class ImportedNode {
 public:
  /// What all nodes of a graph share.
  struct Graph {
    Builder& builder;
    SizeValues& sizes;
    std::int64_t operator_set;
    /// The elements of a tensor of the file's.
    const std::function<Tensor(const Constant&)>& elements;
  };

  ImportedNode(const Operation& node, std::span<const Tensor> inputs, const Graph& graph)
      : node_(node), inputs_(inputs), graph_(graph), results_(node.outputs.size()) {}

  // ---- What there is --------------------------------------------------------------------------
  [[nodiscard]] const std::string& type() const { return node_.type; }
  /// The operator set by which the node is meant.
  [[nodiscard]] std::int64_t operator_set() const { return graph_.operator_set; }
  [[nodiscard]] int inputs() const { return static_cast<int>(inputs_.size()); }
  [[nodiscard]] int outputs() const { return static_cast<int>(results_.size()); }
  /// False for an input that is left out.
  [[nodiscard]] bool has(int k) const { return k < inputs() && inputs_[index(k)].defined(); }
  /// False for a result that nobody names.
  [[nodiscard]] bool wants(int k) const {
    return k < outputs() && !node_.outputs[index(k)].empty();
  }
  [[nodiscard]] const Tensor& in(int k) const;
  [[nodiscard]] std::vector<Tensor> all() const;
  /// The elements of input `k`, which has to be a constant.
  [[nodiscard]] Tensor known(int k) const;
  /// The integers of input `k`, which has to be a constant or made of sizes.
  [[nodiscard]] std::vector<Dim> sizes(int k) const;
  /// The same, all of them known; at most `max_rank * 2` of them, unless said otherwise.
  [[nodiscard]] std::vector<std::int64_t> integers(int k) const;
  Builder& builder() { return graph_.builder; }
  SizeValues& size_values() { return graph_.sizes; }

  // ---- Attributes -----------------------------------------------------------------------------
  [[nodiscard]] bool has(std::string_view name) { return find(name) != nullptr; }
  std::int64_t integer(std::string_view name, std::int64_t otherwise);
  double real(std::string_view name, double otherwise);
  std::string text(std::string_view name, std::string_view otherwise);
  std::optional<std::vector<std::int64_t>> integers(std::string_view name);
  std::optional<std::vector<float>> reals(std::string_view name);
  std::optional<std::vector<std::string>> texts(std::string_view name);
  /// The elements of an attribute that is a tensor; undefined where it is not there.
  Tensor tensor(std::string_view name);
  /// An axis of a tensor of `rank`, counted from the front.
  [[nodiscard]] int axis(std::int64_t given, int rank) const;
  [[nodiscard]] Axes axes(std::span<const std::int64_t> given, int rank) const;
  /// Throws unless the attribute is left out or has this value, the only one that rill knows.
  void only(std::string_view name, std::int64_t value);
  /// An attribute that does not matter here.
  void ignore(std::string_view name) { asked_.insert(std::string(name)); }
  [[nodiscard]] DType dtype(std::int64_t element_type) const;

  // ---- What it becomes ------------------------------------------------------------------------
  void out(int k, const Tensor& value) {
    if (k < outputs()) results_[index(k)] = value;
  }
  void out(const Tensor& value) { out(0, value); }
  [[nodiscard]] std::span<const Tensor> results() const { return results_; }
  /// Throws for an attribute that nobody has asked for, and a result that nobody has given.
  void finish() const;
  /// A FormatError; whoever reads the file opens a call that names the node.
  [[noreturn]] void fail(const std::string& rule) const;

 private:
  static std::size_t index(int k) { return static_cast<std::size_t>(k); }
  const Attribute* find(std::string_view name);
  template <class T>
  const T* value(std::string_view name, const char* kind);

  const Operation& node_;
  std::span<const Tensor> inputs_;
  const Graph& graph_;
  std::vector<Tensor> results_;
  std::set<std::string> asked_;
};

/// The conversion of one of ONNX's operators.
struct Conversion {
  std::string_view type;
  void (*convert)(ImportedNode& node);
};

// By what they are about. What is in none of these, and is the ONNX name of an operator that has no
// form of its own, is converted by that name.
std::span<const Conversion> elementwise_conversions();
std::span<const Conversion> shape_conversions();
std::span<const Conversion> index_conversions();
std::span<const Conversion> reduction_conversions();
std::span<const Conversion> network_conversions();

}  // namespace rill::onnx
