#include <rill/ops/sort.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

Array sorted_positions(const Array& x, std::size_t axis, bool descending) {
  return array_of(x.shape, [&](const Sizes& at) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(x.shape[axis]));
    std::iota(order.begin(), order.end(), 0);
    const auto value = [&](std::int64_t i) {
      Sizes place = at;
      place[axis] = i;
      return x(place);
    };
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      const double p = value(a);
      const double q = value(b);
      if (std::isnan(p) || std::isnan(q)) return !std::isnan(p) && std::isnan(q);
      return descending ? p > q : p < q;
    });
    return static_cast<double>(order[static_cast<std::size_t>(at[axis])]);
  });
}

}  // namespace

std::vector<Row> sort_rows() {
  return {
      {.name = "argsort",
       .cases = {{{{{3, 7}}},
                  [](Tensors x) { return argsort(x[0]); },
                  [](Arrays x) { return sorted_positions(x[0], 1, false); },
                  "rows"},
                 {{{{4, 3}}},
                  [](Tensors x) { return argsort(x[0], 0, {.descending = true}); },
                  [](Arrays x) { return sorted_positions(x[0], 0, true); },
                  "columns, largest first"},
                 {{{{6}, 0, 0, {1, 0, -0.0, 1, 0, -1}}},
                  [](Tensors x) { return argsort(x[0]); },
                  [](Arrays x) { return sorted_positions(x[0], 0, false); },
                  "equal elements keep their order",
                  true,
                  true,
                  true},
                 {{{{5}, 0, 0, {NAN, 1, NAN, -INFINITY, INFINITY}}},
                  [](Tensors x) { return argsort(x[0], 0, {.descending = true}); },
                  [](Arrays x) { return sorted_positions(x[0], 0, true); },
                  "NaN last",
                  true,
                  true,
                  true}},
       .dtypes = everything,
       .result = index_type,
       .generated = false,
       .bad = {{[] { argsort(tensor(1.0)); }, "ShapeError",
                "argsort: a scalar has no axis to sort: float32[]"}}},
  };
}

}  // namespace rill::table
