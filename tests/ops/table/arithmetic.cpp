#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

double floor_modulo(double a, double b) {
  if (b == 0) return 0;
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

Row clip_row() {
  Row row{.name = "clip", .dtypes = numbers};
  const auto apply = [](Tensors x) { return clip(x[0], x[1], x[2]); };
  const auto reference = [](Arrays x) {
    return array_of(x[0].shape, [&](const Sizes& at) {
      return std::fmin(std::fmax(x[0](at), broadcast_element(x[1], at)),
                       broadcast_element(x[2], at));
    });
  };
  row.cases = {{{{{3, 5}, -4, 4}, {{5}, -2, -1}, {{3, 1}, 1, 2}},
                apply,
                reference,
                "bounds of other shapes"},
               {{{{7}, -4, 4}, {{}, 1, 2}, {{}, -2, -1}}, apply, reference, "the upper bound wins"},
               {{{{0}}, {{}}, {{}}}, apply, reference, "nothing"}};
  row.order = 2;
  return row;
}

Row fma_row() {
  Row row{.name = "fma", .dtypes = floats};
  const auto apply = [](Tensors x) { return fma(x[0], x[1], x[2]); };
  const auto reference = [](Arrays x) {
    return array_of(x[0].shape, [&](const Sizes& at) {
      return std::fma(x[0](at), broadcast_element(x[1], at), broadcast_element(x[2], at));
    });
  };
  row.cases = {{{{{3, 5}}, {{5}}, {{3, 1}}}, apply, reference, "operands of other shapes"},
               {{{{7}}, {{}}, {{}}}, apply, reference, "numbers"},
               {{{{0}}, {{}}, {{}}}, apply, reference, "nothing"}};
  row.order = 2;
  return row;
}

}  // namespace

std::vector<Row> arithmetic_rows() {
  const std::string shapes =
      "shapes do not broadcast (aligned at the right, sizes must be equal or 1): float32[2,3], "
      "float32[4,5]";
  const std::string no_bool =
      "takes numbers, not bool: use logical operators, or convert with .to(int64): bool[2,3]";
  return {
      with(with(binary(
                    "add", [](auto& a, auto& b) { return a + b; },
                    [](double a, double b) { return a + b; }),
                2),
           {{[] { (void)(matrix + other_matrix); }, "ShapeError", "add: " + shapes},
            {[] { (void)((matrix > 0) + (matrix > 0)); }, "DTypeError",
             "add: " + no_bool + ", bool[2,3]"},
            {[] { (void)add(matrix, other_matrix); }, "ShapeError", "add: " + shapes}}),
      with(with(binary(
                    "subtract", [](auto& a, auto& b) { return a - b; },
                    [](double a, double b) { return a - b; }, floats),
                2),
           {{[] { (void)(matrix - other_matrix); }, "ShapeError", "subtract: " + shapes}}),
      with(binary(
               "multiply", [](auto& a, auto& b) { return a * b; },
               [](double a, double b) { return a * b; }),
           2),
      with(with(binary(
                    "divide", [](auto& a, auto& b) { return a / b; },
                    [](double a, double b) { return a / b; }, numbers, 1, 3),
                2),
           floating),
      binary(
          "floor_divide", [](auto& a, auto& b) { return floor_divide(a, b); },
          [](double a, double b) {
            return b == 0 ? 0 : std::floor((a - floor_modulo(a, b)) / b + 0.25);
          },
          numbers, 1, 20),
      with(binary(
               "remainder", [](auto& a, auto& b) { return a % b; }, floor_modulo, numbers, 1, 20),
           1),
      with(with(unary(
                    "negative", [](auto& x) { return -x; }, [](double x) { return -x; },
                    {float32, float64, float16, bfloat16, int64, int32, int16, int8}),
                2),
           {{[] { (void)-(matrix > 0); }, "DTypeError", "negative: " + no_bool}}),
      with(binary(
               "pow", [](auto& a, auto& b) { return pow(a, b); },
               [](double a, double b) { return std::pow(a, b); }, numbers, 0.5, 3),
           2, 4),
      with(
          unary(
              "square", [](auto& x) { return square(x); }, [](double x) { return x * x; }, numbers),
          2),
      with(
          unary(
              "abs", [](auto& x) { return abs(x); }, [](double x) { return std::abs(x); }, numbers),
          2),
      unary(
          "sign", [](auto& x) { return sign(x); },
          [](double x) { return x > 0    ? 1.0
                                : x < 0  ? -1.0
                                : x == 0 ? 0.0
                                         : x; }, numbers),
      with(binary(
               "maximum", [](auto& a, auto& b) { return maximum(a, b); },
               [](double a, double b) { return std::isnan(a) ? a
                                               : a > b       ? a
                                                             : b; }),
           2),
      with(binary(
               "minimum", [](auto& a, auto& b) { return minimum(a, b); },
               [](double a, double b) { return std::isnan(a) ? a
                                               : a < b       ? a
                                                             : b; }),
           2),
      clip_row(),
      fma_row(),
      unary(
          "floor", [](auto& x) { return floor(x); }, [](double x) { return std::floor(x); },
          numbers),
      unary(
          "ceil", [](auto& x) { return ceil(x); }, [](double x) { return std::ceil(x); }, numbers),
      unary(
          "trunc", [](auto& x) { return trunc(x); }, [](double x) { return std::trunc(x); },
          numbers),
      unary(
          "round", [](auto& x) { return round(x); }, [](double x) { return std::nearbyint(x); },
          numbers, -8, 8),
  };
}

}  // namespace rill::table
