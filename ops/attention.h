/// Attention, composed of products and a softmax.
/// Invariant: gradients and dtypes are those of its parts.
#pragma once

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct AttentionOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};
  bool causal = false;  ///< position i attends to positions up to i
  double scale = 0;     ///< of the products; 0 stands for 1 / sqrt(d)
};
/// softmax(query key^T * scale) value (Vaswani et al. 2017). query float[..., q, d], key [..., k,
/// d], value [..., k, e]
/// -> [..., q, e].
RILL_API Tensor scaled_dot_product_attention(const Operand& query, const Operand& key,
                                             const Operand& value,
                                             const AttentionOptions& options = {});

}  // namespace rill
