// Sums, and the operators that normalise rows.

#include <rill/rill.h>

#include "floors.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr std::int64_t side = 4096;
constexpr std::size_t matrix_bytes = side * side * sizeof(float);

Work sum_over(const Axes& axes) {
  return {.run = [x = rng::normal({side, side}), axes] { return sum(x, axes); },
          .floors = streaming(matrix_bytes, 0)};
}

constexpr std::int64_t rows = 4096;
constexpr std::int64_t columns = 1024;
constexpr std::size_t rows_bytes = rows * columns * sizeof(float);

Work softmax_of_rows() {
  return {.run = [x = rng::normal({rows, columns})] { return softmax(x); },
          .floors = streaming(rows_bytes, rows_bytes)};
}

Work layer_norm_of_rows() {
  return {.run = [x = rng::normal({rows, columns}), gamma = rng::normal({columns}),
                  beta = rng::normal({columns})] { return layer_norm(x, gamma, beta); },
          .floors = streaming(rows_bytes, rows_bytes)};
}

}  // namespace

std::vector<Row> reduction_rows() {
  return {{"sum_rows", [] { return sum_over(1); }},
          {"sum_columns", [] { return sum_over(0); }},
          {"sum_all", [] { return sum_over({0, 1}); }},
          {"softmax", softmax_of_rows},
          {"layer_norm", layer_norm_of_rows}};
}

}  // namespace rill::bench
