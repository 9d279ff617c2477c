// Products of matrices, beside the libraries called directly.

#include <string>

#include <rill/rill.h>

#include "libraries.h"
#include "row.h"

namespace rill::bench {
namespace {

Work square_matmul(std::int64_t n, DType dtype) {
  const int repeats = n <= 64 ? 100 : 1;
  return {.run =
              [=, a = rng::normal({n, n}, {.dtype = dtype}),
               b = rng::normal({n, n}, {.dtype = dtype})] {
                for (int i = 0; i < repeats; ++i) const Tensor c = matmul(a, b);
              },
          .times = static_cast<double>(repeats),
          .floors = direct_matmul(n, dtype)};
}

Work batched_matmul() {
  constexpr std::int64_t batch = 1024;
  constexpr std::int64_t n = 32;
  return {.run = [a = rng::normal({batch, n, n}),
                  b = rng::normal({batch, n, n})] { return matmul(a, b); },
          .floors = direct_batched_matmul(batch, n)};
}

}  // namespace

std::vector<Row> matmul_rows() {
  std::vector<Row> rows;
  for (const DType dtype : {DType::float32, DType::float64}) {
    for (const std::int64_t n : {8, 16, 32, 64, 128, 256, 512, 1024, 2048}) {
      rows.push_back({"matmul_" + std::to_string(n) + (dtype == DType::float64 ? "_f64" : ""),
                      [=] { return square_matmul(n, dtype); }});
    }
  }
  rows.push_back({"matmul_batched", batched_matmul});
  return rows;
}

}  // namespace rill::bench
