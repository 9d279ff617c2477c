#include <rill/ops/linalg.h>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

/// Products by the definition; operands have at least two axes.
Array product(const Array& a, const Array& b, bool transpose_a, bool transpose_b) {
  const auto last_a = static_cast<std::size_t>(a.rank() - 1);
  const auto last_b = static_cast<std::size_t>(b.rank() - 1);
  const Sizes batch =
      broadcast_sizes({a.shape.begin(), a.shape.end() - 2}, {b.shape.begin(), b.shape.end() - 2});
  const std::int64_t k = a.shape[transpose_a ? last_a - 1 : last_a];
  Sizes shape = batch;
  shape.push_back(a.shape[transpose_a ? last_a : last_a - 1]);
  shape.push_back(b.shape[transpose_b ? last_b - 1 : last_b]);
  const auto element = [](const Array& x, const Sizes& at, std::int64_t row, std::int64_t column) {
    Sizes index;
    const auto missing = at.size() - (x.shape.size());
    for (std::size_t d = 0; d + 2 < x.shape.size(); ++d)
      index.push_back(x.shape[d] == 1 ? 0 : at[d + missing]);
    index.push_back(row);
    index.push_back(column);
    return x(index);
  };
  return array_of(shape, [&](const Sizes& at) {
    double sum = 0;
    const std::int64_t i = at[at.size() - 2];
    const std::int64_t j = at[at.size() - 1];
    for (std::int64_t l = 0; l < k; ++l) {
      sum += element(a, at, transpose_a ? l : i, transpose_a ? i : l) *
             element(b, at, transpose_b ? j : l, transpose_b ? l : j);
    }
    return sum;
  });
}

Case multiplying(const Sizes& a, const Sizes& b, bool ta, bool tb, const char* what) {
  return {{{a}, {b}},
          [=](Tensors x) { return matmul(x[0], x[1], {.transpose_a = ta, .transpose_b = tb}); },
          [=](Arrays x) { return product(x[0], x[1], ta, tb); },
          what,
          false};
}

Array reshaped(Array array, Sizes shape) {
  array.shape = std::move(shape);
  return array;
}

/// What stands at and below the diagonal `offset` columns to the right of the main one, or at and
/// above it.
Row triangle(const char* name, bool lower) {
  const auto kept = [=](int offset) {
    return [=](Arrays x) {
      return array_of(x[0].shape, [&](const Sizes& at) {
        const std::int64_t distance = at[at.size() - 1] - at[at.size() - 2];
        return (lower ? distance <= offset : distance >= offset) ? x[0](at) : 0.0;
      });
    };
  };
  const auto apply = [=](int offset) {
    return [=](Tensors x) { return lower ? tril(x[0], offset) : triu(x[0], offset); };
  };
  return rearrangement(name, {{{{{3, 4}}}, apply(0), kept(0), "a matrix"},
                              {{{{2, 3, 3}}}, apply(-1), kept(-1), "a stack"},
                              {{{{4, 3}}}, apply(1), kept(1), "above"}});
}

}  // namespace

std::vector<Row> linalg_rows() {
  std::vector<Row> rows = {
      {.name = "matmul",
       .cases = {multiplying({2, 3}, {3, 4}, false, false, "matrices"),
                 multiplying({3, 2}, {3, 4}, true, false, "the first transposed"),
                 multiplying({2, 3}, {4, 3}, false, true, "the second transposed"),
                 multiplying({3, 2}, {4, 3}, true, true, "both transposed"),
                 multiplying({2, 5, 3}, {2, 3, 4}, false, false, "a batch"),
                 multiplying({2, 5, 3}, {3, 4}, false, false, "one matrix for a batch"),
                 multiplying({5, 3}, {2, 3, 4}, false, false, "a batch for one matrix"),
                 multiplying({2, 1, 2, 3}, {3, 3, 2}, false, false, "batches that broadcast"),
                 multiplying({2, 0}, {0, 3}, false, false, "nothing to add up"),
                 multiplying({0, 3}, {3, 2}, false, false, "no rows"),
                 multiplying({3, 2, 0}, {0, 4}, false, false, "nothing to add up for a batch"),
                 multiplying({3, 2, 5}, {5, 0}, false, false, "no columns for a batch"),
                 multiplying({3, 2, 5}, {0, 5}, false, true, "no rows of the second transposed"),
                 {{{{3}}, {{3, 4}}},
                  [](Tensors x) { return matmul(x[0], x[1]); },
                  [](Arrays x) {
                    return reshaped(product(reshaped(x[0], {1, 3}), x[1], false, false), {4});
                  },
                  "a vector by a matrix",
                  false},
                 {{{{2, 3}}, {{3}}},
                  [](Tensors x) { return matmul(x[0], x[1]); },
                  [](Arrays x) {
                    return reshaped(product(x[0], reshaped(x[1], {3, 1}), false, false), {2});
                  },
                  "a matrix by a vector",
                  false}},
       .dtypes = numbers,
       .order = 2,
       .epsilons = 8,
       .generated = false,
       .scaled = true,
       .bad = {{[] { matmul(matrix, other_matrix); }, "ShapeError",
                "matmul: inner sizes differ (3 vs 4): float32[2,3] @ float32[4,5]"},
               {[] { matmul(matrix, tensor(2.0)); }, "ShapeError",
                "matmul: takes vectors and matrices: multiply scalars with *: float32[2,3] @ "
                "float32[]"},
               {[] { matmul(zeros({2, 2, 2}), zeros({3, 2, 2})); }, "ShapeError",
                "matmul: leading axes do not broadcast: float32[2,2,2] @ float32[3,2,2]"}},
       .large = {{{300, 200}}, {{200, 100}}}},
      {.name = "dot",
       .cases = {{{{{5}}, {{5}}},
                  [](Tensors x) { return dot(x[0], x[1]); },
                  [](Arrays x) {
                    return reshaped(
                        product(reshaped(x[0], {1, 5}), reshaped(x[1], {5, 1}), false, false), {});
                  },
                  "vectors",
                  false}},
       .dtypes = numbers,
       .order = 2,
       .epsilons = 8,
       .generated = false,
       .scaled = true},
      {.name = "outer",
       .cases = {{{{{3}}, {{2}}},
                  [](Tensors x) { return outer(x[0], x[1]); },
                  [](Arrays x) {
                    return product(reshaped(x[0], {3, 1}), reshaped(x[1], {1, 2}), false, false);
                  },
                  "vectors",
                  false}},
       .dtypes = numbers,
       .order = 2},
      triangle("tril", true),
      triangle("triu", false),
  };
  rows.back().bad = {
      {[] { (void)triu(zeros({3})); }, "ShapeError", "triu: needs two axes: float32[3]"}};
  return rows;
}

}  // namespace rill::table
