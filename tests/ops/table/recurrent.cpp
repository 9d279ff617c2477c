#include <rill/ops/recurrent.h>

#include <cmath>
#include <vector>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Steps through x (t, b, i) from zeros; gates i, f, g, o.
Array stepped(const Array& x, const Array& w, const Array& u, const Array& bias) {
  const std::int64_t steps = x.shape[0], batch = x.shape[1], units = u.shape[0];
  Array outputs({steps, batch, units});
  Array h({batch, units});
  Array c({batch, units});
  for (std::int64_t t = 0; t < steps; ++t) {
    const Array before = h;
    for_each_index({batch, units}, [&](const Sizes& at) {
      std::array<double, 4> z{};
      for (std::int64_t gate = 0; gate < 4; ++gate) {
        const std::int64_t column = gate * units + at[1];
        double sum = bias({column});
        for (std::int64_t l = 0; l < x.shape[2]; ++l) sum += x({t, at[0], l}) * w({l, column});
        for (std::int64_t l = 0; l < units; ++l) sum += before({at[0], l}) * u({l, column});
        z[static_cast<std::size_t>(gate)] = sum;
      }
      c(at) = sigmoid(z[1]) * c(at) + sigmoid(z[0]) * std::tanh(z[2]);
      h(at) = sigmoid(z[3]) * std::tanh(c(at));
      outputs({t, at[0], at[1]}) = h(at);
    });
  }
  return outputs;
}

Input half(const Sizes& shape) { return {.shape = shape, .dtype = float16}; }

Case layer(const std::vector<Input>& inputs, const char* what) {
  return {inputs, [](Tensors x) { return lstm(x[0], x[1], x[2], x[3]).outputs; },
          [](Arrays x) { return stepped(x[0], x[1], x[2], x[3]); }, what, false};
}

/// A case whose result is the state after the last step, of operands that end with the state before
/// the first.
Case last_state(const std::vector<Input>& inputs, const char* what) {
  return {inputs,
          [](Tensors x) {
            const auto [outputs, h, c] = lstm(x[0], x[1], x[2], x[3], {.h = x[4], .c = x[5]});
            return concat({h, c}, -1);
          },
          {},
          what,
          false};
}

Case one_step(const std::vector<Input>& inputs, const char* what) {
  return {inputs,
          [](Tensors x) { return lstm_cell(x[0], x[1], x[2], x[3], x[4], x[5]).h; },
          {},
          what,
          false};
}

}  // namespace

std::vector<Row> recurrent_rows() {
  return {
      {.name = "lstm",
       .cases =
           {layer({{{3, 2, 2}}, {{2, 12}}, {{3, 12}}, {{12}}}, "three steps"),
            layer({{{3, 2, 0}}, {{0, 12}}, {{3, 12}}, {{12}}}, "no features"),
            layer({{{3, 2, 2}}, {{2, 0}}, {{0, 0}}, {{0}}}, "no units"),
            layer({{{0, 2, 2}}, {{2, 12}}, {{3, 12}}, {{12}}}, "no steps"),
            layer({{.shape = {3, 2, 2}, .dtype = int8}, {{2, 12}}, {{3, 12}}, {{12}}}, "integers"),
            layer({{{3, 2, 2}}, half({2, 12}), half({3, 12}), {{12}}}, "half weights"),
            layer({half({3, 2, 2}), half({2, 12}), half({3, 12}), {{12}}}, "a wider bias"),
            last_state({{{2, 1, 2}}, {{2, 8}}, {{2, 8}}, {{8}}, {{1, 2}}, {{1, 2}}}, "the state"),
            last_state({{{0, 1, 2}}, {{2, 8}}, {{2, 8}}, {{8}}, half({1, 2}), {{1, 2}}},
                       "the state after no steps"),
            last_state({half({2, 1, 2}), half({2, 8}), half({2, 8}), half({8}), {{1, 2}}, {{1, 2}}},
                       "a wider state")},
       .dtypes = {float32, float64},
       .order = 2,
       .epsilons = 32,
       .generated = false,
       .scaled = true,
       .bad = {{[] { lstm(zeros({3, 2, 2}), zeros({2, 12}), zeros({3, 8}), zeros({12})); },
                "ShapeError",
                "lstm: sizes are x (time, batch, features), weights (features, 4 h) and (h, 4 h), "
                "bias (4 h), state "
                "(batch, h): float32[3,2,2], float32[2,12], float32[3,8], float32[12], "
                "float32[2,3], float32[2,3]"}}},
      {.name = "lstm_gates",
       .cases = {one_step({{{2, 3}}, {{2, 2}}, {{2, 2}}, {{3, 8}}, {{2, 8}}, {{8}}}, "one step"),
                 one_step({{{2, 3}}, half({2, 2}), half({2, 2}), {{3, 8}}, {{2, 8}}, {{8}}},
                          "a half state"),
                 one_step(
                     {half({2, 3}), half({2, 2}), {{2, 2}}, half({3, 8}), half({2, 8}), half({8})},
                     "a wider cell")},
       .dtypes = {float32, float64},
       .order = 2,
       .generated = false,
       .also = {"lstm_cell", "lstm_gates_gradient"}},
  };
}

}  // namespace rill::table
