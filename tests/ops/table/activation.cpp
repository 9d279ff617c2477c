#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double gelu_approximation(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}

}  // namespace

std::vector<Row> activation_rows() {
  std::vector<Row> rows = {
      real(
          "sigmoid", [](auto& x) { return sigmoid(x); }, sigmoid_of),
      real(
          "softplus", [](auto& x) { return softplus(x); },
          [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }),
      with(unary(
               "relu", [](auto& x) { return relu(x); }, [](double x) { return x < 0 ? 0 : x; },
               numbers),
           2),
      real(
          "silu", [](auto& x) { return silu(x); }, [](double x) { return x * sigmoid_of(x); }),
      real(
          "gelu", [](auto& x) { return gelu(x); },
          [](double x) { return x * normal_distribution(x); }),

      // ---- Their gradients --------------------------------------------------------------------
      with(
          binary(
              "relu_gradient", [](auto& dy, auto& y) { return call_named("relu_gradient", dy, y); },
              [](double dy, double y) { return y > 0 ? dy : 0; }),
          2),
      with(binary(
               "sigmoid_gradient",
               [](auto& dy, auto& y) { return call_named("sigmoid_gradient", dy, y); },
               [](double dy, double y) { return dy * y * (1 - y); }, floats, 0.1, 0.9),
           2, 8),
      with(
          binary(
              "silu_gradient", [](auto& dy, auto& x) { return call_named("silu_gradient", dy, x); },
              [](double dy, double x) {
                return dy * sigmoid_of(x) * (1 + x * (1 - sigmoid_of(x)));
              },
              floats, 0, 2),
          2, 16),
  };
  for (Row& row : rows) {
    if (row.name == "gelu") {
      for (Case& c : row.cases) {
        c.name += ", exact";
      }
      row.cases.push_back({{{{3, 5}, -4, 4}},
                           [](Tensors x) { return gelu(x[0], {.approximate = true}); },
                           [](Arrays x) {
                             Array y = x[0];
                             for (double& v : y.values) v = gelu_approximation(v);
                             return y;
                           },
                           "approximate"});
      row.scaled = true;
      row.also = {"gelu_gradient"};
    }
    // A denormal factor has few digits, and an infinite one times 0 is NaN.
    if (row.name == "silu" || row.name == "gelu") row.cases[3].reference = {};
    if (row.name == "silu" || row.name == "softplus") row.epsilons = 8;
  }
  return rows;
}

}  // namespace rill::table
