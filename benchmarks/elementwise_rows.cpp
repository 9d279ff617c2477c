// Additions that are bound by memory, over every kind of layout.

#include <utility>

#include <rill/rill.h>

#include "floors.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr std::int64_t side = 4096;
constexpr std::int64_t count = side * side;
constexpr std::size_t bytes = count * sizeof(float);

Work add_of(Tensor a, Tensor b, std::size_t bytes_read) {
  return {.run = [a = std::move(a), b = std::move(b)] { return a + b; },
          .floors = streaming(bytes_read, bytes)};
}

Work add_large() { return add_of(rng::normal({count}), rng::normal({count}), 2 * bytes); }

Work add_row() { return add_of(rng::normal({side, side}), rng::normal({side}), bytes); }

Work add_column() { return add_of(rng::normal({side, side}), rng::normal({side, 1}), bytes); }

Work add_transposed() {
  const Tensor x = rng::normal({side, side});
  return add_of(x, x.transpose(), bytes);  // the same memory twice
}

Work add_strided() {
  const auto every_other = [] { return rng::normal({2 * count})(slice(0, 2 * count, 2)); };
  return add_of(every_other(), every_other(), 4 * bytes);  // of each cache line one half
}

}  // namespace

std::vector<Row> elementwise_rows() {
  return {{"add_large", add_large},
          {"add_row", add_row},
          {"add_column", add_column},
          {"add_transposed", add_transposed},
          {"add_strided", add_strided}};
}

}  // namespace rill::bench
