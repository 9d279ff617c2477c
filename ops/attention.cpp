#include <rill/ops/attention.h>

#include <cmath>
#include <limits>

#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/linalg.h>
#include <rill/ops/softmax.h>
#include <rill/tensor/user_call.h>

namespace rill {

Tensor scaled_dot_product_attention(const Operand& query, const Operand& key, const Operand& value,
                                    const AttentionOptions& options) {
  const detail::UserCall scope("scaled_dot_product_attention", query.where());
  const Where where = query.where();
  const Tensor &q = query.tensor(), &k = key.tensor(), &v = value.tensor();
  if (!q.defined() || !k.defined() || !v.defined())
    detail::fail_undefined("scaled_dot_product_attention", where);
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2) {
    throw ShapeError(
        "scaled_dot_product_attention: query, key and value have at least the axes (position, "
        "feature): " +
        q.type_text() + ", " + k.type_text() + ", " + v.type_text() + where.suffix());
  }
  const double scale =
      options.scale != 0 ? options.scale : 1.0 / std::sqrt(static_cast<double>(q.dim(-1).value()));
  Tensor scores = matmul({multiply(query, scale), where}, k, {.transpose_b = true});  // (..., q, k)
  if (options.causal) {
    const Tensor rows = arange(scores.dim(-2)).reshape({-1, 1});
    const Tensor columns = arange(scores.dim(-1));
    scores = rill::where(columns <= rows, scores, -std::numeric_limits<double>::infinity());
  }
  return matmul({softmax(scores), where}, v);
}

}  // namespace rill
