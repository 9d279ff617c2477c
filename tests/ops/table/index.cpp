#include "tests/ops/table.h"

namespace rill::table {
namespace {

const Tensor out_of_range = tensor({0, 3});

std::int64_t wrapped(double index, std::int64_t size) {
  const auto at = static_cast<std::int64_t>(index);
  return at < 0 ? at + size : at;
}

/// int64 positions, taken from a list.
Input places(Sizes shape, std::vector<double> values) {
  return {std::move(shape), 0, 0, std::move(values), int64};
}

Case taking(const Sizes& shape, const Input& indices, int axis, const char* what) {
  return {{{shape}, indices},
          [=](Tensors x) { return take(x[0], x[1], axis); },
          [=](Arrays x) {
            Sizes result = x[0].shape;
            const auto d = static_cast<std::ptrdiff_t>(axis);
            result.erase(result.begin() + d);
            result.insert(result.begin() + d, x[1].shape.begin(), x[1].shape.end());
            const auto rank = static_cast<std::ptrdiff_t>(x[1].shape.size());
            return array_of(result, [&](Sizes at) {
              const Sizes picked(at.begin() + d, at.begin() + d + rank);
              at.erase(at.begin() + d, at.begin() + d + rank);
              at.insert(at.begin() + d,
                        wrapped(x[1](picked), x[0].shape[static_cast<std::size_t>(axis)]));
              return x[0](at);
            });
          },
          what};
}

Case gathering(const Sizes& shape, const Input& indices, int axis, const char* what) {
  return {{{shape}, indices},
          [=](Tensors x) { return gather(x[0], x[1], axis); },
          [=](Arrays x) {
            const auto d = static_cast<std::size_t>(axis);
            Sizes result = x[0].shape;
            result[d] = x[1].shape[d];
            return array_of(result, [&](Sizes at) {
              at[d] = wrapped(broadcast_element(x[1], at), x[0].shape[d]);
              return x[0](at);
            });
          },
          what};
}

Case scattering(const Sizes& shape, const Input& indices, const Sizes& updates, int axis,
                ScatterMode mode, const char* what) {
  return {{{shape}, indices, {updates}},
          [=](Tensors x) { return scatter(x[0], x[1], x[2], axis, {.mode = mode}); },
          [=](Arrays x) {
            Array y = x[0];
            const auto d = static_cast<std::ptrdiff_t>(axis);
            Sizes whole = x[0].shape;
            whole.erase(whole.begin() + d);
            whole.insert(whole.begin() + d, x[1].shape.begin(), x[1].shape.end());
            const auto rank = static_cast<std::ptrdiff_t>(x[1].shape.size());
            for_each_index(whole, [&](const Sizes& from) {
              Sizes at = from;
              const Sizes picked(at.begin() + d, at.begin() + d + rank);
              at.erase(at.begin() + d, at.begin() + d + rank);
              at.insert(at.begin() + d,
                        wrapped(x[1](picked), x[0].shape[static_cast<std::size_t>(axis)]));
              const double update = broadcast_element(x[2], from);
              y(at) = mode == ScatterMode::add ? y(at) + update : update;
            });
            return y;
          },
          what};
}

Case putting(const Sizes& shape, const Input& indices, const Sizes& updates, int axis,
             ScatterMode mode, const char* what) {
  return {{{shape}, indices, {updates}},
          [=](Tensors x) { return put_along_axis(x[0], x[1], x[2], axis, {.mode = mode}); },
          [=](Arrays x) {
            Array y = x[0];
            const auto d = static_cast<std::size_t>(axis);
            Sizes whole = x[0].shape;
            whole[d] = x[1].shape[d];
            for_each_index(whole, [&](const Sizes& from) {
              Sizes at = from;
              at[d] = wrapped(broadcast_element(x[1], from), x[0].shape[d]);
              const double update = broadcast_element(x[2], from);
              y(at) = mode == ScatterMode::add ? y(at) + update : update;
            });
            return y;
          },
          what};
}

const std::vector<DType> sums = {float32, float64, int64, int32};

}  // namespace

std::vector<Row> index_rows() {
  Row slices{.name = "strided_slice", .dtypes = everything, .order = 2, .epsilons = 0};
  const auto sliced = [&](const Sizes& shape, std::function<Tensor(const Tensor&)> apply,
                          const Sizes& result, const std::function<Sizes(const Sizes&)>& from,
                          const char* what, bool symbolic = false) {
    slices.cases.push_back({{{shape}},
                            [apply = std::move(apply)](Tensors x) { return apply(x[0]); },
                            [=](Arrays x) {
                              return array_of(result,
                                              [&](const Sizes& at) { return x[0](from(at)); });
                            },
                            what,
                            symbolic});
  };
  sliced(
      {5, 4}, [](const Tensor& x) { return x(1); }, {4},
      [](const Sizes& at) { return Sizes{1, at[0]}; }, "a row", true);
  sliced(
      {5, 4}, [](const Tensor& x) { return x(-1, slice(0, 4, 2)); }, {2},
      [](const Sizes& at) { return Sizes{4, at[0] * 2}; }, "a stepped row");
  sliced(
      {5, 4}, [](const Tensor& x) { return x(slice({}, {}, -1)); }, {5, 4},
      [](const Sizes& at) { return Sizes{4 - at[0], at[1]}; }, "backwards", true);
  sliced(
      {5, 4}, [](const Tensor& x) { return x(slice(-1, 0, -2)); }, {2, 4},
      [](const Sizes& at) { return Sizes{4 - 2 * at[0], at[1]}; }, "half open, backwards");
  sliced(
      {5, 4}, [](const Tensor& x) { return x({3, 100}); }, {2, 4},
      [](const Sizes& at) { return Sizes{at[0] + 3, at[1]}; }, "beyond the end");
  sliced(
      {5, 4}, [](const Tensor& x) { return x({4, 2}); }, {0, 4}, [](const Sizes& at) { return at; },
      "nothing");
  sliced(
      {2, 3, 4}, [](const Tensor& x) { return x(ellipsis, 1); }, {2, 3},
      [](const Sizes& at) { return Sizes{at[0], at[1], 1}; }, "the last axis", true);
  sliced(
      {2, 3, 4}, [](const Tensor& x) { return x(1, newaxis, ellipsis, slice(1, {})); }, {1, 3, 3},
      [](const Sizes& at) { return Sizes{1, at[1], at[2] + 1}; }, "a new axis");
  slices.bad = {
      {[] { (void)matrix(2); }, "IndexError", "index: 2 is outside axis 0 of size 2: float32[2,3]"},
      {[] { (void)matrix(0, -4); }, "IndexError",
       "index: -4 is outside axis 1 of size 3: float32[2,3]"},
      {[] { (void)matrix(0, 0, 0); }, "IndexError", "index: 3 indices are too many: float32[2,3]"},
      {[] { (void)matrix(ellipsis, ellipsis); }, "IndexError",
       "index: only one ellipsis can stand among indices: float32[2,3]"},
      {[] { (void)matrix(slice(0, 2, 0)); }, "IndexError",
       "index: a slice's step is zero: float32[2,3]"},
      {[] { (void)matrix(matrix); }, "DTypeError",
       "index: an index tensor holds integers, or bool as a mask: float32[2,3]"},
      {[] { (void)matrix(matrix > 0); }, "IndexError",
       "index: reading by a mask has a size that depends on data: use where(mask, x, otherwise): "
       "float32[2,3]"},
      {[] { (void)strided_slice(matrix, {0, 1}, {1, 1}, {2, 3}); }, "IndexError",
       "strided_slice: elements 1 to 3 are outside axis 1 of size 3: float32[2,3]"}};

  Row updates{.name = "update_slice", .dtypes = everything, .order = 2, .epsilons = 0};
  const auto updated = [&](const Sizes& shape, const Sizes& value,
                           std::function<void(Tensor&, const Tensor&)> apply, const Sizes& region,
                           const std::function<Sizes(const Sizes&)>& to, const char* what) {
    updates.cases.push_back({{{shape}, {value}},
                             [apply = std::move(apply)](Tensors x) {
                               Tensor y = x[0];
                               apply(y, x[1]);
                               return y;
                             },
                             [=](Arrays x) {
                               Array y = x[0];
                               for_each_index(region, [&](const Sizes& at) {
                                 y(to(at)) = broadcast_element(x[1], at);
                               });
                               return y;
                             },
                             what,
                             false});
  };
  updated(
      {5, 4}, {4}, [](Tensor& x, const Tensor& v) { x.at(1) = v; }, {4},
      [](const Sizes& at) { return Sizes{1, at[0]}; }, "a row");
  updated(
      {5, 4}, {}, [](Tensor& x, const Tensor& v) { x.at(slice(), 2) = v; }, {5},
      [](const Sizes& at) { return Sizes{at[0], 2}; }, "a column, by a scalar");
  updated(
      {5, 4}, {2, 1}, [](Tensor& x, const Tensor& v) { x.at(slice(4, 0, -2)) = v; }, {2, 4},
      [](const Sizes& at) { return Sizes{4 - 2 * at[0], at[1]}; }, "rows backwards, stretched");
  updated(
      {2, 3, 4}, {2, 4}, [](Tensor& x, const Tensor& v) { x.at(slice(), 1) = v; }, {2, 4},
      [](const Sizes& at) { return Sizes{at[0], 1, at[1]}; }, "between axes");
  updated(
      {5, 4}, {4}, [](Tensor& x, const Tensor& v) { x.at(slice(2, 2)) = v; }, {0, 4},
      [](const Sizes& at) { return at; }, "nothing");
  updates.bad = {
      {[] {
         Tensor x = zeros({2, 3});
         x.at(2) = 1;
       },
       "IndexError", "index: 2 is outside axis 0 of size 2: float32[2,3]"},
      {[] {
         Tensor x = zeros({2, 3});
         x.at(0) = zeros({2});
       },
       "ShapeError", "index: float32[2] does not broadcast to the place [3] in float32[2,3]"},
      {[] {
         Tensor x = zeros({2, 3}, int64);
         x.at(0) = 0.5;
       },
       "DTypeError",
       "index: a value of float32 does not fit int64[2,3]: convert it with .to(int64)"}};

  Row taken{.name = "take",
            .cases = {taking({4, 3}, places({3}, {1, -1, 1}), 0, "rows"),
                      taking({2, 5}, places({2, 2}, {0, 4, -5, 2}), 1, "columns by a matrix"),
                      taking({4, 3}, places({}, {2}), 0, "one row"),
                      taking({4, 3}, places({0}, {0}), 0, "no rows")},
            .dtypes = everything,
            .order = 2,
            .epsilons = 0};
  taken.bad = {{[] { (void)take(matrix, out_of_range, 1); }, "IndexError",
                "take: index 3 is outside axis 1 of size 3"},
               {[] { (void)take(matrix, matrix); }, "DTypeError",
                "take: takes integer indices: float32[2,3], float32[2,3]"},
               {[] { (void)take(matrix, tensor({0}), 2); }, "IndexError",
                "take: axis 2 is outside [-2, 2) for float32[2,3]"},
               {[] { (void)take(zeros({0, 3}), tensor({0})); }, "IndexError",
                "take: there is nothing to index along axis 0 of size 0: float32[0,3], int64[1]"}};
  taken.also = {"embedding"};
  Row looked_up{.name = "embedding",
                .cases = {taking({4, 3}, places({2, 2}, {1, 3, 1, 0}), 0, "words")},
                .dtypes = floats,
                .order = 2};
  looked_up.cases[0].apply = [](Tensors x) { return embedding(x[0], x[1]); };

  Row gathered{.name = "gather",
               .cases = {gathering({4, 3}, places({2, 3}, {1, -1, 0, 3, 2, 2}), 0, "along rows"),
                         gathering({2, 5}, places({2, 1}, {4, -2}), 1, "one of each row"),
                         gathering({2, 5}, places({1, 3}, {4, -2, 0}), 1, "the same of each row")},
               .dtypes = everything,
               .order = 2,
               .epsilons = 0};
  gathered.bad = {{[] { (void)gather(matrix, tensor({{0}, {-4}}), 1); }, "IndexError",
                   "gather: index -4 is outside axis 1 of size 3"},
                  {[] { (void)gather(matrix, tensor({0, 1}), 1); }, "ShapeError",
                   "gather: indices need the sizes of the operand except along axis 1: "
                   "float32[2,3], int64[2]"}};

  Row scattered{
      .name = "scatter",
      .cases = {scattering({4, 3}, places({3}, {1, -1, 1}), {3, 3}, 0, ScatterMode::add,
                           "rows added, one twice"),
                scattering({4, 3}, places({2}, {3, 0}), {3}, 0, ScatterMode::set, "rows replaced"),
                scattering({2, 5}, places({2, 2}, {0, 4, -5, 2}), {2, 2, 2}, 1, ScatterMode::add,
                           "columns by a matrix"),
                scattering({4, 3}, places({2}, {1, 1}), {2, 3}, 0, ScatterMode::set,
                           "the last one wins")},
      .dtypes = sums,
      .order = 2,
      .epsilons = 8,
      .scaled = true};
  scattered.cases[3].differentiable = false;
  scattered.large = {{{700, 33}}, places({3}, {1, -1, 1}), {{3, 33}}};
  scattered.bad = {{[] { (void)scatter(matrix, tensor({2}), 1); }, "IndexError",
                    "scatter: index 2 is outside axis 0 of size 2"},
                   {[] { (void)scatter(matrix, tensor({0}), zeros({2, 2})); }, "ShapeError",
                    "scatter: sizes must be equal or 1 to stretch to [1,3]: float32[2,2]"}};

  Row put{.name = "put_along_axis",
          .cases = {putting({4, 3}, places({2, 3}, {1, -1, 0, 1, 2, 2}), {2, 3}, 0,
                            ScatterMode::add, "added"),
                    putting({2, 5}, places({2, 1}, {4, -2}), {}, 1, ScatterMode::set,
                            "replaced by a scalar")},
          .dtypes = sums,
          .order = 2,
          .epsilons = 8,
          .scaled = true};
  put.bad = {{[] { (void)put_along_axis(matrix, tensor({{3}, {0}}), 1, 1); }, "IndexError",
              "put_along_axis: index 3 is outside axis 1 of size 3"}};

  Row several{.name = "index", .dtypes = everything, .order = 2, .epsilons = 0};
  several.cases = {
      {{{{3, 4}}, places({3}, {2, -1, 0}), places({3}, {-4, 3, 3})},
       [](Tensors x) { return x[0](x[1], x[2]); },
       [](Arrays x) {
         return array_of({3}, [&](const Sizes& at) {
           return x[0]({wrapped(x[1](at), 3), wrapped(x[2](at), 4)});
         });
       },
       "elements by two tensors"},
      {{{{3, 2, 4}}, places({2, 1}, {2, 0}), places({3}, {1, -1, 0})},
       [](Tensors x) { return x[0](x[1], slice(), x[2]); },
       [](Arrays x) {
         return array_of({2, 3, 2}, [&](const Sizes& at) {
           return x[0]({wrapped(x[1]({at[0], 0}), 3), at[2], wrapped(x[2]({at[1]}), 4)});
         });
       },
       "not neighbours: in front",
       false},
      {{{{3, 4}}, places({3}, {2, -1, 0}), places({3}, {-4, 3, 3}), {{3}}},
       [](Tensors x) {
         Tensor y = x[0];
         y.at(x[1], x[2]) = x[3];
         return y;
       },
       [](Arrays x) {
         Array y = x[0];
         for (std::int64_t k = 0; k < 3; ++k)
           y({wrapped(x[1]({k}), 3), wrapped(x[2]({k}), 4)}) = x[3]({k});
         return y;
       },
       "written",
       false,
       false}};
  several.bad = {{[] { (void)matrix(tensor({0}), tensor({3})); }, "IndexError",
                  "index: index 3 is outside axis 1 of size 3"}};

  Row hot{.name = "one_hot",
          .cases = {{{places({2, 3}, {0, 3, 1, -1, 4, 2})},
                     [](Tensors x) { return one_hot(x[0], 4); },
                     [](Arrays x) {
                       return array_of({2, 3, 4}, [&](const Sizes& at) {
                         return x[0]({at[0], at[1]}) == static_cast<double>(at[2]) ? 1.0 : 0.0;
                       });
                     },
                     "a matrix",
                     false}},
          .dtypes = {int64},
          .result = [](DType) { return float32; }};
  hot.bad = {{[] { (void)one_hot(matrix, 3); }, "DTypeError",
              "one_hot: takes integer indices: float32[2,3]"},
             {[] { (void)one_hot(tensor({1}), -3); }, "ShapeError",
              "one_hot: the depth is negative: -3: int64[1]"}};
  return {slices, updates, taken, looked_up, gathered, scattered, put, several, hot};
}

}  // namespace rill::table
