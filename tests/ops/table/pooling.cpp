#include <rill/ops/pooling.h>

#include <algorithm>
#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

struct PoolingWindows {
  std::array<std::int64_t, 2> stride{1, 1}, before{0, 0}, after{0, 0};
};

/// The largest or the mean element of each window that lies inside.
Array pooled(const Array& x, std::array<std::int64_t, 2> window, const PoolingWindows& p,
             bool mean) {
  std::array<std::int64_t, 2> out{};
  for (std::size_t d = 0; d < 2; ++d) {
    out[d] = (x.shape[d + 1] + p.before[d] + p.after[d] - window[d]) / p.stride[d] + 1;
  }
  return array_of({x.shape[0], out[0], out[1], x.shape[3]}, [&](const Sizes& at) {
    double sum = 0;
    double top = -INFINITY;
    double count = 0;
    for_each_index({window[0], window[1]}, [&](const Sizes& k) {
      const std::int64_t row = at[1] * p.stride[0] + k[0] - p.before[0];
      const std::int64_t column = at[2] * p.stride[1] + k[1] - p.before[1];
      if (row < 0 || column < 0 || row >= x.shape[1] || column >= x.shape[2]) return;
      const double v = x({at[0], row, column, at[3]});
      sum += v;
      top = std::max(top, v);
      ++count;
    });
    return mean ? sum / count : top;
  });
}

}  // namespace

std::vector<Row> pooling_rows() {
  return {
      {.name = "max_pool2d",
       .cases = {{{{{2, 4, 6, 3}}},
                  [](Tensors x) { return max_pool2d(x[0], {2, 2}); },
                  [](Arrays x) { return pooled(x[0], {2, 2}, {.stride = {2, 2}}, false); },
                  "windows beside each other",
                  false},
                 {{{{1, 5, 5, 2}}},
                  [](Tensors x) {
                    return max_pool2d(x[0], {3, 3}, {.stride = {2, 2}, .padding = 1});
                  },
                  [](Arrays x) {
                    return pooled(x[0], {3, 3},
                                  {.stride = {2, 2}, .before = {1, 1}, .after = {1, 1}}, false);
                  },
                  "windows that overlap",
                  false}},
       .dtypes = numbers,
       .order = 2,
       .bad =
           {{[] { max_pool2d(images, {0, 2}); }, "ShapeError",
             "max_pool2d: the window has at least one element: float32[1,4,4,2]"},
            {[] { max_pool2d(zeros({4, 4}), {2, 2}); }, "ShapeError",
             "max_pool2d: takes images of four axes, (n, h, w, c) or (n, c, h, w): float32[4,4]"}},
       .also = {"max_pool2d_gradient", "max_pool2d_gather"}},
      {.name = "avg_pool2d",
       .cases = {{{{{2, 4, 6, 3}}},
                  [](Tensors x) { return avg_pool2d(x[0], {2, 2}); },
                  [](Arrays x) { return pooled(x[0], {2, 2}, {.stride = {2, 2}}, true); },
                  "windows beside each other",
                  false},
                 {{{{1, 5, 5, 2}}},
                  [](Tensors x) {
                    return avg_pool2d(x[0], {3, 3}, {.stride = {2, 2}, .padding = 1});
                  },
                  [](Arrays x) {
                    return pooled(x[0], {3, 3},
                                  {.stride = {2, 2}, .before = {1, 1}, .after = {1, 1}}, true);
                  },
                  "padding does not count",
                  false}},
       .dtypes = floats,
       .order = 2,
       .epsilons = 4,
       .scaled = true,
       .also = {"avg_pool2d_gradient"}},
  };
}

}  // namespace rill::table
