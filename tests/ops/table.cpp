#include "tests/ops/table.h"

#include <rill/ops/families.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <utility>

namespace rill::table {

// ---- Arrays -----------------------------------------------------------------------------------

static std::int64_t count_of(const Sizes& shape) {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

static std::size_t position(const Sizes& shape, const Sizes& index) {
  std::int64_t at = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) at = at * shape[d] + index[d];
  return static_cast<std::size_t>(at);
}

Array::Array(Sizes sizes, double value)
    : shape(std::move(sizes)), values(static_cast<std::size_t>(count_of(shape)), value) {}
double& Array::operator()(const Sizes& index) { return values.at(position(shape, index)); }
double Array::operator()(const Sizes& index) const { return values.at(position(shape, index)); }

void for_each_index(const Sizes& shape, const std::function<void(const Sizes&)>& f) {
  Sizes index(shape.size(), 0);
  for (std::int64_t left = count_of(shape); left > 0; --left) {
    f(index);
    for (std::size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
}

Array array_of(const Sizes& shape, const std::function<double(const Sizes&)>& f) {
  Array array(shape);
  for_each_index(shape, [&](const Sizes& index) { array(index) = f(index); });
  return array;
}

double broadcast_element(const Array& x, const Sizes& index) {
  Sizes own;
  const std::size_t missing = index.size() - x.shape.size();
  for (std::size_t d = 0; d < x.shape.size(); ++d) {
    own.push_back(x.shape[d] == 1 ? 0 : index[d + missing]);
  }
  return x(own);
}

Sizes broadcast_sizes(const Sizes& a, const Sizes& b) {
  Sizes result = a.size() > b.size() ? a : b;
  const Sizes& other = a.size() > b.size() ? b : a;
  const std::size_t missing = result.size() - other.size();
  for (std::size_t d = 0; d < other.size(); ++d) {
    if (result[d + missing] == 1) result[d + missing] = other[d];
  }
  return result;
}

// ---- Operands ---------------------------------------------------------------------------------

Tensor Input::tensor(DType row_dtype, std::uint64_t seed) const {
  const DType type = dtype.value_or(row_dtype);
  std::mt19937_64 random(seed);
  const double least = is_unsigned(type) || type == bool_ ? std::max(low, 0.0) : low;
  std::vector<double> numbers(static_cast<std::size_t>(count_of(shape)));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const double share = static_cast<double>(random() >> 11U) * 0x1p-53;
    numbers[i] = values.empty() ? least + share * (high - least) : values[i % values.size()];
    if (values.empty() && type == bool_) numbers[i] = share < 0.5 ? 0 : 1;
    if (values.empty() && (integral || is_integer(type))) numbers[i] = std::round(numbers[i]);
  }
  return rill::tensor(numbers, Shape(std::span<const std::int64_t>(shape))).to(type);
}

std::vector<Tensor> operands(const std::vector<Input>& inputs, DType dtype) {
  std::vector<Tensor> tensors;
  for (const Input& input : inputs) {
    tensors.push_back(input.tensor(dtype, 1000 + 17 * tensors.size()));
  }
  return tensors;
}

std::vector<Source> watched_floats(GradientTape& tape, const std::vector<Tensor>& values) {
  std::vector<Source> sources;
  for (const Tensor& value : values) {
    if (!is_float(value.dtype())) continue;
    tape.watch(value);
    sources.emplace_back(value);
  }
  return sources;
}

std::string title(const Row& row, const Case& c, DType dtype) {
  return row.name + ", " + c.name + ", " + std::string(name(dtype));
}

// ---- Dtypes -----------------------------------------------------------------------------------

const std::vector<DType> floats = {float32, float64, float16, bfloat16};
const std::vector<DType> integers = {int64, int32, int16, int8, uint64, uint32, uint16, uint8};
const std::vector<DType> numbers = {float32, float64, float16, bfloat16, int64,  int32,
                                    int16,   int8,    uint64,  uint32,   uint16, uint8};
const std::vector<DType> everything = {float32, float64, float16, bfloat16, int64, int32, int16,
                                       int8,    uint64,  uint32,  uint16,   uint8, bool_};
DType same(DType dtype) { return dtype; }
DType floating(DType dtype) { return is_float(dtype) ? dtype : float64; }
DType boolean(DType) { return bool_; }
DType widened(DType dtype) { return is_float(dtype) ? dtype : is_unsigned(dtype) ? uint64 : int64; }
DType index_type(DType) { return int64; }

// ---- Rows of the usual kinds ------------------------------------------------------------------

Row unary(std::string name, std::function<Tensor(const Tensor&)> apply, double (*reference)(double),
          std::vector<DType> dtypes, double low, double high) {
  const auto on_tensors = [apply = std::move(apply)](Tensors x) { return apply(x[0]); };
  const auto on_arrays = [reference](Arrays x) {
    Array y = x[0];
    for (double& value : y.values) value = reference(value);
    return y;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Row row{.name = std::move(name), .dtypes = std::move(dtypes)};
  const auto add = [&](Input input, const char* what, bool smooth) {
    row.cases.push_back({{std::move(input)}, on_tensors, on_arrays, what, true, smooth});
  };
  add({{3, 5}, low, high}, "a matrix", true);
  add({{}, low, high}, "a scalar", true);
  add({{0, 3}, low, high}, "nothing", false);
  if (is_float(row.dtypes[0])) {
    add({{13},
         low,
         high,
         {0.0, -0.0, 1, -1, 0.5, -0.5, 1e-30, -1e-30, 100, -100, infinity, -infinity, nan}},
        "special numbers", false);
    row.cases.back().floats_only = true;
  }
  row.large = {{{301, 257}, low, high}};
  return row;
}

Row binary(std::string name, std::function<Tensor(const Tensor&, const Tensor&)> apply,
           double (*reference)(double, double), std::vector<DType> dtypes, double low,
           double high) {
  const auto on_tensors = [apply = std::move(apply)](Tensors x) { return apply(x[0], x[1]); };
  const auto on_arrays = [reference](Arrays x) {
    return array_of(broadcast_sizes(x[0].shape, x[1].shape), [&](const Sizes& index) {
      return reference(broadcast_element(x[0], index), broadcast_element(x[1], index));
    });
  };
  Row row{.name = std::move(name), .dtypes = std::move(dtypes)};
  const auto add = [&](const Sizes& a, const Sizes& b, const char* what) {
    row.cases.push_back({{{a, low, high}, {b, low, high}}, on_tensors, on_arrays, what});
  };
  add({3, 5}, {3, 5}, "equal shapes");
  add({3, 1}, {5}, "both stretched");
  add({2, 3, 4}, {3, 1}, "a column");
  add({}, {2, 3}, "a scalar and a matrix");
  add({}, {}, "scalars");
  add({0, 3}, {3}, "nothing");
  row.large = {{{301, 257}, low, high}, {{257}, low, high}};
  return row;
}

Row real(std::string name, std::function<Tensor(const Tensor&)> apply, double (*reference)(double),
         double low, double high) {
  std::vector<DType> dtypes = floats;
  dtypes.push_back(int32);
  dtypes.push_back(bool_);
  Row row = unary(std::move(name), std::move(apply), reference, dtypes, low, high);
  row.result = floating;
  row.order = 2;
  row.epsilons = 4;
  return row;
}

Case moving(const Sizes& shape, std::function<Tensor(const Tensor&)> apply, const Sizes& result,
            const std::function<Sizes(const Sizes&)>& from, const char* what, bool symbolic) {
  return {
      {{shape}},
      [apply = std::move(apply)](Tensors x) { return apply(x[0]); },
      [=](Arrays x) { return array_of(result, [&](const Sizes& at) { return x[0](from(at)); }); },
      what,
      symbolic};
}

Row rearrangement(std::string name, std::vector<Case> cases, std::vector<Bad> bad) {
  return {.name = std::move(name),
          .cases = std::move(cases),
          .dtypes = everything,
          .order = 2,
          .epsilons = 0,
          .bad = std::move(bad)};
}

Row with(Row row, int order, double epsilons) {
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

Tensor call_named(const char* op, const Tensor& a, const Tensor& b) {
  return call(*find_op(op), a, b);
}

const std::vector<Family>& all_families() {
  static const std::vector<Family> list = {
      {"arithmetic", &families::arithmetic, arithmetic_rows()},
      {"mathematics", &families::mathematics, mathematics_rows()},
      {"activation", &families::activation, activation_rows()},
      {"comparison", &families::comparison, comparison_rows()},
      {"conversion", &families::conversion, conversion_rows()},
      {"reduce", &families::reduce, reduce_rows()},
      {"shape", &families::shape, shape_rows()},
      {"join", &families::join, join_rows()},
      {"index", &families::index, index_rows()},
      {"creation", &families::creation, creation_rows()},
      {"linalg", &families::linalg, linalg_rows()},
      {"softmax", &families::softmax, softmax_rows()},
      {"normalization", &families::normalization, normalization_rows()},
      {"attention", [] { return std::span<const Op>(); }, attention_rows()},
      {"convolution", &families::convolution, convolution_rows()},
      {"pooling", &families::pooling, pooling_rows()},
      {"recurrent", &families::recurrent, recurrent_rows()},
      {"sort", &families::sort, sort_rows()},
  };
  return list;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> list = [] {
    std::vector<Row> all;
    for (const Family& family : all_families())
      all.insert(all.end(), family.rows.begin(), family.rows.end());
    return all;
  }();
  return list;
}

}  // namespace rill::table
