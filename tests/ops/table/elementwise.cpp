#include <cmath>
#include <limits>
#include <numbers>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

double floor_modulo(double a, double b) {
  if (b == 0) return 0;
  const double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

const std::vector<DType> integers_and_bool = {int64,  int32,  int16, int8, uint64,
                                              uint32, uint16, uint8, bool_};

Row with(Row row, int order, double epsilons = 2) {
  row.order = order;
  row.epsilons = epsilons;
  return row;
}
Row with(Row row, DType (*result)(DType)) {
  row.result = result;
  return row;
}
Row with(Row row, std::vector<Bad> bad) {
  row.bad = std::move(bad);
  return row;
}

/// A function of floats: integers give float64.
Row real(std::string name, std::function<Tensor(const Tensor&)> apply, double (*reference)(double),
         double low = -2, double high = 2) {
  std::vector<DType> dtypes = floats;
  dtypes.push_back(int32);
  dtypes.push_back(bool_);
  Row row = unary(std::move(name), std::move(apply), reference, dtypes, low, high);
  row.result = floating;
  row.order = 2;
  row.epsilons = 4;
  return row;
}

Row comparison(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> apply,
               double (*reference)(double, double)) {
  return with(binary(std::move(name), std::move(apply), reference, everything, -1, 1), boolean);
}

/// The gradient operators are reached by their names only.
Tensor named_gradient(const char* name, const Tensor& dy, const Tensor& x) {
  return call(*find_op(name), dy, x);
}

const Tensor wide = zeros({2, 3});
const Tensor other = zeros({4, 5});

/// By Newton's steps on erf.
double inverse_error(double y) {
  if (!(std::abs(y) < 1)) {
    return std::abs(y) == 1 ? y * std::numeric_limits<double>::infinity()
                            : std::numeric_limits<double>::quiet_NaN();
  }
  double x = 0;
  for (int step = 0; step < 100; ++step) {
    x -= (std::erf(x) - y) * std::sqrt(std::numbers::pi) / 2 * std::exp(x * x);
  }
  return x;
}
double sigmoid_of(double x) { return 1 / (1 + std::exp(-x)); }
double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double gelu_approximation(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
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

Row where_row() {
  Row row{.name = "where", .dtypes = everything};
  const auto apply = [](Tensors x) { return where(x[0], x[1], x[2]); };
  const auto reference = [](Arrays x) {
    return array_of(broadcast_sizes(x[0].shape, broadcast_sizes(x[1].shape, x[2].shape)),
                    [&](const Sizes& at) {
                      return broadcast_element(x[0], at) != 0 ? broadcast_element(x[1], at)
                                                              : broadcast_element(x[2], at);
                    });
  };
  row.cases = {{{{{3, 5}, 0, 1, {}, bool_}, {{3, 5}}, {{3, 5}}}, apply, reference, "equal shapes"},
               {{{{3, 1}, 0, 1, {}, bool_}, {{5}}, {{}}}, apply, reference, "stretched"},
               {{{{4}, 0, 1, {0, 2, -1, 0}, float32}, {{4}}, {{4}}},
                apply,
                reference,
                "a number is true unless it is 0"}};
  row.order = 2;
  row.bad = {{[] { (void)where(wide > 0, wide, other); }, "ShapeError",
              "where: shapes do not broadcast (aligned at the right, sizes must be equal or 1): "
              "bool[2,3], "
              "float32[2,3], float32[4,5]"}};
  return row;
}

Row cast_row() {
  Row row{.name = "cast", .dtypes = everything};
  const auto to = [](DType target) {
    return Case{{{{3, 5}, -100, 100}},
                [=](Tensors x) { return cast(x[0], target); },
                {},
                std::string(name(target))};
  };
  for (const DType target : everything) row.cases.push_back(to(target));
  row.cases.push_back({{{{3, 5}, -100, 100}},
                       [](Tensors x) { return cast(x[0], int32).to(x[0].dtype()); },
                       [](Arrays x) {
                         Array y = x[0];
                         for (double& v : y.values) v = std::trunc(v);
                         return y;
                       },
                       "to int32 and back",
                       true,
                       false});
  row.dtypes = floats;
  return row;
}

Row identity(std::string name, Tensor (*apply)(const Operand&), int order) {
  Row row = unary(
      std::move(name), [=](const Tensor& x) { return apply(x); }, [](double x) { return x; },
      everything);
  row.order = order;
  return row;
}

}  // namespace

std::vector<Row> elementwise_rows() {
  const std::string shapes =
      "shapes do not broadcast (aligned at the right, sizes must be equal or 1): float32[2,3], "
      "float32[4,5]";
  const std::string no_bool =
      "takes numbers, not bool: use logical operators, or convert with .to(int64): bool[2,3]";
  std::vector<Row> rows = {
      // ---- Arithmetic -------------------------------------------------------------------------
      with(with(binary(
                    "add", [](auto& a, auto& b) { return a + b; },
                    [](double a, double b) { return a + b; }),
                2),
           {{[] { (void)(wide + other); }, "ShapeError", "add: " + shapes},
            {[] { (void)((wide > 0) + (wide > 0)); }, "DTypeError",
             "add: " + no_bool + ", bool[2,3]"},
            {[] { (void)add(wide, other); }, "ShapeError", "add: " + shapes}}),
      with(with(binary(
                    "subtract", [](auto& a, auto& b) { return a - b; },
                    [](double a, double b) { return a - b; }, floats),
                2),
           {{[] { (void)(wide - other); }, "ShapeError", "subtract: " + shapes}}),
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
           {{[] { (void)-(wide > 0); }, "DTypeError", "negative: " + no_bool}}),
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

      // ---- Exponentials and logarithms --------------------------------------------------------
      real(
          "exp", [](auto& x) { return exp(x); }, [](double x) { return std::exp(x); }),
      real(
          "exp2", [](auto& x) { return exp2(x); }, [](double x) { return std::exp2(x); }),
      real(
          "expm1", [](auto& x) { return expm1(x); }, [](double x) { return std::expm1(x); }),
      real(
          "log", [](auto& x) { return log(x); }, [](double x) { return std::log(x); }, 0.1, 4),
      real(
          "log2", [](auto& x) { return log2(x); }, [](double x) { return std::log2(x); }, 0.1, 4),
      real(
          "log10", [](auto& x) { return log10(x); }, [](double x) { return std::log10(x); }, 0.1,
          4),
      real(
          "log1p", [](auto& x) { return log1p(x); }, [](double x) { return std::log1p(x); }, -0.9,
          4),
      real(
          "sqrt", [](auto& x) { return sqrt(x); }, [](double x) { return std::sqrt(x); }, 0.1, 4),
      real(
          "rsqrt", [](auto& x) { return rsqrt(x); }, [](double x) { return 1 / std::sqrt(x); }, 0.1,
          4),

      real(
          "cbrt", [](auto& x) { return cbrt(x); }, [](double x) { return std::cbrt(x); }, 0.1, 4),

      // ---- Trigonometry -----------------------------------------------------------------------
      real(
          "asin", [](auto& x) { return asin(x); }, [](double x) { return std::asin(x); }, -0.9,
          0.9),
      real(
          "acos", [](auto& x) { return acos(x); }, [](double x) { return std::acos(x); }, -0.9,
          0.9),
      real(
          "atan", [](auto& x) { return atan(x); }, [](double x) { return std::atan(x); }),
      with(with(binary(
                    "atan2", [](auto& a, auto& b) { return atan2(a, b); },
                    [](double a, double b) { return std::atan2(a, b); }, floats),
                2, 4),
           floating),
      real(
          "sinh", [](auto& x) { return sinh(x); }, [](double x) { return std::sinh(x); }),
      real(
          "cosh", [](auto& x) { return cosh(x); }, [](double x) { return std::cosh(x); }),
      real(
          "asinh", [](auto& x) { return asinh(x); }, [](double x) { return std::asinh(x); }),
      real(
          "acosh", [](auto& x) { return acosh(x); }, [](double x) { return std::acosh(x); }, 1.2,
          4),
      real(
          "atanh", [](auto& x) { return atanh(x); }, [](double x) { return std::atanh(x); }, -0.9,
          0.9),
      real(
          "sin", [](auto& x) { return sin(x); }, [](double x) { return std::sin(x); }),
      real(
          "cos", [](auto& x) { return cos(x); }, [](double x) { return std::cos(x); }),
      real(
          "tan", [](auto& x) { return tan(x); }, [](double x) { return std::tan(x); }, -1.2, 1.2),
      real(
          "tanh", [](auto& x) { return tanh(x); }, [](double x) { return std::tanh(x); }),

      // ---- Error functions and activations ----------------------------------------------------
      real(
          "erf", [](auto& x) { return erf(x); }, [](double x) { return std::erf(x); }),
      real(
          "erfc", [](auto& x) { return erfc(x); }, [](double x) { return std::erfc(x); }),
      real(
          "erfinv", [](auto& x) { return erfinv(x); }, inverse_error, -0.9, 0.9),
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
      with(binary(
               "relu_gradient",
               [](auto& dy, auto& y) { return named_gradient("relu_gradient", dy, y); },
               [](double dy, double y) { return y > 0 ? dy : 0; }),
           2),
      with(binary(
               "tanh_gradient",
               [](auto& dy, auto& y) { return named_gradient("tanh_gradient", dy, y); },
               [](double dy, double y) { return dy * (1 - y * y); }, floats, -0.9, 0.9),
           2, 8),
      with(binary(
               "sigmoid_gradient",
               [](auto& dy, auto& y) { return named_gradient("sigmoid_gradient", dy, y); },
               [](double dy, double y) { return dy * y * (1 - y); }, floats, 0.1, 0.9),
           2, 8),
      with(binary(
               "silu_gradient",
               [](auto& dy, auto& x) { return named_gradient("silu_gradient", dy, x); },
               [](double dy, double x) {
                 return dy * sigmoid_of(x) * (1 + x * (1 - sigmoid_of(x)));
               },
               floats, 0, 2),
           2, 16),

      // ---- Comparisons, logic and bits --------------------------------------------------------
      comparison(
          "equal", [](auto& a, auto& b) { return a == b; },
          [](double a, double b) { return double(a == b); }),
      comparison(
          "not_equal", [](auto& a, auto& b) { return a != b; },
          [](double a, double b) { return double(a != b); }),
      comparison(
          "less", [](auto& a, auto& b) { return a < b; },
          [](double a, double b) { return double(a < b); }),
      comparison(
          "less_equal", [](auto& a, auto& b) { return a <= b; },
          [](double a, double b) { return double(a <= b); }),
      comparison(
          "greater", [](auto& a, auto& b) { return a > b; },
          [](double a, double b) { return double(a > b); }),
      comparison(
          "greater_equal", [](auto& a, auto& b) { return a >= b; },
          [](double a, double b) { return double(a >= b); }),
      comparison(
          "logical_and", [](auto& a, auto& b) { return logical_and(a, b); },
          [](double a, double b) { return double(a != 0 && b != 0); }),
      comparison(
          "logical_or", [](auto& a, auto& b) { return logical_or(a, b); },
          [](double a, double b) { return double(a != 0 || b != 0); }),
      comparison(
          "logical_xor", [](auto& a, auto& b) { return logical_xor(a, b); },
          [](double a, double b) { return double((a != 0) != (b != 0)); }),
      with(unary(
               "logical_not", [](auto& x) { return logical_not(x); },
               [](double x) { return double(x == 0); }, everything, -1, 1),
           boolean),
      with(binary(
               "bitwise_and", [](auto& a, auto& b) { return a & b; },
               [](double a, double b) {
                 return double(static_cast<std::int64_t>(a) & static_cast<std::int64_t>(b));
               },
               integers_and_bool, 0, 100),
           {{[] { (void)(wide & wide); }, "DTypeError",
             "bitwise_and: takes integers or bool: float32[2,3], float32[2,3]"}}),
      binary(
          "bitwise_or", [](auto& a, auto& b) { return a | b; },
          [](double a, double b) {
            return double(static_cast<std::int64_t>(a) | static_cast<std::int64_t>(b));
          },
          integers_and_bool, 0, 100),
      binary(
          "bitwise_xor", [](auto& a, auto& b) { return a ^ b; },
          [](double a, double b) {
            return double(static_cast<std::int64_t>(a) ^ static_cast<std::int64_t>(b));
          },
          integers_and_bool, 0, 100),
      unary(
          "bitwise_not", [](auto& x) { return ~x; }, [](double x) { return -x - 1; },
          {int64, int32, int16, int8}, -100, 100),
      binary(
          "left_shift", [](auto& a, auto& b) { return a << b; },
          [](double a, double b) { return a * std::exp2(b); }, integers, 0, 3),
      binary(
          "right_shift", [](auto& a, auto& b) { return a >> b; },
          [](double a, double b) { return std::floor(a / std::exp2(b)); }, integers, 0, 6),
      with(unary(
               "isnan", [](auto& x) { return isnan(x); },
               [](double x) { return double(std::isnan(x)); }, everything),
           boolean),
      with(unary(
               "isinf", [](auto& x) { return isinf(x); },
               [](double x) { return double(std::isinf(x)); }, everything),
           boolean),
      with(unary(
               "isfinite", [](auto& x) { return isfinite(x); },
               [](double x) { return double(std::isfinite(x)); }, everything),
           boolean),
      where_row(),
      cast_row(),
      identity("copy", copy, 2),
      identity("stop_gradient", stop_gradient, 0),
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
