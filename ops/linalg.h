/// Products of vectors and matrices, and matrices' triangles.
/// Invariant: products of half types accumulate in float32 and round once; integers wrap; which way
/// a product is cut into blocks depends on its shape alone, so results do not depend on threads or
/// layouts.
#pragma once

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

struct MatmulOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool transpose_a = false;  ///< `a` is (..., k, m)
  bool transpose_b = false;  ///< `b` is (..., n, k)
};

/// The matrix product (..., m, k) @ (..., k, n) -> (..., m, n), with leading axes broadcast; a
/// vector on the left is a row and one on the right a column, and its axis is left out of the
/// result (NumPy's `matmul`). Takes numbers of any dtype. Throws `ShapeError` when inner sizes
/// differ or an operand is a scalar, `DTypeError` for bool.
///
///     Tensor x = ones({64, 784});
///     Tensor w = ones({784, 128});
///     Tensor y = matmul(x, w);
///     y                                         // float32[64,128]
///     matmul(y, w, {.transpose_b = true})       // float32[64,784]
RILL_API Tensor matmul(const Operand& a, const Operand& b, const MatmulOptions& options = {});

/// The inner product of two vectors; of matrices the matrix product. More axes are a `ShapeError`.
RILL_API Tensor dot(const Operand& a, const Operand& b);

/// Every product of an element of `a` with one of `b`: (a.size, b.size). Takes tensors of any
/// shape, as one axis.
RILL_API Tensor outer(const Operand& a, const Operand& b);

// ---- Triangles of the last two axes -----------------------------------------------------------
/// Zero above the diagonal that stands `offset` columns to the right of the main one.
RILL_API Tensor tril(const Tensor& x, int offset = 0, Where where = Where::here());
/// Zero below that diagonal.
RILL_API Tensor triu(const Tensor& x, int offset = 0, Where where = Where::here());

}  // namespace rill
