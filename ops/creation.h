/// Operators that make tensors of nothing but sizes and numbers.
/// Invariant: they are operators like others, so graphs hold them and no elements. Negative sizes
/// are a `ShapeError`.
#pragma once

#include <concepts>

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// `zeros({2, 3})`, `zeros({2, 3}, int64)`.
RILL_API Tensor zeros(const Shape& shape, DType dtype = float32, Where where = Where::here());
RILL_API Tensor ones(const Shape& shape, DType dtype = float32, Where where = Where::here());
/// `value` everywhere: `full({2, 3}, 7)` is int64, `full({2, 3}, 0.5)` float32.
RILL_API Tensor full(const Shape& shape, const Operand& value);
RILL_API Tensor full(const Shape& shape, const Operand& value, DType dtype);
/// With the shape and dtype of `x`.
RILL_API Tensor zeros_like(const Tensor& x, Where where = Where::here());
RILL_API Tensor zeros_like(const Tensor& x, DType dtype, Where where = Where::here());
RILL_API Tensor ones_like(const Tensor& x, Where where = Where::here());
RILL_API Tensor ones_like(const Tensor& x, DType dtype, Where where = Where::here());
RILL_API Tensor full_like(const Tensor& x, const Operand& value);

/// 1 where column minus row is `offset`, 0 elsewhere, float32: [rows, columns].
///
///     eye(2)     // [[1, 0], [0, 1]]
RILL_API Tensor eye(Dim rows, DType dtype = float32, Where where = Where::here());
RILL_API Tensor eye(Dim rows, Dim columns, int offset = 0, DType dtype = float32,
                    Where where = Where::here());

/// 0, 1, 2 ... below `last`: int64 of integers, float32 of floats.
///
///     arange(4)              // [0, 1, 2, 3]
///     arange(1.0, 2.0, 0.5)  // [1, 1.5]
RILL_API Tensor arange(Scalar last, Where where = Where::here());
/// `first`, `first + step` ... before `last`. A step of zero is a `ValueError`.
RILL_API Tensor arange(Scalar first, Scalar last, Scalar step = 1, Where where = Where::here());
RILL_API Tensor arange(Scalar first, Scalar last, Scalar step, DType dtype,
                       Where where = Where::here());
/// 0, 1, 2 ... for each element of a size, which need not be known: `arange(x.dim(0))`.
template <std::same_as<Dim> T>
Tensor arange(T size, Where where = Where::here());

/// `count` numbers from `first` to `last`, both included, at equal distances.
///
///     linspace(0, 1, 5)      // [0, 0.25, 0.5, 0.75, 1]
RILL_API Tensor linspace(double first, double last, std::int64_t count, DType dtype = float32,
                         Where where = Where::here());

/// A size as a tensor for arithmetic, weak as a number is. While the size is symbolic, the tensor
/// is abstract and the result of an operator that gives the number once there is one.
RILL_API Tensor size_tensor(Dim size, Where where = Where::here());

namespace detail {
RILL_API Tensor arange(Dim size, Where where);
}  // namespace detail
template <std::same_as<Dim> T>
Tensor arange(T size, Where where) {
  return detail::arange(size, where);
}

}  // namespace rill
