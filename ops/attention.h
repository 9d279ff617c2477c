/// Attention, composed of products and a softmax.
/// Invariant: gradients and dtypes are those of its parts.
#pragma once

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct AttentionOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool causal = false;  ///< position i attends to positions up to i
  double scale = 0;     ///< of the products; 0 stands for 1 / sqrt(d)
};
/// softmax(query key^T * scale) value (Vaswani et al. 2017): of a query (..., q, d), a key (..., k,
/// d) and a value (..., k, e), all floats, an (..., q, e). Throws `ShapeError` when sizes do not
/// fit.
RILL_API Tensor scaled_dot_product_attention(const Operand& query, const Operand& key,
                                             const Operand& value,
                                             const AttentionOptions& options = {});

}  // namespace rill
