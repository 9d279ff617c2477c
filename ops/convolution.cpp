#include <rill/ops/convolution.h>

#include <string>

#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/index.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_window.h>
#include <rill/ops/preparation.h>
#include <rill/ops/shape.h>
#include <rill/ops/window_attributes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

void conv2d_rule(Infer& i, const WindowAttributes& a) {
  const DType dtype = i.promoted();
  i.require_dtype(is_float(dtype), "takes floats");
  i.convert(dtype);
  require_pairs(i, a, false, false);
  if (i.rank(0) != 4 || i.rank(1) != 4) {
    i.fail<ShapeError>(
        "takes images (n, h, w, c) and filters (kernel_h, kernel_w, c / groups, out_c)");
  }
  const Shape& x = i.shape(0);
  const Shape& w = i.shape(1);
  if (!equal_sizes(w[2] * a.groups, x[3]) || !(w[3] % a.groups == Dim(0))) {
    i.fail<ShapeError>("channels do not fit: " + x[3].text() + " in, filters for " + w[2].text() +
                       " x " + std::to_string(a.groups) + " groups, " + w[3].text() + " out");
  }
  require_extents(i, {x[1], x[2]}, {w[0], w[1]}, a);
  const Dim out_h = places(x[1], w[0], a, 0);
  const Dim out_w = places(x[2], w[1], a, 1);
  require_places(i, out_h);
  require_places(i, out_w);
  i.out(dtype, {x[0], out_h, out_w, w[3]});
}

kernel::ConvolutionShape shape_of(const Shape& x, const Shape& w, const Shape& y, DType dtype,
                                  const WindowAttributes& a) {
  const auto pair = [](const Shape& list) {
    return std::array<std::int64_t, 2>{list[0].value(), list[1].value()};
  };
  return {.dtype = dtype,
          .n = x[0].value(),
          .h = x[1].value(),
          .w = x[2].value(),
          .c = x[3].value(),
          .out_h = y[1].value(),
          .out_w = y[2].value(),
          .out_c = y[3].value(),
          .kernel_h = w[0].value(),
          .kernel_w = w[1].value(),
          .stride = pair(a.stride),
          .dilation = pair(a.dilation),
          .pad_before = pair(a.pad_before),
          .pad_after = pair(a.pad_after),
          .groups = a.groups};
}

void conv2d_plan(Preparation& p, const WindowAttributes& a) {
  p.plan(p.backend().convolution(
      shape_of(p.in(0).shape, p.in(1).shape, p.out().shape, p.out().dtype, a),
      kernel::ConvolutionPass::forward));
}
void input_gradient_plan(Preparation& p, const WindowAttributes& a) {
  p.plan(p.backend().convolution(
      shape_of(p.out().shape, p.in(1).shape, p.in(0).shape, p.out().dtype, a),
      kernel::ConvolutionPass::input_gradient));
}
void weight_gradient_plan(Preparation& p, const WindowAttributes& a) {
  p.plan(p.backend().convolution(
      shape_of(p.in(0).shape, p.out().shape, p.in(1).shape, p.out().dtype, a),
      kernel::ConvolutionPass::weight_gradient));
}

void require_one_dtype(const Infer& i) {
  i.require_dtype(is_float(i.dtype(0)) && i.dtype(0) == i.dtype(1), "takes floats of one dtype");
}

/// Of dy and filters.
void input_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, false, true);
  require_one_dtype(i);
  const Shape& w = i.shape(1);
  if (i.rank(1) == 4) require_extents(i, {a.image[0], a.image[1]}, {w[0], w[1]}, a);
  if (i.rank(0) != 4 || i.rank(1) != 4 || !equal_sizes(i.shape(0)[3], w[3]) ||
      !(w[3] % a.groups == Dim(0)) || !equal_sizes(i.shape(0)[1], places(a.image[0], w[0], a, 0)) ||
      !equal_sizes(i.shape(0)[2], places(a.image[1], w[1], a, 1))) {
    i.fail<ShapeError>("the gradient does not fit filters and image");
  }
  i.out(i.dtype(0), {i.shape(0)[0], a.image[0], a.image[1], i.shape(1)[2] * a.groups});
}
/// Of images and dy; `image` is the filters' size here.
void weight_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, false, true);
  require_one_dtype(i);
  if (i.rank(0) == 4)
    require_extents(i, {i.shape(0)[1], i.shape(0)[2]}, {a.image[0], a.image[1]}, a);
  if (i.rank(0) != 4 || i.rank(1) != 4 || !equal_sizes(i.shape(0)[0], i.shape(1)[0]) ||
      !equal_sizes(i.shape(1)[1], places(i.shape(0)[1], a.image[0], a, 0)) ||
      !equal_sizes(i.shape(1)[2], places(i.shape(0)[2], a.image[1], a, 1)) ||
      !(i.shape(0)[3] % a.groups == Dim(0)) || !(i.shape(1)[3] % a.groups == Dim(0))) {
    i.fail<ShapeError>("images and gradient do not fit the filters");
  }
  i.out(i.dtype(0), {a.image[0], a.image[1], i.shape(0)[3] / a.groups, i.shape(1)[3]});
}

// ---- In ONNX ----------------------------------------------------------------------------------

/// Filters (h, w, in / groups, out) as (out, in / groups, h, w).
Tensor to_oihw(const Tensor& w) { return transpose(w, {3, 2, 0, 1}); }

void conv2d_form(OnnxForm& o, const WindowAttributes& a) {
  const Shape& w = o.in(1).shape();
  o.out(to_nhwc(o.node("Conv", {to_nchw(o.in(0)), to_oihw(o.in(1))},
                       {{"kernel_shape", onnx_pair(o, {w[0], w[1]})},
                        {"strides", onnx_pair(o, a.stride)},
                        {"dilations", onnx_pair(o, a.dilation)},
                        {"pads", onnx_pads(o, a)},
                        {"group", a.groups}},
                       {o.result().dtype, nchw(o.result().shape)})));
}

/// What is left of the image where the last window ends is said as padding of the output.
void input_gradient_form(OnnxForm& o, const WindowAttributes& a) {
  const Shape &dy = o.in(0).shape(), &w = o.in(1).shape();
  Shape rest;
  for (int d = 0; d < 2; ++d) {
    const Dim covered = (dy[1 + d] - 1) * a.stride[d] + (w[d] - 1) * a.dilation[d] + 1;
    rest.push_back(a.image[d] - (covered - a.pad_before[d] - a.pad_after[d]));
  }
  o.out(to_nhwc(o.node("ConvTranspose", {to_nchw(o.in(0)), to_oihw(o.in(1))},
                       {{"kernel_shape", onnx_pair(o, {w[0], w[1]})},
                        {"strides", onnx_pair(o, a.stride)},
                        {"dilations", onnx_pair(o, a.dilation)},
                        {"pads", onnx_pads(o, a)},
                        {"output_padding", onnx_pair(o, rest)},
                        {"group", a.groups}},
                       {o.result().dtype, nchw(o.result().shape)})));
}

/// A convolution whose batch is the channels and whose filters are dy; of its result, what lies
/// within the filters' size.
void weight_gradient_form(OnnxForm& o, const WindowAttributes& a) {
  if (a.groups != 1) o.refuse("it has " + std::to_string(a.groups) + " groups");
  const Tensor x = transpose(o.in(0), {3, 0, 1, 2});
  const Tensor dy = transpose(o.in(1), {3, 0, 1, 2});
  Spec spec{o.result().dtype, {x.dim(0), dy.dim(0)}};
  for (int d = 0; d < 2; ++d) {
    const Dim reach = (dy.dim(2 + d) - 1) * a.stride[d] + 1;
    const Dim padded = x.dim(2 + d) + a.pad_before[d] + a.pad_after[d];
    spec.shape.push_back((padded - reach) / a.dilation[d] + 1);
  }
  const Tensor y = o.node("Conv", {x, dy},
                          {{"kernel_shape", onnx_pair(o, {dy.dim(2), dy.dim(3)})},
                           {"strides", onnx_pair(o, a.dilation)},
                           {"dilations", onnx_pair(o, a.stride)},
                           {"pads", onnx_pads(o, a)}},
                          spec);  // (in, out, h, w)
  const Shape window{x.dim(0), dy.dim(0), a.image[0], a.image[1]};
  o.out(transpose(strided_slice(y, {0, 0, 0, 0}, {1, 1, 1, 1}, window), {2, 3, 0, 1}));
}

// The three are one trilinear form, so each is the others' derivative.
Tensor forward(const Tensor& x, const Tensor& w, const WindowAttributes& a);
Tensor input_gradient(const Tensor& dy, const Tensor& w, const Shape& image,
                      const WindowAttributes& a);
Tensor weight_gradient(const Tensor& x, const Tensor& dy, const Shape& window,
                       const WindowAttributes& a);

constexpr Op table[] = {
    {.name = "conv2d",
     .peers = {.tensorflow = "nn.conv2d", .torch = "nn.functional.conv2d", .onnx = "Conv"},
     .rule = named<&conv2d_rule>,
     .library = named<&conv2d_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, input_gradient(g.dy(), g.x(1), image_of(g.shape(0)), a));
           if (g.wants(1)) g.to(1, weight_gradient(g.x(0), g.dy(), image_of(g.shape(1), 0), a));
         },
     .onnx = named<&conv2d_form>},
    {.name = "conv2d_input_gradient",
     .rule = named<&input_gradient_rule>,
     .library = named<&input_gradient_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, forward(g.dy(), g.x(1), a));
           if (g.wants(1)) g.to(1, weight_gradient(g.dy(), g.x(0), image_of(g.shape(1), 0), a));
         },
     .onnx = named<&input_gradient_form>},
    {.name = "conv2d_weight_gradient",
     .rule = named<&weight_gradient_rule>,
     .library = named<&weight_gradient_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, input_gradient(g.x(1), g.dy(), image_of(g.shape(0)), a));
           if (g.wants(1)) g.to(1, forward(g.x(0), g.dy(), a));
         },
     .onnx = named<&weight_gradient_form>},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor forward(const Tensor& x, const Tensor& w, const WindowAttributes& a) {
  return call(find<"conv2d">, x, w, with_image(a, {}));
}
Tensor input_gradient(const Tensor& dy, const Tensor& w, const Shape& image,
                      const WindowAttributes& a) {
  return call(find<"conv2d_input_gradient">, dy, w, with_image(a, image));
}
Tensor weight_gradient(const Tensor& x, const Tensor& dy, const Shape& window,
                       const WindowAttributes& a) {
  return call(find<"conv2d_weight_gradient">, x, dy, with_image(a, window));
}

}  // namespace

std::span<const Op> families::convolution() { return table; }

Tensor conv2d(const Operand& x, const Operand& filters, const ConvolutionOptions& options) {
  const Where where = x.where();
  const detail::UserCall scope("conv2d", where);
  const Tensor input = images_of("conv2d", x, options.layout);
  const Tensor& w = filters.tensor();
  if (!w.defined()) detail::fail_undefined("conv2d", where);
  if (w.rank() != 4)
    fail_images("conv2d", "takes filters (kernel_h, kernel_w, c / groups, out_c)", w, where);
  if (options.groups < 1) fail_images("conv2d", "there is at least one group", input, where);
  WindowAttributes a =
      window_attributes("conv2d", input, {input.dim(1), input.dim(2)}, {w.dim(0), w.dim(1)},
                        options.stride, options.dilation, options.padding, where);
  a.groups = options.groups;
  return from_nhwc(call(find<"conv2d">, {input, where}, w, a), options.layout, where);
}

}  // namespace rill
