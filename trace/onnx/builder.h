/// `Builder`: a listener that writes a function while operators are called on tensors without
/// elements. Invariant: what depends on constants only is computed at once and becomes a constant
/// itself, as far as a budget of bytes reaches: so that what a file makes of its own numbers
/// (sizes, axes, transposed weights) is there when it is asked for, and no file costs what it does
/// not hold.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/listener.h>
#include <rill/trace/function.h>

namespace rill::onnx {

class Builder final : public Listener {
 public:
  explicit Builder(std::int64_t budget) : budget_(budget) {}

  Tensor input(std::string_view name, const Spec& spec);
  /// A tensor without elements that stands for these.
  Tensor constant(const Tensor& elements, std::string_view name);
  /// The elements, where they are known; else undefined.
  [[nodiscard]] Tensor known(const Tensor& tensor) const;
  /// Every element the same number.
  Tensor full(const Shape& shape, const Scalar& number, DType dtype);
  /// int64[size]: 0, 1, 2 ...
  Tensor range(Dim size);

  void op(const OpEvent& event) override;

  /// Nodes so far.
  [[nodiscard]] std::size_t count() const { return function_.nodes.size(); }
  /// Names the node that made a value, unless it is older than `since` or the name is taken.
  void name(const Tensor& value, std::string_view name, std::size_t since);
  /// The function of what the outputs need.
  Function finish(const std::vector<std::pair<std::string, Tensor>>& outputs);

 private:
  Edge edge_of(const Tensor& tensor);
  int add(Node node, std::string_view name);
  bool fold(const OpEvent& event);

  Function function_;
  std::unordered_map<std::uint64_t, Edge> edges_;    // by value id
  std::unordered_map<std::uint64_t, Tensor> known_;  // likewise
  std::unordered_map<std::uint64_t, std::string> names_;
  std::unordered_set<std::string> taken_;
  std::unordered_map<std::string, int> repeats_;
  EqualSizes equal_sizes_;
  std::int64_t budget_;
};

}  // namespace rill::onnx
