#include <algorithm>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

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

}  // namespace

std::vector<Row> shape_rows() {
  const auto reversed = [](Sizes at) {
    std::reverse(at.begin(), at.end());
    return at;
  };
  return {
      rearrangement(
          "reshape",
          {regrouped(
               {2, 6}, [](const Tensor& x) { return reshape(x, {3, 4}); }, {3, 4}, "other groups",
               false),
           regrouped(
               {2, 6}, [](const Tensor& x) { return x.reshape({x.dim(0), 3, -1}); }, {2, 3, 2},
               "a size that follows", false),
           regrouped(
               {2, 3}, [](const Tensor& x) { return reshape(x, {x.dim(1), x.dim(0)}); }, {3, 2},
               "sizes of the operand"),
           regrouped(
               {}, [](const Tensor& x) { return reshape(x, {1, 1}); }, {1, 1}, "a scalar"),
           regrouped(
               {0, 3}, [](const Tensor& x) { return reshape(x, {3, 0, 2}); }, {3, 0, 2}, "nothing",
               false)},
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
      rearrangement("flatten",
                    {regrouped(
                         {2, 3, 2}, [](const Tensor& x) { return flatten(x); }, {12}, "a cube"),
                     regrouped(
                         {}, [](const Tensor& x) { return flatten(x); }, {1}, "a scalar")}),
      rearrangement(
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
      rearrangement("swapaxes",
                    {moving(
                        {2, 3, 4}, [](const Tensor& x) { return swapaxes(x, 0, -1); }, {4, 3, 2},
                        reversed, "the outer ones")},
                    {{[] { (void)swapaxes(matrix, 0, 2); }, "IndexError",
                      "swapaxes: axis 2 is outside [-2, 2) for float32[2,3]"}}),
      rearrangement(
          "moveaxis",
          {moving(
               {2, 3, 4}, [](const Tensor& x) { return moveaxis(x, 0, -1); }, {3, 4, 2},
               [](const Sizes& at) { return Sizes{at[2], at[0], at[1]}; }, "to the end"),
           moving(
               {2, 3, 4}, [](const Tensor& x) { return moveaxis(x, 2, 0); }, {4, 2, 3},
               [](const Sizes& at) { return Sizes{at[1], at[2], at[0]}; }, "to the front")},
          {{[] { (void)moveaxis(matrix, 0, 5); }, "IndexError",
            "moveaxis: axis 5 is outside [-2, 2) for float32[2,3]"}}),
      rearrangement("expand_dims",
                    {regrouped(
                         {2, 3}, [](const Tensor& x) { return expand_dims(x, 1); }, {2, 1, 3},
                         "in the middle"),
                     regrouped(
                         {2, 3}, [](const Tensor& x) { return expand_dims(x, -1); }, {2, 3, 1},
                         "at the end")},
                    {{[] { (void)expand_dims(matrix, 3); }, "IndexError",
                      "expand_dims: axis 3 is outside [-3, 3) for float32[2,3]"}}),
      rearrangement("squeeze",
                    {regrouped(
                         {1, 3, 1}, [](const Tensor& x) { return squeeze(x); }, {3}, "all", false),
                     regrouped(
                         {1, 3, 1}, [](const Tensor& x) { return squeeze(x, -1); }, {1, 3}, "one")},
                    {{[] { (void)squeeze(matrix, 0); }, "ShapeError",
                      "squeeze: axis 0 has not size 1: float32[2,3]"}}),
      rearrangement(
          "broadcast_to",
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
      rearrangement("flip",
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
  };
}

}  // namespace rill::table
