#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

const std::vector<DType> integers_and_bool = {int64,  int32,  int16, int8, uint64,
                                              uint32, uint16, uint8, bool_};

Row comparison(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> apply,
               double (*reference)(double, double)) {
  return with(binary(std::move(name), std::move(apply), reference, everything, -1, 1), boolean);
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
  row.bad = {{[] { (void)where(matrix > 0, matrix, other_matrix); }, "ShapeError",
              "where: shapes do not broadcast (aligned at the right, sizes must be equal or 1): "
              "bool[2,3], "
              "float32[2,3], float32[4,5]"}};
  return row;
}

}  // namespace

std::vector<Row> comparison_rows() {
  return {
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
           {{[] { (void)(matrix & matrix); }, "DTypeError",
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
  };
}

}  // namespace rill::table
