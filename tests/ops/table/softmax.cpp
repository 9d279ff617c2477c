#include <rill/ops/softmax.h>

#include <algorithm>
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

}  // namespace

std::vector<Row> softmax_rows() {
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
               {[] { cross_entropy(zeros({2, 0}), tensor({0, 0})); }, "IndexError",
                "cross_entropy: there are no classes for labels to name: float32[2,0], int64[2]"},
               {[] { cross_entropy(logits, tensor({0, 1, 2})); }, "ShapeError",
                "cross_entropy: labels have the shape of the logits without the last axis: "
                "float32[2,3], int64[3]"},
               {[] { cross_entropy(logits, zeros({2})); }, "DTypeError",
                "cross_entropy: takes integer labels: float32[2,3], float32[2]"}},
       .also = {"cross_entropy_gradient"}},
  };
}

}  // namespace rill::table
