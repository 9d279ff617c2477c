#include <rill/ops/normalization.h>

#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// Mean and biased variance of `x` along the axes that `same` leaves open, at an index.
std::pair<double, double> moments(const Array& x, const Sizes& at, const std::vector<bool>& along) {
  double sum = 0;
  double squares = 0;
  double count = 0;
  const auto visit = [&](auto f) {
    for_each_index(x.shape, [&](const Sizes& other) {
      for (std::size_t d = 0; d < at.size(); ++d) {
        if (!along[d] && other[d] != at[d]) return;
      }
      f(x(other));
    });
  };
  visit([&](double v) { sum += v, ++count; });
  const double mean = sum / count;
  visit([&](double v) { squares += (v - mean) * (v - mean); });
  return {mean, squares / count};
}

Array normalized(const Array& x, const Array& gamma, const Array& beta,
                 const std::vector<bool>& along, double epsilon,
                 const std::function<Sizes(const Sizes&)>& of_gamma) {
  return array_of(x.shape, [&](const Sizes& at) {
    const auto [mean, variance] = moments(x, at, along);
    return (x(at) - mean) / std::sqrt(variance + epsilon) * gamma(of_gamma(at)) +
           beta(of_gamma(at));
  });
}

}  // namespace

std::vector<Row> normalization_rows() {
  return {
      {.name = "layer_norm",
       .cases = {{{{{3, 5}}, {{5}}, {{5}}},
                  [](Tensors x) { return layer_norm(x[0], x[1], x[2]); },
                  [](Arrays x) {
                    return normalized(x[0], x[1], x[2], {false, true}, 1e-5,
                                      [](const Sizes& at) { return Sizes{at[1]}; });
                  },
                  "the last axis",
                  false},
                 {{{{2, 3, 4}}, {{3, 4}}, {{3, 4}}},
                  [](Tensors x) { return layer_norm(x[0], x[1], x[2], {.axes = {1, 2}}); },
                  [](Arrays x) {
                    return normalized(x[0], x[1], x[2], {false, true, true}, 1e-5,
                                      [](const Sizes& at) { return Sizes{at[1], at[2]}; });
                  },
                  "the last two axes",
                  false}},
       .dtypes = floats,
       .order = 2,
       .epsilons = 8,
       .scaled = true,
       .bad = {{[] { layer_norm(matrix, zeros({2}), zeros({3})); }, "ShapeError",
                "layer_norm: gamma and beta have the shape of the normalised axes: float32[2,3], "
                "float32[2], float32[3]"},
               {[] { layer_norm(matrix, zeros({3}, float64), zeros({3}, float64)); }, "DTypeError",
                "layer_norm: takes floats of one precision: float32[2,3], float64[3], float64[3]"}},
       .large = {{{300, 200}}, {{200}}, {{200}}},
       .also = {"normalization_gradient", "normalization_sums"}},
      {.name = "batch_norm",
       .cases = {{{{{4, 3}}, {{3}}, {{3}}},
                  [](Tensors x) { return batch_norm(x[0], x[1], x[2]).y; },
                  [](Arrays x) {
                    return normalized(x[0], x[1], x[2], {true, false}, 1e-5,
                                      [](const Sizes& at) { return Sizes{at[1]}; });
                  },
                  "rows",
                  false},
                 {{{{2, 3, 2, 2}}, {{3}}, {{3}}},
                  [](Tensors x) { return batch_norm(x[0], x[1], x[2], {.axis = 1}).y; },
                  [](Arrays x) {
                    return normalized(x[0], x[1], x[2], {true, false, true, true}, 1e-5,
                                      [](const Sizes& at) { return Sizes{at[1]}; });
                  },
                  "channels in the middle",
                  false}},
       .dtypes = floats,
       .order = 2,
       .epsilons = 16,
       .scaled = true,
       .bad =
           {{[] { batch_norm(matrix, zeros({2}), zeros({3})); }, "ShapeError",
             "batch_norm: gamma is one number per channel: float32[2] for axis 1 of float32[2,3]"},
            {[] { batch_norm(matrix, zeros({3}, float64), zeros({3}, float64)); }, "DTypeError",
             "batch_norm: takes floats of one precision: float32[2,3], float64[1,3], "
             "float64[1,3]"}},
       .also = {"moments", "normalize", "batch_norm_gradient", "channel_gradient",
                "batch_norm_with"}},
  };
}

}  // namespace rill::table
