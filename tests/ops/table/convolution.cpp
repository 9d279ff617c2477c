#include <rill/ops/convolution.h>

#include "tests/ops/table.h"

namespace rill::table {
namespace {

struct ConvolutionWindows {
  std::array<std::int64_t, 2> stride{1, 1}, dilation{1, 1}, before{0, 0}, after{0, 0};
  std::int64_t groups = 1;
};

Array convolved(const Array& x, const Array& w, const ConvolutionWindows& p) {
  std::array<std::int64_t, 2> out{};
  for (std::size_t d = 0; d < 2; ++d) {
    out[d] = (x.shape[d + 1] + p.before[d] + p.after[d] - (w.shape[d] - 1) * p.dilation[d] - 1) /
                 p.stride[d] +
             1;
  }
  const std::int64_t per_group = w.shape[3] / p.groups;
  return array_of({x.shape[0], out[0], out[1], w.shape[3]}, [&](const Sizes& at) {
    double sum = 0;
    for_each_index({w.shape[0], w.shape[1], w.shape[2]}, [&](const Sizes& k) {
      const std::int64_t row = at[1] * p.stride[0] + k[0] * p.dilation[0] - p.before[0];
      const std::int64_t column = at[2] * p.stride[1] + k[1] * p.dilation[1] - p.before[1];
      if (row < 0 || column < 0 || row >= x.shape[1] || column >= x.shape[2]) return;
      const std::int64_t channel = at[3] / per_group * w.shape[2] + k[2];
      sum += x({at[0], row, column, channel}) * w({k[0], k[1], k[2], at[3]});
    });
    return sum;
  });
}

}  // namespace

std::vector<Row> convolution_rows() {
  return {
      {.name = "conv2d",
       .cases =
           {{{{{2, 5, 4, 3}}, {{3, 3, 3, 2}}},
             [](Tensors x) { return conv2d(x[0], x[1]); },
             [](Arrays x) { return convolved(x[0], x[1], {}); },
             "valid",
             false},
            {{{{1, 5, 6, 2}}, {{3, 2, 2, 4}}},
             [](Tensors x) {
               return conv2d(x[0], x[1],
                             {.stride = {2, 1}, .padding = WindowPadding({1, 0}, {1, 1})});
             },
             [](Arrays x) {
               return convolved(x[0], x[1], {.stride = {2, 1}, .before = {1, 0}, .after = {1, 1}});
             },
             "strides and padding",
             false},
            {{{{1, 7, 7, 2}}, {{3, 3, 2, 2}}},
             [](Tensors x) { return conv2d(x[0], x[1], {.dilation = {2, 2}}); },
             [](Arrays x) { return convolved(x[0], x[1], {.dilation = {2, 2}}); },
             "dilation",
             false},
            {{{{1, 4, 4, 4}}, {{3, 3, 2, 6}}},
             [](Tensors x) {
               return conv2d(x[0], x[1], {.padding = WindowPadding::same(), .groups = 2});
             },
             [](Arrays x) {
               return convolved(x[0], x[1], {.before = {1, 1}, .after = {1, 1}, .groups = 2});
             },
             "groups",
             false},
            {{{{1, 2, 4, 5}}, {{3, 3, 2, 3}}},
             [](Tensors x) {
               return conv2d(x[0], x[1], {.layout = ImageLayout::nchw}).transpose({0, 2, 3, 1});
             },
             [](Arrays x) {
               const Array nhwc = array_of({1, 4, 5, 2}, [&](const Sizes& at) {
                 return x[0]({at[0], at[3], at[1], at[2]});
               });
               return convolved(nhwc, x[1], {});
             },
             "channels first",
             false}},
       .dtypes = floats,
       .order = 2,
       .epsilons = 16,
       .generated = false,
       .scaled = true,
       .bad = {{[] { conv2d(images, zeros({3, 3, 3, 1})); }, "ShapeError",
                "conv2d: channels do not fit: 2 in, filters for 3 x 1 groups, 1 out: "
                "float32[1,4,4,2], float32[3,3,3,1]"},
               {[] { conv2d(images, zeros({5, 5, 2, 1})); }, "ShapeError",
                "conv2d: the window is larger than the padded image: float32[1,4,4,2], "
                "float32[5,5,2,1]"},
               {[] { conv2d(images, zeros({0, 3, 2, 1})); }, "ShapeError",
                "conv2d: the window has at least one element: float32[1,4,4,2]"}},
       .also = {"conv2d_input_gradient", "conv2d_weight_gradient"}},
  };
}

}  // namespace rill::table
