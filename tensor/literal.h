/// Tensors from nested braces, spans and vectors: `tensor({{1, 2}, {3, 4}})`.
/// Invariant: a factory, never an initializer-list constructor, so that `Tensor{2, 3}` cannot be
/// mistaken for a shape.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>
#include <rill/tensor/range.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// A number, or a braced list of literals of equal shapes. Lives only inside the call that it is
/// written in.
class RILL_API Literal {
 public:
  template <class T>
    requires std::is_arithmetic_v<T> || std::same_as<T, Half> || std::same_as<T, BFloat16>
  Literal(T number) : scalar_(number) {}  // NOLINT(google-explicit-constructor)
  Literal(std::initializer_list<Literal> items)
      : items_(std::data(items)), count_(items.size()), list_(true) {}

  [[nodiscard]] bool is_list() const { return list_; }
  [[nodiscard]] std::span<const Literal> items() const { return {items_, count_}; }
  [[nodiscard]] const Scalar& scalar() const { return scalar_; }

 private:
  Scalar scalar_;
  const Literal* items_ = nullptr;
  std::size_t count_ = 0;
  bool list_ = false;
};

/// A tensor of literal numbers: float and double give float32, integers int64, bools bool; mixed
/// lists the widest. Integers beyond int64 give uint64, and float64 beside negative ones, as in
/// NumPy. Throws `ShapeError` when the rows have different lengths.
///
///     tensor({{1, 2}, {3, 4}})      // int64[2,2]
///     tensor({1.5, 2})              // float32[2]
///     tensor(3.0)                   // float32[]
RILL_API Tensor tensor(const Literal& literal, Where where = Where::here());
RILL_API Tensor tensor(const Literal& literal, DType dtype, Where where = Where::here());
inline Tensor tensor(std::initializer_list<Literal> items, Where where = Where::here()) {
  return tensor(Literal(items), where);
}
inline Tensor tensor(std::initializer_list<Literal> items, DType dtype,
                     Where where = Where::here()) {
  return tensor(Literal(items), dtype, where);
}

/// A copy of `elements` under `shape`, with their own dtype. Throws `ShapeError` when the counts
/// differ.
RILL_API Tensor tensor_from(const void* elements, std::int64_t count, DType dtype,
                            const Shape& shape, Where where = Where::here());
template <ContiguousRange R>
  requires Element<ElementOf<R>>
Tensor tensor(const R& elements, const Shape& shape, Where where = Where::here()) {
  return tensor_from(std::data(elements), static_cast<std::int64_t>(std::size(elements)),
                     dtype_of<ElementOf<R>>, shape, where);
}
template <ContiguousRange R>
  requires Element<ElementOf<R>>
Tensor tensor(const R& elements, Where where = Where::here()) {
  return tensor(elements, Shape{static_cast<std::int64_t>(std::size(elements))}, where);
}

}  // namespace rill
