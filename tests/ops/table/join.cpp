#include <rill/ops/join.h>

#include <algorithm>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

const Tensor cube = zeros({2, 3, 4});

Row concat_row() {
  const auto joined = [](const std::vector<Sizes>& shapes, int axis, const char* what) {
    Case c{.inputs = {}, .apply = [=](Tensors x) { return concat(x, axis); }, .name = what};
    for (const Sizes& shape : shapes) c.inputs.push_back({shape});
    c.reference = [=](Arrays x) {
      Sizes whole = x[0].shape;
      const auto d = static_cast<std::size_t>(axis);
      whole[d] = 0;
      for (const Array& part : x) whole[d] += part.shape[d];
      return array_of(whole, [&](Sizes at) {
        std::size_t k = 0;
        for (; at[d] >= x[k].shape[d]; ++k) at[d] -= x[k].shape[d];
        return x[k](at);
      });
    };
    return c;
  };
  std::vector<Sizes> many(40, Sizes{2, 1});
  Row row = rearrangement(
      "concat",
      {joined({{2, 3}, {2, 3}}, 0, "rows"), joined({{2, 3}, {2, 1}, {2, 2}}, 1, "columns"),
       joined({{2, 0}, {2, 2}}, 1, "nothing beside something"), joined({{3}}, 0, "one"),
       joined(many, 1, "more than fit in one kernel")},
      {{[] { (void)concat({matrix, cube}); }, "ShapeError",
        "concat: sizes must be equal except along axis 0: float32[2,3], float32[2,3,4]"},
       {[] { (void)concat({matrix, matrix}, 2); }, "IndexError",
        "concat: axis 2 is outside [-2, 2) for float32[2,3]"},
       {[] { (void)concat(std::span<const Tensor>()); }, "ValueError",
        "concat: there are no tensors"}});
  row.cases.back().differentiable = false;  // 40 operands: true, and slow
  return row;
}

Row pad_row() {
  const auto padded = [](const Sizes& shape, std::vector<Padding> amounts,
                         const PadOptions& options, const char* what) {
    Sizes whole = shape;
    for (std::size_t d = 0; d < shape.size(); ++d) whole[d] += amounts[d].before + amounts[d].after;
    return Case{{{shape}},
                [=](Tensors x) { return pad(x[0], amounts, options); },
                [=](Arrays x) {
                  return array_of(whole, [&](Sizes at) {
                    for (std::size_t d = 0; d < at.size(); ++d) {
                      at[d] -= amounts[d].before;
                      const std::int64_t last = shape[d] - 1;
                      if (options.mode == PadMode::constant && (at[d] < 0 || at[d] > last))
                        return options.value.real();
                      if (options.mode == PadMode::edge)
                        at[d] = std::clamp(at[d], std::int64_t{0}, last);
                      while (at[d] < 0 || at[d] > last)
                        at[d] = at[d] < 0 ? -at[d] : 2 * last - at[d];
                    }
                    return x[0](at);
                  });
                },
                what,
                options.mode == PadMode::constant};
  };
  return rearrangement(
      "pad",
      {padded({2, 3}, {{1, 0}, {2, 1}}, {}, "zeros"), padded({3}, {{0, 2}}, {.value = 1}, "ones"),
       padded({0, 2}, {{1, 1}, {0, 0}}, {}, "around nothing"),
       padded({2, 3}, {{1, 2}, {0, 4}}, {.mode = PadMode::edge}, "the edge"),
       padded({2, 3}, {{1, 1}, {4, 5}}, {.mode = PadMode::reflect}, "reflected more than once")},
      {{[] { (void)pad(matrix, {{1, 1}, {1, 1}, {1, 1}}); }, "ShapeError",
        "pad: takes one amount, or one for each axis of float32[2,3], not 3"},
       {[] { (void)pad(matrix, {{-1, 0}}); }, "ValueError",
        "pad: an amount is negative: take a slice instead"},
       {[] { (void)pad(zeros({0}), {{1, 1}}, {.mode = PadMode::edge}); }, "ShapeError",
        "pad: there is nothing to continue: float32[0]"}});
}

}  // namespace

std::vector<Row> join_rows() {
  return {
      rearrangement("split",
                    {moving(
                         {2, 6}, [](const Tensor& x) { return split(x, 3, 1)[1]; }, {2, 2},
                         [](const Sizes& at) { return Sizes{at[0], at[1] + 2}; }, "equal parts"),
                     moving(
                         {5, 2}, [](const Tensor& x) { return split(x, {2, 3})[1]; }, {3, 2},
                         [](const Sizes& at) { return Sizes{at[0] + 2, at[1]}; }, "sizes")},
                    {{[] { (void)split(matrix, 2, 1); }, "ShapeError",
                      "split: axis 1 of float32[2,3] does not part into 2 equal sizes"},
                     {[] { (void)split(matrix, {1, 3}, 1); }, "ShapeError",
                      "split: the sizes of the parts add up to 4, not to axis 1 of float32[2,3]"},
                     {[] { (void)split(matrix, {4, -1}, 1); }, "ShapeError",
                      "split: a size is negative: -1"}}),
      concat_row(),
      rearrangement("stack",
                    {{{{{2, 3}}, {{2, 3}}},
                      [](Tensors x) { return stack(x, 1); },
                      [](Arrays x) {
                        return array_of({2, 2, 3}, [&](const Sizes& at) {
                          return x[static_cast<std::size_t>(at[1])]({at[0], at[2]});
                        });
                      },
                      "matrices"},
                     {{{{}}, {{}}, {{}}},
                      [](Tensors x) { return stack(x); },
                      [](Arrays x) {
                        return array_of({3}, [&](const Sizes& at) {
                          return x[static_cast<std::size_t>(at[0])]({});
                        });
                      },
                      "scalars"}},
                    {{[] { (void)stack({matrix, cube}); }, "ShapeError",
                      "stack: shapes differ: float32[2,3], float32[2,3,4]"}}),
      rearrangement(
          "tile",
          {moving(
               {2, 3}, [](const Tensor& x) { return tile(x, {2, 2}); }, {4, 6},
               [](const Sizes& at) { return Sizes{at[0] % 2, at[1] % 3}; }, "both axes"),
           moving(
               {3}, [](const Tensor& x) { return tile(x, {2, 1}); }, {2, 3},
               [](const Sizes& at) { return Sizes{at[1]}; }, "a new axis")},
          {{[] { (void)tile(matrix, {-1}); }, "ValueError", "tile: a count is negative: -1"}}),
      rearrangement("repeat",
                    {moving(
                         {2, 3}, [](const Tensor& x) { return repeat(x, 2, 1); }, {2, 6},
                         [](const Sizes& at) { return Sizes{at[0], at[1] / 2}; }, "columns"),
                     moving(
                         {2, 3}, [](const Tensor& x) { return repeat(x, 0, 0); }, {0, 3},
                         [](const Sizes& at) { return at; }, "never")},
                    {{[] { (void)repeat(matrix, -1, 0); }, "ValueError",
                      "repeat: the count is negative: -1"}}),
      rearrangement(
          "roll",
          {moving(
               {2, 5}, [](const Tensor& x) { return roll(x, 2, 1); }, {2, 5},
               [](const Sizes& at) { return Sizes{at[0], (at[1] + 3) % 5}; }, "forwards", false),
           moving(
               {2, 5}, [](const Tensor& x) { return roll(x, -6, 1); }, {2, 5},
               [](const Sizes& at) { return Sizes{at[0], (at[1] + 1) % 5}; }, "backwards", false)},
          {{[] { (void)roll(matrix, 1, 2); }, "IndexError",
            "roll: axis 2 is outside [-2, 2) for float32[2,3]"}}),
      pad_row(),
  };
}

}  // namespace rill::table
