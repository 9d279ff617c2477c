/// `Infer`: what an operator's shape and dtype rule sees and says.
/// Invariant: a rule looks at dtypes, shapes and attributes only, so it runs the same on values, on
/// abstract tensors and on symbolic sizes.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include <rill/ops/inputs.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/where.h>

namespace rill {

/// Dtype and shape of one result, and what it holds before the operator writes to it.
struct Spec {
  enum : int { nothing = -2, zeros = -1 };
  DType dtype = float32;
  Shape shape;
  int start =
      nothing;        ///< `nothing`, `zeros`, or the number of an input whose values it begins with
  bool weak = false;  ///< a number, which takes the dtype of what it meets
  /// `float32[2,3]`; `float32 number`.
  [[nodiscard]] RILL_API std::string text() const;
  /// A tensor like it, without values.
  [[nodiscard]] Tensor abstract(Device device = Device::cpu()) const;
};

/// The most results that one operator has.
inline constexpr int max_results = 4;

class RILL_API Infer {
 public:
  Infer(const Op& op, const Attributes& attributes, std::span<const Tensor> inputs, Where where)
      : op_(op), attributes_(attributes), inputs_(inputs), where_(where) {}

  // ---- What there is --------------------------------------------------------------------------
  [[nodiscard]] const Op& op() const { return op_; }
  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] int inputs() const { return static_cast<int>(inputs_.size()); }
  [[nodiscard]] DType dtype(int input) const { return tensor(input).dtype(); }
  [[nodiscard]] const Shape& shape(int input) const { return tensor(input).shape(); }
  [[nodiscard]] int rank(int input) const { return shape(input).rank(); }
  [[nodiscard]] bool weak(int input) const { return tensor(input).body().weak; }
  /// Throws `IndexError` unless the axis is in [0, rank), as public functions hand axes on: a graph
  /// from a file may hold others.
  void require_axis(int axis, int input = 0) const;
  /// Likewise for a list, in which no axis stands twice.
  void require_axes(const Axes& axes, int input = 0) const;
  /// The common dtype of the inputs by NumPy 2's rules; weak numbers give way to tensors.
  [[nodiscard]] DType promoted() const;
  /// The shape to which all inputs broadcast. Throws `ShapeError` naming them.
  [[nodiscard]] Shape broadcast_shape() const;

  // ---- What the rule says ---------------------------------------------------------------------
  /// The next result.
  void out(DType dtype, const Shape& shape) { add({dtype, shape}); }
  /// The next result, for operators that write only some of its elements.
  void out_starting(DType dtype, const Shape& shape, int start) { add({dtype, shape, start}); }
  /// The next result, a number: rank 0 and weak.
  void out_weak(DType dtype) { add({.dtype = dtype, .shape = {}, .weak = true}); }
  /// Inputs are converted to this dtype before the operator sees them; without a call each keeps
  /// its own.
  void convert(DType dtype) {
    operand_ = dtype;
    converted_ = true;
  }
  /// The same for the inputs from `first` on only: `where`'s condition stays bool.
  void convert_from(int first, DType dtype) {
    convert(dtype);
    first_converted_ = first;
  }

  /// `op: message: float32[2,3], float32[4,5], at model.cpp:41` as an error of type E; a function
  /// that calls the operator for its own ends may put its own name there.
  template <class E>
  [[noreturn]] void fail(std::string_view message) const {
    throw detail::UnnamedError<E>(op_.name, rule(message), where_);
  }
  /// Throws `DTypeError` unless the dtype fits: `require(is_float(dtype(0)), "takes floats")`.
  void require_dtype(bool fits, std::string_view rule) const {
    if (!fits) fail<DTypeError>(rule);
  }

  [[nodiscard]] std::span<const Spec> results() const {
    return {results_.data(), static_cast<std::size_t>(count_)};
  }
  /// The dtype in which the operator sees an input.
  [[nodiscard]] DType operand_dtype(int input) const {
    return converted_ && input >= first_converted_ ? operand_ : dtype(input);
  }

 private:
  [[nodiscard]] const Tensor& tensor(int input) const { return input_of(inputs_, input); }
  [[nodiscard]] std::string rule(std::string_view message) const;

  const Op& op_;
  const Attributes& attributes_;
  std::span<const Tensor> inputs_;
  Where where_;
  void add(const Spec& spec);

  std::array<Spec, max_results> results_;
  int count_ = 0;
  int first_converted_ = 0;
  DType operand_ = float32;
  bool converted_ = false;
};

// ---- Rules that many operators share ----------------------------------------------------------
enum class Kinds : std::uint8_t { any, number, floating, integer, integer_or_bool };

/// Result like the only input; `floating` turns integers and bool into float64 first, as NumPy
/// does. Arithmetic on bool alone is a `DTypeError` that points to the logical operators.
template <Kinds kinds>
RILL_API void same_shape(Infer& i);
/// Elementwise over several inputs, promoted and broadcast.
template <Kinds kinds>
RILL_API void broadcast_rule(Infer& i);
/// The same with a bool result.
RILL_API void comparison_rule(Infer& i);

}  // namespace rill
