#include <algorithm>
#include <functional>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

const Tensor matrix = zeros({2, 3});
const Tensor cube = zeros({2, 3, 4});

using From = std::function<Sizes(const Sizes&)>;

/// An operator that moves elements: `from` says, for an index of the result, where its element was.
Case moving(const Sizes& shape, std::function<Tensor(const Tensor&)> apply, const Sizes& result,
            const From& from, const char* what, bool symbolic = true) {
  return {
      {{shape}},
      [apply = std::move(apply)](Tensors x) { return apply(x[0]); },
      [=](Arrays x) { return array_of(result, [&](const Sizes& at) { return x[0](from(at)); }); },
      what,
      symbolic};
}

/// The same elements in the same order.
Case regrouped(const Sizes& shape, std::function<Tensor(const Tensor&)> apply, const Sizes& result,
               const char* what, bool symbolic = true) {
  return {{{shape}},
          [apply = std::move(apply)](Tensors x) { return apply(x[0]); },
          [=](Arrays x) {
            Array y(result);
            y.values = x[0].values;
            return y;
          },
          what,
          symbolic};
}

Row row_of(std::string name, std::vector<Case> cases, std::vector<Bad> bad = {}) {
  return {.name = std::move(name),
          .cases = std::move(cases),
          .dtypes = everything,
          .order = 2,
          .epsilons = 0,
          .bad = std::move(bad)};
}

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
  Row row =
      row_of("concat",
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
  return row_of(
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

std::vector<Row> shape_rows() {
  const auto reversed = [](Sizes at) {
    std::reverse(at.begin(), at.end());
    return at;
  };
  std::vector<Row> rows = {
      row_of("reshape",
             {regrouped(
                  {2, 6}, [](const Tensor& x) { return reshape(x, {3, 4}); }, {3, 4},
                  "other groups", false),
              regrouped(
                  {2, 6}, [](const Tensor& x) { return x.reshape({x.dim(0), 3, -1}); }, {2, 3, 2},
                  "a size that follows", false),
              regrouped(
                  {2, 3}, [](const Tensor& x) { return reshape(x, {x.dim(1), x.dim(0)}); }, {3, 2},
                  "sizes of the operand"),
              regrouped(
                  {}, [](const Tensor& x) { return reshape(x, {1, 1}); }, {1, 1}, "a scalar"),
              regrouped(
                  {0, 3}, [](const Tensor& x) { return reshape(x, {3, 0, 2}); }, {3, 0, 2},
                  "nothing", false)},
             {{[] { (void)reshape(matrix, {4, 2}); }, "ShapeError",
               "reshape: 6 elements do not fill 8: float32[2,3] to [4,2]"},
              {[] { (void)matrix.reshape({4, -1}); }, "ShapeError",
               "reshape: 6 elements are not a multiple of 4: float32[2,3] to [4,-1]"},
              {[] { (void)reshape(matrix, {-1, -1}); }, "ShapeError",
               "reshape: only one size may be -1: float32[2,3] to [-1,-1]"},
              {[] { (void)reshape(matrix, {-2, 3}); }, "ShapeError",
               "reshape: a size is negative: float32[2,3] to [-2,3]"},
              {[] { (void)reshape(zeros({0}), {0, -1}); }, "ShapeError",
               "reshape: -1 beside a size of 0 could be anything: float32[0] to [0,-1]"}}),
      row_of("flatten", {regrouped(
                             {2, 3, 2}, [](const Tensor& x) { return flatten(x); }, {12}, "a cube"),
                         regrouped(
                             {}, [](const Tensor& x) { return flatten(x); }, {1}, "a scalar")}),
      row_of(
          "transpose",
          {moving(
               {2, 3}, [](const Tensor& x) { return transpose(x); }, {3, 2}, reversed, "a matrix"),
           moving(
               {2, 3, 4}, [](const Tensor& x) { return x.transpose(); }, {4, 3, 2}, reversed,
               "a cube"),
           moving(
               {2, 3, 4}, [](const Tensor& x) { return transpose(x, {1, -1, 0}); }, {3, 4, 2},
               [](const Sizes& at) { return Sizes{at[2], at[0], at[1]}; }, "in an order")},
          {{[] { (void)transpose(matrix, {0, 0}); }, "IndexError",
            "transpose: axis 0 is given twice for float32[2,3]"},
           {[] { (void)transpose(matrix, {0}); }, "ShapeError",
            "transpose: the order [0] does not name every axis of float32[2,3]"},
           {[] { (void)transpose(matrix, {0, 2}); }, "IndexError",
            "transpose: axis 2 is outside [-2, 2) for float32[2,3]"}}),
      row_of("swapaxes",
             {moving(
                 {2, 3, 4}, [](const Tensor& x) { return swapaxes(x, 0, -1); }, {4, 3, 2}, reversed,
                 "the outer ones")},
             {{[] { (void)swapaxes(matrix, 0, 2); }, "IndexError",
               "swapaxes: axis 2 is outside [-2, 2) for float32[2,3]"}}),
      row_of("moveaxis",
             {moving(
                  {2, 3, 4}, [](const Tensor& x) { return moveaxis(x, 0, -1); }, {3, 4, 2},
                  [](const Sizes& at) { return Sizes{at[2], at[0], at[1]}; }, "to the end"),
              moving(
                  {2, 3, 4}, [](const Tensor& x) { return moveaxis(x, 2, 0); }, {4, 2, 3},
                  [](const Sizes& at) { return Sizes{at[1], at[2], at[0]}; }, "to the front")},
             {{[] { (void)moveaxis(matrix, 0, 5); }, "IndexError",
               "moveaxis: axis 5 is outside [-2, 2) for float32[2,3]"}}),
      row_of("expand_dims",
             {regrouped(
                  {2, 3}, [](const Tensor& x) { return expand_dims(x, 1); }, {2, 1, 3},
                  "in the middle"),
              regrouped(
                  {2, 3}, [](const Tensor& x) { return expand_dims(x, -1); }, {2, 3, 1},
                  "at the end")},
             {{[] { (void)expand_dims(matrix, 3); }, "IndexError",
               "expand_dims: axis 3 is outside [-3, 3) for float32[2,3]"}}),
      row_of("squeeze",
             {regrouped(
                  {1, 3, 1}, [](const Tensor& x) { return squeeze(x); }, {3}, "all"),
              regrouped(
                  {1, 3, 1}, [](const Tensor& x) { return squeeze(x, -1); }, {1, 3}, "one")},
             {{[] { (void)squeeze(matrix, 0); }, "ShapeError",
               "squeeze: axis 0 has not size 1: float32[2,3]"}}),
      row_of("broadcast_to",
             {moving(
                  {3, 1}, [](const Tensor& x) { return broadcast_to(x, {2, 3, 4}); }, {2, 3, 4},
                  [](const Sizes& at) { return Sizes{at[1], 0}; }, "a column", false),
              moving(
                  {}, [](const Tensor& x) { return broadcast_to(x, {2, 2}); }, {2, 2},
                  [](const Sizes&) { return Sizes{}; }, "a scalar"),
              moving(
                  {1, 3}, [](const Tensor& x) { return broadcast_to(x, {0, 3}); }, {0, 3},
                  [](const Sizes& at) { return at; }, "to nothing", false)},
             {{[] { (void)broadcast_to(matrix, {2, 4}); }, "ShapeError",
               "broadcast_to: sizes must be equal or 1 to stretch to [2,4]: float32[2,3]"},
              {[] { (void)broadcast_to(matrix, {3}); }, "ShapeError",
               "broadcast_to: sizes must be equal or 1 to stretch to [3]: float32[2,3]"}}),
      row_of("flip",
             {moving(
                  {2, 3}, [](const Tensor& x) { return flip(x, 1); }, {2, 3},
                  [](const Sizes& at) { return Sizes{at[0], 2 - at[1]}; }, "one axis"),
              moving(
                  {2, 3}, [](const Tensor& x) { return flip(x); }, {2, 3},
                  [](const Sizes& at) { return Sizes{1 - at[0], 2 - at[1]}; }, "all axes"),
              moving(
                  {0, 3}, [](const Tensor& x) { return flip(x); }, {0, 3},
                  [](const Sizes& at) { return at; }, "nothing")},
             {{[] { (void)flip(matrix, 2); }, "IndexError",
               "flip: axis 2 is outside [-2, 2) for float32[2,3]"}}),
      row_of("split",
             {moving(
                  {2, 6}, [](const Tensor& x) { return split(x, 3, 1)[1]; }, {2, 2},
                  [](const Sizes& at) { return Sizes{at[0], at[1] + 2}; }, "equal parts"),
              moving(
                  {5, 2}, [](const Tensor& x) { return split(x, {2, 3})[1]; }, {3, 2},
                  [](const Sizes& at) { return Sizes{at[0] + 2, at[1]}; }, "sizes")},
             {{[] { (void)split(matrix, 2, 1); }, "ShapeError",
               "split: axis 1 of float32[2,3] does not part into 2 equal sizes"},
              {[] { (void)split(matrix, {1, 3}, 1); }, "ShapeError",
               "split: the sizes of the parts add up to 4, not to axis 1 of float32[2,3]"}}),
      concat_row(),
      row_of("stack",
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
                 return array_of(
                     {3}, [&](const Sizes& at) { return x[static_cast<std::size_t>(at[0])]({}); });
               },
               "scalars"}},
             {{[] { (void)stack({matrix, cube}); }, "ShapeError",
               "stack: shapes differ: float32[2,3], float32[2,3,4]"}}),
      row_of("tile",
             {moving(
                  {2, 3}, [](const Tensor& x) { return tile(x, {2, 2}); }, {4, 6},
                  [](const Sizes& at) { return Sizes{at[0] % 2, at[1] % 3}; }, "both axes"),
              moving(
                  {3}, [](const Tensor& x) { return tile(x, {2, 1}); }, {2, 3},
                  [](const Sizes& at) { return Sizes{at[1]}; }, "a new axis")},
             {{[] { (void)tile(matrix, {-1}); }, "ValueError", "tile: a count is negative: -1"}}),
      row_of("repeat",
             {moving(
                  {2, 3}, [](const Tensor& x) { return repeat(x, 2, 1); }, {2, 6},
                  [](const Sizes& at) { return Sizes{at[0], at[1] / 2}; }, "columns"),
              moving(
                  {2, 3}, [](const Tensor& x) { return repeat(x, 0, 0); }, {0, 3},
                  [](const Sizes& at) { return at; }, "never")},
             {{[] { (void)repeat(matrix, -1, 0); }, "ValueError",
               "repeat: the count is negative: -1"}}),
      row_of(
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
  const auto triangle = [](const char* name, bool lower) {
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
    return row_of(name, {{{{{3, 4}}}, apply(0), kept(0), "a matrix"},
                         {{{{2, 3, 3}}}, apply(-1), kept(-1), "a stack"},
                         {{{{4, 3}}}, apply(1), kept(1), "above"}});
  };
  rows.push_back(triangle("tril", true));
  rows.push_back(triangle("triu", false));
  rows.back().bad = {
      {[] { (void)triu(zeros({3})); }, "ShapeError", "triu: needs two axes: float32[3]"}};
  return rows;
}

}  // namespace rill::table
