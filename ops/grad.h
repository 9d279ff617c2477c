/// `Grad`: what an operator's gradient rule sees and says.
/// Invariant: a rule computes with public operators only, so gradients of any order and traced
/// gradients come by themselves; what it touches of inputs and outputs is all that a tape keeps, so
/// it depends on dtypes, ranks, attributes and wanted inputs, never on sizes or values.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

class RILL_API Grad {
 public:
  /// What a replay has at hand. Tensors that were not kept are undefined; dtypes and shapes are
  /// always there.
  struct Record {
    const Op& op;
    const Attributes& attributes;
    std::span<const Tensor> inputs;
    std::span<const Tensor> outputs;
    std::span<const Spec* const> input_specs;
    std::span<const Spec* const> output_specs;
    std::span<const Tensor> output_gradients;  ///< undefined where nothing flowed back
    std::uint32_t wanted = ~0U;  ///< bit k: the gradient of input k; from 31 on the bits are one
    Where where;
  };
  /// `record` and what it refers to must outlive this.
  explicit Grad(const Record& record);
  Grad(const Grad&) = delete;
  Grad& operator=(const Grad&) = delete;

  [[nodiscard]] const Attributes& attributes() const { return record_.attributes; }
  [[nodiscard]] int inputs() const { return static_cast<int>(record_.input_specs.size()); }
  /// Input `k` as the operator was given it.
  const Tensor& x(int k);
  /// Result `k`.
  const Tensor& y(int k = 0);
  /// The gradient that flows back into result `k`; zeros where none does.
  Tensor dy(int k = 0);
  /// False when `dy(k)` would be zeros.
  [[nodiscard]] bool flows(int k) const {
    return record_.output_gradients[static_cast<std::size_t>(k)].defined();
  }
  [[nodiscard]] const Shape& shape(int k) const {
    return record_.input_specs[static_cast<std::size_t>(k)]->shape;
  }
  [[nodiscard]] DType dtype(int k) const {
    return record_.input_specs[static_cast<std::size_t>(k)]->dtype;
  }
  [[nodiscard]] const Shape& output_shape(int k = 0) const {
    return record_.output_specs[static_cast<std::size_t>(k)]->shape;
  }
  /// True when somebody needs the gradient of input `k`: skip the work for others.
  [[nodiscard]] bool wants(int k) const { return (record_.wanted & bit(k)) != 0; }
  /// Adds a contribution to the gradient of input `k`; undoes broadcasting and promotion.
  void to(int k, const Tensor& gradient);
  /// `GradientError`: this operator's gradient is not defined here, and why.
  [[noreturn]] void fail(std::string_view message) const;

  /// The bit that stands for tensor `k` in `wanted`, `touched_inputs` and `touched_outputs`.
  static constexpr std::uint32_t bit(int k) { return 1U << static_cast<unsigned>(k < 31 ? k : 31); }
  [[nodiscard]] std::uint32_t touched_inputs() const { return touched_inputs_; }
  [[nodiscard]] std::uint32_t touched_outputs() const { return touched_outputs_; }
  /// One per input; undefined where the rule gave none.
  [[nodiscard]] std::span<Tensor> results() { return results_; }

 private:
  const Tensor& kept(std::span<const Tensor> tensors, int k, const char* what) const;

  const Record& record_;
  std::array<Tensor, 4> few_;  // most operators have no more inputs: no memory to ask for
  std::vector<Tensor> many_;
  std::span<Tensor> results_;
  std::uint32_t touched_inputs_ = 0;
  std::uint32_t touched_outputs_ = 0;
};

}  // namespace rill
