#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// Folds the axes of `x`: `f` is given the elements in row-major order.
Array folded(const Array& x, const std::vector<int>& axes, bool keepdims,
             const std::function<double(const std::vector<double>&)>& f) {
  const auto folds = [&](int axis) {
    return std::find(axes.begin(), axes.end(), axis) != axes.end();
  };
  Sizes kept;
  Sizes shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const std::int64_t size = x.shape[static_cast<std::size_t>(axis)];
    kept.push_back(folds(axis) ? 1 : size);
    if (!folds(axis))
      shape.push_back(size);
    else if (keepdims)
      shape.push_back(1);
  }
  Array parts(kept);
  std::vector<std::vector<double>> elements(parts.values.size());
  for_each_index(x.shape, [&](const Sizes& index) {
    Sizes at;
    std::int64_t position = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      const auto d = static_cast<std::size_t>(axis);
      position = position * kept[d] + (folds(axis) ? 0 : index[d]);
    }
    elements[static_cast<std::size_t>(position)].push_back(x(index));
  });
  Array result(shape);
  for (std::size_t i = 0; i < elements.size(); ++i) result.values[i] = f(elements[i]);
  return result;
}

using Fold = std::function<double(const std::vector<double>&)>;
using Reduction = std::function<Tensor(const Tensor&, const Axes&, const ReduceOptions&)>;

Row reduction(std::string name, const Reduction& apply, const Fold& fold, std::vector<DType> dtypes,
              int order, DType (*result)(DType), bool of_nothing = true, double low = -2,
              double high = 2) {
  Row row{.name = std::move(name),
          .dtypes = std::move(dtypes),
          .result = result,
          .order = order,
          .epsilons = 16,
          .scaled = true};
  const auto add = [&](const Sizes& shape, std::vector<int> axes, bool keepdims, const char* what) {
    std::vector<int> all = axes;
    if (axes.empty()) {
      for (std::size_t d = 0; d < shape.size(); ++d) all.push_back(static_cast<int>(d));
    }
    row.cases.push_back({{{shape, low, high}},
                         [=](Tensors x) {
                           return apply(x[0], Axes(std::span<const int>(axes)),
                                        {.keepdims = keepdims});
                         },
                         [=](Arrays x) { return folded(x[0], all, keepdims, fold); },
                         what});
  };
  add({37, 45}, {1}, false, "the last axis");
  add({3, 5}, {0}, false, "the first axis");
  add({3, 5}, {}, false, "everything");
  add({2, 3, 4}, {1}, true, "a middle axis, kept");
  add({2, 3, 4}, {0, 2}, false, "two axes");
  add({2, 3, 4}, {0, 1, 2}, true, "all axes, kept");
  add({}, {}, false, "a scalar");
  add({1, 4}, {0}, false, "an axis of size 1");
  add({0, 3}, {1}, false, "no rows");
  if (of_nothing) add({3, 0}, {1}, false, "empty rows");
  row.large = {{{257, 1301}, low, high}};
  return row;
}

Row reduction(Row row, std::vector<Bad> bad) {
  row.bad = std::move(bad);
  return row;
}
Row covering(Row row, std::vector<std::string> also) {
  row.also = std::move(also);
  return row;
}

const Tensor nothing = zeros({2, 0});

double total(const std::vector<double>& v) {
  long double sum = 0;
  for (const double x : v) sum += x;
  return static_cast<double>(sum);
}
double squares(const std::vector<double>& v) {
  const double mean = total(v) / static_cast<double>(v.size());
  long double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return static_cast<double>(sum);
}
double count(const std::vector<double>& v) { return static_cast<double>(v.size()); }

Row position(std::string name, Tensor (*whole)(const Tensor&, const ReduceOptions&, Where),
             Tensor (*along)(const Tensor&, int, const ReduceOptions&, Where), bool largest) {
  Row row{.name = std::move(name), .dtypes = everything, .result = index_type};
  const Fold fold = [=](const std::vector<double>& v) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < v.size(); ++i) {
      if (std::isnan(v[best])) break;
      if (std::isnan(v[i]) || (largest ? v[i] > v[best] : v[i] < v[best])) best = i;
    }
    return static_cast<double>(best);
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto add = [&](Input input, int axis, bool keepdims, const char* what) {
    row.cases.push_back(
        {{input},
         [=](Tensors x) { return along(x[0], axis, {.keepdims = keepdims}, Where::here()); },
         [=](Arrays x) { return folded(x[0], {axis}, keepdims, fold); },
         what});
  };
  add({{3, 41}}, 1, false, "the last axis");
  add({{5, 3}}, 0, true, "the first axis, kept");
  add({{2, 50}, 0, 1}, 1, false, "ties");
  add({{2, 40}, 0, 1, {1, 1, 1, 0, 1}}, 1, false, "the first of many");
  add({{21}, 0, 1, {1, 5, nan, 7, nan, 9, 3}, float32}, 0, false, "the first NaN");
  row.cases.push_back({{{{3, 5}}},
                       [=](Tensors x) { return whole(x[0], {}, Where::here()); },
                       [=](Arrays x) { return folded(x[0], {0, 1}, false, fold); },
                       "everything"});
  row.large = {{{17, 70001}}};
  return row;
}

Row cumsum_row() {
  Row row{.name = "cumsum",
          .dtypes = everything,
          .result = widened,
          .order = 2,
          .epsilons = 64,
          .scaled = true};
  const auto add = [&](const Sizes& shape, int axis, bool reverse, const char* what) {
    row.cases.push_back({{{shape}},
                         [=](Tensors x) { return cumsum(x[0], axis, {.reverse = reverse}); },
                         [=](Arrays x) {
                           return array_of(x[0].shape, [&](const Sizes& index) {
                             long double sum = 0;
                             Sizes at = index;
                             const auto d = static_cast<std::size_t>(axis);
                             const std::int64_t size = x[0].shape[d];
                             for (at[d] = reverse ? index[d] : 0;
                                  at[d] <= (reverse ? size - 1 : index[d]); ++at[d])
                               sum += x[0](at);
                             return static_cast<double>(sum);
                           });
                         },
                         what});
  };
  add({3, 5}, 1, false, "the last axis");
  add({5, 3}, 0, false, "the first axis");
  add({4, 3}, 0, true, "backwards");
  add({2, 1200}, 1, false, "several chunks");
  add({0, 3}, 0, false, "nothing");
  row.large = {{{64, 3001}}};
  row.bad = {{[] { (void)cumsum(matrix, 2); }, "IndexError",
              "cumsum: axis 2 is outside [-2, 2) for float32[2,3]"}};
  return row;
}

}  // namespace

std::vector<Row> reduce_rows() {
  using A = Axes;
  using O = ReduceOptions;
  const auto extreme = [](bool largest) {
    return [=](const std::vector<double>& v) {
      double best = v[0];
      for (const double x : v) {
        if (std::isnan(x) || (largest ? x > best : x < best)) best = x;
      }
      return best;
    };
  };
  const auto truths = [](const std::vector<double>& v) {
    double n = 0;
    for (const double x : v) n += x != 0 ? 1 : 0;
    return n;
  };
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<Row> rows = {
      reduction(reduction(
                    "sum", [](const Tensor& x, const A& a, const O& o) { return sum(x, a, o); },
                    total, everything, 2, widened),
                {{[] { (void)sum(matrix, 2); }, "IndexError",
                  "sum: axis 2 is outside [-2, 2) for float32[2,3]"},
                 {[] { (void)sum(matrix, {0, -2}); }, "IndexError",
                  "sum: axis -2 is given twice for float32[2,3]"}}),
      covering(reduction(
                   "prod", [](const Tensor& x, const A& a, const O& o) { return prod(x, a, o); },
                   [](const std::vector<double>& v) {
                     long double product = 1;
                     for (const double x : v) product *= x;
                     return static_cast<double>(product);
                   },
                   {float32, float64, bfloat16, int64}, 2, widened, true, 0.5, 1.5),
               {"products_of_others"}),
      reduction(
          "mean", [](const Tensor& x, const A& a, const O& o) { return mean(x, a, o); },
          [](const std::vector<double>& v) { return total(v) / count(v); }, everything, 2,
          floating),
      reduction(
          "var",
          [](const Tensor& x, const A& a, const O& o) {
            return var(x, a, {.keepdims = o.keepdims});
          },
          [](const std::vector<double>& v) { return squares(v) / count(v); }, everything, 2,
          floating),
      reduction(reduction(
                    "max", [](const Tensor& x, const A& a, const O& o) { return max(x, a, o); },
                    extreme(true), everything, 2, same, false),
                {{[] { (void)max(nothing, 1); }, "ValueError",
                  "max: there are no elements along axis 1, so no extreme: float32[2,0]"}}),
      reduction(reduction(
                    "min", [](const Tensor& x, const A& a, const O& o) { return min(x, a, o); },
                    extreme(false), everything, 2, same, false),
                {{[] { (void)min(nothing); }, "ValueError",
                  "min: there are no elements along axis 1, so no extreme: float32[2,0]"}}),
      position("argmax", argmax, argmax, true),
      position("argmin", argmin, argmin, false),
      reduction(
          "any", [](const Tensor& x, const A& a, const O& o) { return any(x, a, o); },
          [=](const std::vector<double>& v) { return truths(v) > 0 ? 1.0 : 0.0; }, everything, 0,
          boolean, true, -1, 1),
      reduction(
          "all", [](const Tensor& x, const A& a, const O& o) { return all(x, a, o); },
          [=](const std::vector<double>& v) { return truths(v) == count(v) ? 1.0 : 0.0; },
          everything, 0, boolean, true, -1, 1),
      reduction(
          "count_nonzero",
          [](const Tensor& x, const A& a, const O& o) { return count_nonzero(x, a, o); }, truths,
          everything, 0, index_type, true, -1, 1),
      reduction(
          "logsumexp", [](const Tensor& x, const A& a, const O& o) { return logsumexp(x, a, o); },
          [=](const std::vector<double>& v) {
            long double sum = 0;
            for (const double x : v) sum += std::exp(static_cast<long double>(x));
            return v.empty() ? -infinity : static_cast<double>(std::log(sum));
          },
          floats, 2, floating),
      cumsum_row(),
  };
  rows.push_back(reduction(
      "stddev",
      [](const Tensor& x, const A& a, const O& o) {
        return stddev(x, a, {.keepdims = o.keepdims});
      },
      [](const std::vector<double>& v) { return std::sqrt(squares(v) / count(v)); }, floats, 2,
      floating));
  for (Case& c : rows.back().cases) {
    if (c.name == "a scalar" || c.name == "an axis of size 1")
      c.differentiable = false;  // the root of 0
  }
  return rows;
}

}  // namespace rill::table
