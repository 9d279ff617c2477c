/// `Operand`: whatever an operator takes: a tensor, a variable, a size or a number, and the user's
/// line. Invariant: lives for one full expression only; it borrows the tensor it was made from.
#pragma once

#include <concepts>
#include <type_traits>

#include <rill/tensor/dim.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// Something that reads as a tensor, such as a `Variable`.
template <class T>
concept TensorLike = !std::same_as<T, Tensor> && !std::same_as<T, Operand> && std::is_class_v<T> &&
                     std::convertible_to<const T&, Tensor>;

namespace detail {
/// An abstract weak tensor; defined by the operators.
RILL_API Tensor symbolic_number(Dim size, Where where);
}  // namespace detail

/// An argument of an operator. There is no conversion from numbers to `Tensor`, only to this.
class RILL_API Operand {
 public:
  Operand(const Tensor& tensor, Where where = Where::here())  // NOLINT(google-explicit-constructor)
      : tensor_(&tensor), where_(where) {}
  template <TensorLike T>
  Operand(const T& source, Where where = Where::here())  // NOLINT(google-explicit-constructor)
      : own_(source), tensor_(&own_), where_(where) {}
  template <class T>
    requires std::is_arithmetic_v<T> || std::same_as<T, Half> || std::same_as<T, BFloat16>
  Operand(T number, Where where = Where::here())  // NOLINT(google-explicit-constructor)
      : scalar_(number), where_(where) {}
  Operand(const Scalar& number, Where where = Where::here())  // NOLINT(google-explicit-constructor)
      : scalar_(number), where_(where) {
    if (!number.is_argument()) return;
    own_ = Tensor::weak(number);
    tensor_ = &own_;
  }
  Operand(Dim size, Where where = Where::here())  // NOLINT(google-explicit-constructor)
      : where_(where) {
    if (size.known()) {
      scalar_ = size.value();
    } else {
      unknown_size_ = size;
      own_ = detail::symbolic_number(size, where);
      tensor_ = &own_;
    }
  }
  Operand(const Operand&) = delete;
  Operand& operator=(const Operand&) = delete;

  /// False for a number, but not for a symbolic size, which has no value yet, nor for an argument
  /// of a function that is recorded, which has another in each call.
  [[nodiscard]] bool is_tensor() const { return tensor_ != nullptr; }
  /// The tensor; of a number, a weak tensor made on first use.
  [[nodiscard]] const Tensor& tensor() const {
    if (tensor_ == nullptr) {
      own_ = Tensor::weak(scalar_);
      tensor_ = &own_;
    }
    return *tensor_;
  }
  [[nodiscard]] const Scalar& scalar() const { return scalar_; }
  /// The size that it was made from, if that is not known; else 0.
  [[nodiscard]] Dim unknown_size() const { return unknown_size_; }
  [[nodiscard]] Where where() const { return where_; }

 private:
  mutable Tensor own_;
  mutable const Tensor* tensor_ = nullptr;
  Dim unknown_size_;
  Scalar scalar_;
  Where where_;
};

}  // namespace rill
