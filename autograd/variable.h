/// `Variable`: state that is shared and updated: a model's weights, an optimizer's moments.
/// Invariant: a handle, so copies are the same variable; its dtype and shape never change; reading
/// and assigning are atomic, and what was read never changes afterwards.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

#include <rill/tensor/index.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

namespace detail {
struct VariableState;

// What the compiler prints where somebody assigns to a variable as if it were a tensor.
struct to_change_a_variable_write_assign;
struct to_add_to_a_variable_write_assign_add;
struct to_subtract_from_a_variable_write_assign_sub;
struct to_scale_a_variable_assign_the_product;
struct to_change_an_element_change_a_copy_of_the_value_and_assign_it;
}  // namespace detail

struct VariableOptions {
  std::string_view name = {};  ///< empty: `variable`, `variable_1` ...
  bool trainable = true;       ///< watched by tapes, updated by `Optimizer::minimize`
};

/// A named, typed place for a tensor.
///
///     Variable w(zeros({3, 2}), "w");
///     Tensor y = matmul(x, w);        // reads as a tensor
///     w.assign_sub(0.1 * dw);         // in place when nobody else holds the value
///
/// Being a handle, it is changed through const copies too, as what a `std::shared_ptr` points to.
class RILL_API Variable {
 public:
  /// No variable; using it is a `ValueError`.
  Variable() = default;
  /// A variable that starts with `initial`; a number makes a float32, int64 or bool variable of
  /// shape [].
  explicit Variable(const Operand& initial, std::string_view name = {})
      : Variable(initial, VariableOptions{name}) {}
  Variable(const Operand& initial, const VariableOptions& options);
  Variable(const Variable&) = default;
  Variable(Variable&&) = default;
  ~Variable() = default;
  /// Makes this handle another variable's, and changes no value: `layer.w = Variable(zeros({3}));`.
  Variable& operator=(const Variable& other) = default;
  Variable& operator=(Variable&& other) = default;

  /// The value now. Throws `ValueError` when there is no variable.
  [[nodiscard]] Tensor value(Where where = Where::here()) const;
  // NOLINTNEXTLINE(google-explicit-constructor): reads as a tensor
  operator Tensor() const { return value({}); }

  /// Replaces the value. Throws `DTypeError` or `ShapeError` unless dtype and shape are the
  /// variable's; a number is converted to the dtype and fits shape [].
  void assign(const Operand& value) const;
  /// value + delta, in place when nobody else holds the value. Throws `ShapeError` unless `delta`
  /// broadcasts to the variable's shape, `DTypeError` where the sum would have another dtype:
  /// nothing is rounded unasked, as by `+=` of tensors.
  void assign_add(const Operand& delta) const;
  /// value - delta, likewise.
  void assign_sub(const Operand& delta) const;

  [[nodiscard]] bool defined() const { return state_ != nullptr; }
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] bool trainable() const;
  [[nodiscard]] DType dtype() const;
  [[nodiscard]] const Shape& shape() const;
  [[nodiscard]] int rank() const { return shape().rank(); }
  [[nodiscard]] Dim dim(int axis, Where where = Where::here()) const;
  [[nodiscard]] std::int64_t size() const { return shape().size().value(); }
  /// Kept for life; copies share it.
  [[nodiscard]] std::uint64_t id() const;
  /// Another after every assignment, and never again the same.
  [[nodiscard]] std::uint64_t version() const;

  // Elements of the value, as of a tensor.
  Tensor operator()(const Index& i0, const Index& i1 = detail::no_index,
                    const Index& i2 = detail::no_index, const Index& i3 = detail::no_index,
                    const Index& i4 = detail::no_index, const Index& i5 = detail::no_index,
                    const Index& i6 = detail::no_index, const Index& i7 = detail::no_index,
                    Where where = Where::here()) const;

  // Not these: one could not see whether the handle or the value changes.
  detail::to_change_a_variable_write_assign operator=(const Operand&) = delete;
  detail::to_add_to_a_variable_write_assign_add operator+=(const Operand&) = delete;
  detail::to_subtract_from_a_variable_write_assign_sub operator-=(const Operand&) = delete;
  detail::to_scale_a_variable_assign_the_product operator*=(const Operand&) = delete;
  detail::to_scale_a_variable_assign_the_product operator/=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator%=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator&=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator|=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator^=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator<<=(const Operand&) = delete;
  detail::to_change_a_variable_write_assign operator>>=(const Operand&) = delete;
  template <class... Indices>
  detail::to_change_an_element_change_a_copy_of_the_value_and_assign_it at(const Indices&...) =
      delete;

  /// For the floors above.
  [[nodiscard]] detail::VariableState& state(Where where = {}) const {
    if (state_ == nullptr) fail_undefined(where);
    return *state_;
  }

 private:
  using Update = Tensor& (Tensor::*)(const Operand&);
  void update(const char* operation, Update apply, const Operand& delta) const;
  void tell_assignment(const Tensor& value, Where where) const;
  [[noreturn]] static void fail_undefined(Where where);

  std::shared_ptr<detail::VariableState> state_;
};

/// `Variable 'w' float32[2]: [1. 2.]`.
RILL_API std::ostream& operator<<(std::ostream& out, const Variable& variable);

}  // namespace rill
