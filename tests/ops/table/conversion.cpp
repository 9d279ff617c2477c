#include <cmath>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

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

std::vector<Row> conversion_rows() {
  return {
      cast_row(),
      identity("copy", copy, 2),
      identity("stop_gradient", stop_gradient, 0),
  };
}

}  // namespace rill::table
