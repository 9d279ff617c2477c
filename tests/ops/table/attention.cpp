#include <rill/ops/attention.h>

#include <algorithm>
#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// A batch of matrices whose rows are exp(x) over their sum.
Array softmax_of_rows(const Array& x) {
  return array_of(x.shape, [&](const Sizes& at) {
    double total = 0;
    for (std::int64_t j = 0; j < x.shape[2]; ++j) total += std::exp(x({at[0], at[1], j}));
    return std::exp(x(at)) / total;
  });
}

}  // namespace

std::vector<Row> attention_rows() {
  return {
      {.name = "scaled_dot_product_attention",
       .cases = {{{{{2, 3, 4}}, {{2, 5, 4}}, {{2, 5, 2}}},
                  [](Tensors x) { return scaled_dot_product_attention(x[0], x[1], x[2]); },
                  [](Arrays x) {
                    const Array scores = array_of({2, 3, 5}, [&](const Sizes& at) {
                      double sum = 0;
                      for (std::int64_t l = 0; l < 4; ++l)
                        sum += x[0]({at[0], at[1], l}) * x[1]({at[0], at[2], l});
                      return sum / 2;
                    });
                    const Array p = softmax_of_rows(scores);
                    return array_of({2, 3, 2}, [&](const Sizes& at) {
                      double sum = 0;
                      for (std::int64_t l = 0; l < 5; ++l)
                        sum += p({at[0], at[1], l}) * x[2]({at[0], l, at[2]});
                      return sum;
                    });
                  },
                  "a batch",
                  false}},
       .dtypes = {float32, float64},
       .order = 2,
       .epsilons = 16,
       .generated = false,
       .scaled = true},
  };
}

}  // namespace rill::table
