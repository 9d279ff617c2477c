#include <rill/ops/nn.h>

#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

const Tensor logits = zeros({2, 3});

Array softmax_of(const Array& x, std::size_t axis, bool logarithm) {
  return array_of(x.shape, [&](const Sizes& at) {
    Sizes other = at;
    double top = -INFINITY;
    for (other[axis] = 0; other[axis] < x.shape[axis]; ++other[axis]) top = std::max(top, x(other));
    double total = 0;
    for (other[axis] = 0; other[axis] < x.shape[axis]; ++other[axis])
      total += std::exp(x(other) - top);
    return logarithm ? x(at) - top - std::log(total) : std::exp(x(at) - top) / total;
  });
}

Case softening(bool logarithm, const Sizes& shape, int axis, const char* what) {
  return {{{shape}},
          [=](Tensors x) { return logarithm ? log_softmax(x[0], axis) : softmax(x[0], axis); },
          [=](Arrays x) {
            return softmax_of(x[0], static_cast<std::size_t>(axis < 0 ? axis + x[0].rank() : axis),
                              logarithm);
          },
          what};
}

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

std::vector<Row> nn_rows() {
  return {
      {.name = "softmax",
       .cases = {softening(false, {2, 5}, -1, "the last axis"),
                 softening(false, {3, 2, 4}, 1, "an inner axis"),
                 softening(false, {4}, 0, "a vector"), softening(false, {3, 1}, -1, "rows of one")},
       .dtypes = floats,
       .order = 2,
       .epsilons = 4,
       .bad = {{[] { softmax(logits, 2); }, "IndexError",
                "softmax: axis 2 is outside [-2, 2) for float32[2,3]"}},
       .large = {{{300, 200}}},
       .also = {"softmax_gradient"}},
      {.name = "log_softmax",
       .cases = {softening(true, {2, 5}, -1, "the last axis"),
                 softening(true, {3, 2, 4}, 0, "the first axis")},
       .dtypes = floats,
       .order = 2,
       .epsilons = 4,
       .scaled = true,
       .large = {{{300, 200}}},
       .also = {"log_softmax_gradient"}},
      {.name = "cross_entropy",
       .cases = {{{{{3, 4}}, {{3}, 0, 0, {1, 3, 0}, int64}},
                  [](Tensors x) { return cross_entropy(x[0], x[1]); },
                  [](Arrays x) {
                    const Array log_p = softmax_of(x[0], 1, true);
                    return array_of({3}, [&](const Sizes& at) {
                      return -log_p({at[0], static_cast<std::int64_t>(x[1](at))});
                    });
                  },
                  "rows",
                  false}},
       .dtypes = floats,
       .order = 2,
       .epsilons = 4,
       .scaled = true,
       .bad = {{[] { cross_entropy(logits, tensor({0, 3})); }, "IndexError",
                "cross_entropy: label 3 is outside [0, 3)"},
               {[] { cross_entropy(logits, tensor({0, -1})); }, "IndexError",
                "cross_entropy: label -1 is outside [0, 3)"},
               {[] { cross_entropy(logits, tensor({0, 1, 2})); }, "ShapeError",
                "cross_entropy: labels have the shape of the logits without the last axis: "
                "float32[2,3], int64[3]"},
               {[] { cross_entropy(logits, zeros({2})); }, "DTypeError",
                "cross_entropy: takes integer labels: float32[2,3], float32[2]"}},
       .also = {"cross_entropy_gradient"}},
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
       .bad = {{[] { layer_norm(logits, zeros({2}), zeros({3})); }, "ShapeError",
                "layer_norm: gamma and beta have the shape of the normalised axes: float32[2,3], "
                "float32[2], float32[3]"}},
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
           {{[] { batch_norm(logits, zeros({2}), zeros({3})); }, "ShapeError",
             "batch_norm: gamma is one number per channel: float32[2] for axis 1 of float32[2,3]"}},
       .also = {"moments", "normalize", "batch_norm_gradient", "channel_gradient",
                "batch_norm_with"}},
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
                    const Array p = softmax_of(scores, 2, false);
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
