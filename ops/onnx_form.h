/// `OnnxForm`: how an operator is said in ONNX, where its ONNX name and its attributes' names do
/// not say it all. Invariant: a form is written with operators of the library, which have forms of
/// their own, and with nodes of ONNX's; it sees dtypes, shapes and attributes, and values only
/// where they are constant, so it runs the same on symbolic sizes.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/export.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// What a form sees and says: `.onnx = [](OnnxForm& o) { o.out(o.in(0) * sigmoid(o.in(0))); }`.
class RILL_API OnnxForm {
 public:
  /// One attribute of a node of ONNX's.
  struct Attribute {
    std::string_view name;
    std::variant<std::int64_t, double, DType, std::string_view, std::vector<std::int64_t>> value;
  };

  OnnxForm() = default;
  OnnxForm(const OnnxForm&) = delete;
  OnnxForm& operator=(const OnnxForm&) = delete;
  virtual ~OnnxForm() = default;

  [[nodiscard]] virtual const rill::Attributes& attributes() const = 0;
  [[nodiscard]] virtual int inputs() const = 0;
  /// Input `k` in the dtype in which the operator computes, without values.
  virtual Tensor in(int k) = 0;
  /// The dtype and shape that the rule gave result `k`.
  [[nodiscard]] virtual const Spec& result(int k = 0) const = 0;
  /// False when nobody reads result `k`: it need not be given.
  [[nodiscard]] virtual bool used(int k) const = 0;
  /// The one number that every element of input `k` is, where that is known.
  [[nodiscard]] virtual std::optional<Scalar> uniform(int k) const = 0;

  /// A node of ONNX's operator `type`. An undefined input is one that is left out.
  virtual std::vector<Tensor> nodes(std::string_view type, std::span<const Tensor> inputs,
                                    std::span<const Attribute> attributes,
                                    std::span<const Spec> results) = 0;
  Tensor node(std::string_view type, std::initializer_list<Tensor> inputs,
              std::initializer_list<Attribute> attributes, const Spec& result) {
    return nodes(type, {inputs.begin(), inputs.size()}, {attributes.begin(), attributes.size()},
                 {&result, 1})[0];
  }
  /// The same, with the operator's own result.
  Tensor node(std::string_view type, std::initializer_list<Tensor> inputs,
              std::initializer_list<Attribute> attributes = {}) {
    return node(type, inputs, attributes, result());
  }
  /// int64[n]: sizes, axes and the like as ONNX takes them, computed where they are not known.
  virtual Tensor integers(const Shape& numbers) = 0;

  /// Result `k`: of the dtype and shape that the rule gave.
  virtual void out(int k, const Tensor& value) = 0;
  void out(const Tensor& value) { out(0, value); }
  /// ONNX has no such thing: `the operator 'argsort' has no form in ONNX here: reason, at ...`.
  [[noreturn]] virtual void refuse(std::string_view reason) const = 0;
};

}  // namespace rill
