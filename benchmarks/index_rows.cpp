// Rows of a table at random places: picked, and added to.

#include <rill/rill.h>

#include "floors.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr std::int64_t rows = 1'000'000;
constexpr std::int64_t columns = 64;
constexpr std::size_t table_bytes = rows * columns * sizeof(float);
constexpr std::size_t index_bytes = rows * sizeof(std::int64_t);

Tensor random_rows() { return rng::randint({rows}, 0, rows); }

Work gather_rows() {
  return {.run = [table = rng::normal({rows, columns}),
                  at = random_rows()] { return take(table, at, 0); },
          .floors = streaming(table_bytes + index_bytes, table_bytes)};
}

/// Into zeros that are made in the call. Updates come in any order, so the destination is read too.
Work scatter_add_rows() {
  return {.run =
              [updates = rng::normal({rows, columns}), at = random_rows()] {
                return scatter(zeros({rows, columns}), at, updates, 0, {.mode = ScatterMode::add});
              },
          .floors = streaming(2 * table_bytes + index_bytes, table_bytes)};
}

}  // namespace

std::vector<Row> index_rows() {
  return {{"gather_rows", gather_rows}, {"scatter_add_rows", scatter_add_rows}};
}

}  // namespace rill::bench
