/// One operator over a table of operands: many small updates as one piece of work.
/// Invariant: gives the bits that as many single calls give; a table that throws has changed
/// nothing.
#pragma once

#include <cstddef>
#include <span>

#include <rill/ops/attributes.h>
#include <rill/ops/op.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// For every row of `table`: its first `results` tensors become `op(row..., shared...)`, in their
/// own memory where nobody else can see it. Rows have `width` tensors of one shape, the same dtypes
/// in every row, contiguous; `shared` are numbers and tensors of shape []. The operator is
/// pointwise, looks at no positions and makes `results` results. Listeners hear one call per row.
RILL_API void call_table(const Op& op, std::span<Tensor> table, std::size_t width,
                         std::size_t results, std::span<const Tensor> shared,
                         const Attributes& attributes, Where where);

}  // namespace rill
