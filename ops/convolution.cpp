#include <rill/ops/convolution.h>

#include <limits>
#include <string>

#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/preparation.h>
#include <rill/ops/shape.h>

namespace rill {
namespace {

using Pair = std::array<Dim, 2>;  // by height and width

/// What a window does along height and width. The sizes of the images are attributes of the
/// gradients only.
struct WindowAttributes {
  Shape window;  ///< of pooling
  Shape stride;
  Shape dilation;
  Shape pad_before;
  Shape pad_after;
  Shape image;  ///< of the input whose gradient is asked for
  std::int64_t groups = 1;
  static constexpr auto fields() {
    return std::tuple{field("window", &WindowAttributes::window),
                      field("stride", &WindowAttributes::stride),
                      field("dilation", &WindowAttributes::dilation),
                      field("pad_before", &WindowAttributes::pad_before),
                      field("pad_after", &WindowAttributes::pad_after),
                      field("image", &WindowAttributes::image),
                      field("groups", &WindowAttributes::groups)};
  }
};

/// Places that a window of `extent` (with its dilation) takes along axis `d` of an image.
Dim places(Dim size, Dim extent, const WindowAttributes& a, int d) {
  const Dim reach = (extent - 1) * a.dilation[d] + 1;
  return (size + a.pad_before[d] + a.pad_after[d] - reach) / a.stride[d] + 1;
}

/// How far a window, with its dilation, may exceed an image: far enough for every model, and near
/// enough that the places outside cost little.
constexpr std::int64_t overhang = 4096;
/// The backend counts rows and columns in this many bits.
constexpr std::int64_t longest = std::numeric_limits<std::int32_t>::max();

/// Windows of these extents over images of these sizes are such as can be computed.
void require_extents(const Infer& i, const Pair& image, const Pair& window,
                     const WindowAttributes& a) {
  for (int d = 0; d < 2; ++d) {
    const auto at = static_cast<std::size_t>(d);
    if (!image[at].known() || !window[at].known() || !a.pad_before[d].known() ||
        !a.pad_after[d].known()) {
      continue;
    }
    const Dim reach = (window[at] - 1) * a.dilation[d] + 1;
    if (reach.value() - image[at].value() > overhang) {
      i.fail<ShapeError>("a window, with its dilation, is at most " + std::to_string(overhang) +
                         " larger than the image, not " + reach.text() + " over " +
                         image[at].text());
    }
    const Dim padded = image[at] + a.pad_before[d] + a.pad_after[d];
    if (padded.value() > longest) {
      i.fail<ShapeError>("a padded image has at most " + std::to_string(longest) +
                         " rows and columns, not " + padded.text());
    }
  }
}

/// Attributes as the functions below make them: a graph's file may say anything.
void require_pairs(const Infer& i, const WindowAttributes& a, bool window, bool image) {
  const auto at_least = [&](const Shape& list, std::int64_t least) {
    if (list.rank() != 2) i.fail<ValueError>("windows have two axes");
    for (Dim size : list) {
      if (size.known() && size.value() < least)
        i.fail<ValueError>("a window's attribute is too small");
      if (size.known() && size.value() > longest) {
        i.fail<ShapeError>("a window's sizes are at most " + std::to_string(longest) + ", not " +
                           size.text());
      }
    }
  };
  at_least(a.stride, 1);
  at_least(a.dilation, 1);
  at_least(a.pad_before, 0);
  at_least(a.pad_after, 0);
  if (window) at_least(a.window, 1);
  if (image) at_least(a.image, 0);
  if (a.groups < 1) i.fail<ValueError>("there is at least one group");
}

void require_places(const Infer& i, Dim count) {
  if (count.known() && count.value() <= 0)
    i.fail<ShapeError>("the window is larger than the padded image");
}

// ---- Convolution ------------------------------------------------------------------------------

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
  if (!(w[2] * a.groups == x[3]) || !(w[3] % a.groups == Dim(0))) {
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

/// Of dy and filters.
void input_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, false, true);
  const Shape& w = i.shape(1);
  if (i.rank(1) == 4) require_extents(i, {a.image[0], a.image[1]}, {w[0], w[1]}, a);
  if (i.rank(0) != 4 || i.rank(1) != 4 || !(i.shape(0)[3] == w[3]) ||
      !(i.shape(0)[1] == places(a.image[0], w[0], a, 0)) ||
      !(i.shape(0)[2] == places(a.image[1], w[1], a, 1))) {
    i.fail<ShapeError>("the gradient does not fit filters and image");
  }
  i.out(i.dtype(0), {i.shape(0)[0], a.image[0], a.image[1], i.shape(1)[2] * a.groups});
}
/// Of images and dy; `image` is the filters' size here.
void weight_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, false, true);
  if (i.rank(0) == 4)
    require_extents(i, {i.shape(0)[1], i.shape(0)[2]}, {a.image[0], a.image[1]}, a);
  if (i.rank(0) != 4 || i.rank(1) != 4 || !(i.shape(0)[0] == i.shape(1)[0]) ||
      !(i.shape(1)[1] == places(i.shape(0)[1], a.image[0], a, 0)) ||
      !(i.shape(1)[2] == places(i.shape(0)[2], a.image[1], a, 1)) ||
      !(i.shape(0)[3] % a.groups == Dim(0))) {
    i.fail<ShapeError>("images and gradient do not fit the filters");
  }
  i.out(i.dtype(0), {a.image[0], a.image[1], i.shape(0)[3] / a.groups, i.shape(1)[3]});
}

Shape image_of(const Shape& x, int first = 1) { return {x[first], x[first + 1]}; }

WindowAttributes with_image(WindowAttributes a, const Shape& image) {
  a.image = image;
  return a;
}

// The three are one trilinear form, so each is the others' derivative.
Tensor forward(const Tensor& x, const Tensor& w, const WindowAttributes& a);
Tensor input_gradient(const Tensor& dy, const Tensor& w, const Shape& image,
                      const WindowAttributes& a);
Tensor weight_gradient(const Tensor& x, const Tensor& dy, const Shape& window,
                       const WindowAttributes& a);

// ---- Pooling ----------------------------------------------------------------------------------

/// Places in a window are counted in int32.
void require_window(const Infer& i, const Pair& image, const WindowAttributes& a) {
  require_extents(i, image, {a.window[0], a.window[1]}, a);
  if (const Dim size = a.window[0] * a.window[1]; size.known() && size.value() > longest) {
    i.fail<ShapeError>("a window has at most " + std::to_string(longest) + " elements, not " +
                       size.text());
  }
}

void pool_rule(Infer& i, const WindowAttributes& a) {
  if (i.rank(0) != 4) i.fail<ShapeError>("takes images (n, h, w, c)");
  require_pairs(i, a, true, false);
  const Shape& x = i.shape(0);
  require_window(i, {x[1], x[2]}, a);
  const Dim out_h = places(x[1], a.window[0], a, 0);
  const Dim out_w = places(x[2], a.window[1], a, 1);
  require_places(i, out_h);
  require_places(i, out_w);
  i.out(i.dtype(0), {x[0], out_h, out_w, x[3]});
}

void max_pool_rule(Infer& i, const WindowAttributes& a) {
  i.require_dtype(i.dtype(0) != bool_, "takes numbers");
  pool_rule(i, a);
  i.out(int32, i.results()[0].shape);
}

/// Two loops over a window and what they meet at each place.
struct Window {
  std::array<kernel::Id, 2> loops{};
  Value i, j, row, column, inside;

  Window(Body& b, const WindowAttributes& a) {
    loops = {b.loop(b.integer(a.window[0].value())), b.loop(b.integer(a.window[1].value()))};
    i = b.index(loops[0]);
    j = b.index(loops[1]);
    row = b.at(1) * a.stride[0].value() + i - a.pad_before[0].value();
    column = b.at(2) * a.stride[1].value() + j - a.pad_before[1].value();
    inside = row >= 0 && row < b.size(0, 1) && column >= 0 && column < b.size(0, 2);
  }
};

Value lowest(const Value& like) {
  if (is_float(like.dtype()))
    return kernel::constant(like, -std::numeric_limits<double>::infinity());
  const auto bits = static_cast<unsigned>(size_of(like.dtype()) * 8);
  return kernel::constant_bits(like,
                               is_unsigned(like.dtype()) ? 0 : std::uint64_t{1} << (bits - 1U));
}

/// The largest element, and its place in the window as i * width + j. NaN wins; of equals the
/// first.
void max_pool_body(Body& b, const WindowAttributes& a) {
  const Window window(b, a);
  const Value none = lowest(b.constant(b.dtype(), 0));
  const Value x =
      b.in(0, std::array{b.at(0), window.row, window.column, b.at(3)}, window.inside, none);
  const Value place = kernel::cast(window.i * a.window[1].value() + window.j, int32);
  const Value unset = kernel::constant(place, -1);
  const auto better = [](const Value& value, const Value& place, const Value& best,
                         const Value& best_place) {
    const Value is_nan = value != value;
    const Value best_is_nan = best != best;
    return (place >= 0) && ((best_place < 0) || (!best_is_nan && (is_nan || best < value)) ||
                            (place < best_place && (value == best || (is_nan && best_is_nan))));
  };
  const auto join = [=](const Value& value, const Value& at, const Value& best,
                        const Value& best_at) {
    const Value take = better(value, at, best, best_at);
    return std::vector{kernel::select(take, value, best), kernel::select(take, at, best_at)};
  };
  const auto results =
      b.fold(window.loops, {.init = {none, unset},
                            .step =
                                [=](std::span<const Value> best) {
                                  return join(x, kernel::select(window.inside, place, unset),
                                              best[0], best[1]);
                                },
                            .merge =
                                [=](std::span<const Value> left, std::span<const Value> right) {
                                  return join(right[0], right[1], left[0], left[1]);
                                }});
  b.out(0, results[0]);
  b.out(1, results[1]);
}

/// Windows of the result that reach a pixel: `count` of them along each axis, the last first.
struct Reaching {
  std::array<kernel::Id, 2> loops{};
  Value row, column, inside, place;

  /// `k` is the input that has one element per window.
  Reaching(Body& b, const WindowAttributes& a, int k) {
    std::array<Value, 2> at;
    std::array<Value, 2> offset;
    for (int d = 0; d < 2; ++d) {
      const std::int64_t stride = a.stride[d].value();
      const std::int64_t extent = a.window[d].value();
      const auto i = static_cast<std::size_t>(d);
      loops[i] = b.loop(b.integer((extent + stride - 1) / stride));
      const Value padded = b.at(1 + d) + a.pad_before[d].value();
      at[i] = padded / stride - b.index(loops[i]);
      offset[i] = padded - at[i] * stride;
      const Value fits = at[i] >= 0 && at[i] < b.size(k, 1 + d) && offset[i] < extent;
      inside = d == 0 ? fits : inside && fits;
    }
    row = at[0];
    column = at[1];
    place = offset[0] * a.window[1].value() + offset[1];
  }
};

kernel::Folding summing(const Value& term) {
  return {.init = {kernel::constant(term, 0)},
          .step = [=](std::span<const Value> total) { return std::vector{total[0] + term}; },
          .merge = [](std::span<const Value> a,
                      std::span<const Value> b) { return std::vector{a[0] + b[0]}; }};
}

/// Of dy and places, for images of the size in the attributes.
void pool_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, true, true);
  require_window(i, {a.image[0], a.image[1]}, a);
  if (i.rank(0) != 4 || (i.inputs() > 1 && !(i.shape(0) == i.shape(1)))) {
    i.fail<ShapeError>("takes a gradient (n, h, w, c) and its places");
  }
  i.out(i.dtype(0), {i.shape(0)[0], a.image[0], a.image[1], i.shape(0)[3]});
}

void max_pool_gradient_body(Body& b, const WindowAttributes& a) {
  const Reaching from(b, a, 0);
  const std::array index{b.at(0), from.row, from.column, b.at(3)};
  const Value zero = b.constant(b.dtype(0), 0);
  const Value dy = b.in(0, index, from.inside, zero);
  const Value chosen = b.in(1, index, from.inside, b.constant(int32, -1));
  const Value term = kernel::select(chosen == kernel::cast(from.place, int32), dy, zero);
  b.out(b.fold(from.loops, summing(term))[0]);
}

/// The elements of images at the places that max_pool2d chose: of images and places.
void max_pool_gather_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, true, false);
  if (i.rank(0) != 4 || i.rank(1) != 4 || i.dtype(1) != int32)
    i.fail<ShapeError>("takes images and places (n, h, w, c)");
  require_window(i, {i.shape(0)[1], i.shape(0)[2]}, a);
  i.out(i.dtype(0), i.shape(1));
}

void max_pool_gather_body(Body& b, const WindowAttributes& a) {
  const Value place = kernel::cast(b.in(1), int64);
  const Value known = kernel::maximum(place, 0);
  const Value row =
      b.at(1) * a.stride[0].value() - a.pad_before[0].value() + known / a.window[1].value();
  const Value column =
      b.at(2) * a.stride[1].value() - a.pad_before[1].value() + known % a.window[1].value();
  const Value inside =
      place >= 0 && row >= 0 && row < b.size(0, 1) && column >= 0 && column < b.size(0, 2);
  b.out(b.in(0, std::array{b.at(0), row, column, b.at(3)}, inside, b.constant(b.dtype(0), 0)));
}

void avg_pool_rule(Infer& i, const WindowAttributes& a) {
  i.require_dtype(is_float(i.dtype(0)), "takes floats");
  pool_rule(i, a);
}

/// Elements of a window that lie in an image of these extents, along one axis.
Value covered(const Value& at, const Value& size, const WindowAttributes& a, int d) {
  const Value first = at * a.stride[d].value() - a.pad_before[d].value();
  return kernel::minimum(first + a.window[d].value(), size) - kernel::maximum(first, 0);
}

void avg_pool_body(Body& b, const WindowAttributes& a) {
  const Window window(b, a);
  const Value zero = b.constant(b.dtype(), 0);
  const Value x =
      b.in(0, std::array{b.at(0), window.row, window.column, b.at(3)}, window.inside, zero);
  const Value count = covered(b.at(1), b.size(0, 1), a, 0) * covered(b.at(2), b.size(0, 2), a, 1);
  b.out(b.fold(window.loops, summing(x))[0] / kernel::cast(count, x.dtype()));
}

void avg_pool_gradient_body(Body& b, const WindowAttributes& a) {
  const Reaching from(b, a, 0);
  const Value dy = b.in(0, std::array{b.at(0), from.row, from.column, b.at(3)}, from.inside,
                        b.constant(b.dtype(0), 0));
  const Value count =
      covered(from.row, b.extent(1), a, 0) * covered(from.column, b.extent(2), a, 1);
  // Outside the count may be anything; dy is 0 there, so keep the quotient so.
  const Value divisor = kernel::cast(kernel::select(from.inside, count, 1), dy.dtype());
  b.out(b.fold(from.loops, summing(dy / divisor))[0]);
}

Tensor max_pool_gradient(const Tensor& dy, const Tensor& places, const Shape& image,
                         const WindowAttributes& a);
Tensor max_pool_gather(const Tensor& x, const Tensor& places, const WindowAttributes& a);
Tensor avg_pool_gradient(const Tensor& dy, const Shape& image, const WindowAttributes& a);
Tensor avg_pool(const Tensor& x, const WindowAttributes& a);

constexpr Op table[] = {
    {.name = "conv2d",
     .peers = {.tensorflow = "nn.conv2d", .torch = "nn.functional.conv2d", .onnx = "Conv"},
     .rule = named<&conv2d_rule>,
     .library = named<&conv2d_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, input_gradient(g.dy(), g.x(1), image_of(g.shape(0)), a));
           if (g.wants(1)) g.to(1, weight_gradient(g.x(0), g.dy(), image_of(g.shape(1), 0), a));
         }},
    {.name = "conv2d_input_gradient",
     .rule = named<&input_gradient_rule>,
     .library = named<&input_gradient_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, forward(g.dy(), g.x(1), a));
           if (g.wants(1)) g.to(1, weight_gradient(g.dy(), g.x(0), image_of(g.shape(1), 0), a));
         }},
    {.name = "conv2d_weight_gradient",
     .rule = named<&weight_gradient_rule>,
     .library = named<&weight_gradient_plan>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.wants(0)) g.to(0, input_gradient(g.x(1), g.dy(), image_of(g.shape(0)), a));
           if (g.wants(1)) g.to(1, forward(g.x(0), g.dy(), a));
         }},
    {.name = "max_pool2d",
     .peers = {.tensorflow = "nn.max_pool2d",
               .torch = "nn.functional.max_pool2d",
               .onnx = "MaxPool"},
     .rule = named<&max_pool_rule>,
     .body = named<&max_pool_body>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.flows(0)) g.to(0, max_pool_gradient(g.dy(0), g.y(1), image_of(g.shape(0)), a));
         }},
    {.name = "max_pool2d_gradient",
     .rule = named<&pool_gradient_rule>,
     .body = named<&max_pool_gradient_body>,
     .grad = [](Grad& g,
                const WindowAttributes& a) { g.to(0, max_pool_gather(g.dy(), g.x(1), a)); }},
    {.name = "max_pool2d_gather",
     .rule = named<&max_pool_gather_rule>,
     .body = named<&max_pool_gather_body>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           g.to(0, max_pool_gradient(g.dy(), g.x(1), image_of(g.shape(0)), a));
         }},
    {.name = "avg_pool2d",
     .peers = {.tensorflow = "nn.avg_pool2d",
               .torch = "nn.functional.avg_pool2d",
               .onnx = "AveragePool"},
     .rule = named<&avg_pool_rule>,
     .body = named<&avg_pool_body>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           g.to(0, avg_pool_gradient(g.dy(), image_of(g.shape(0)), a));
         }},
    {.name = "avg_pool2d_gradient",
     .rule = named<&pool_gradient_rule>,
     .body = named<&avg_pool_gradient_body>,
     .grad = [](Grad& g, const WindowAttributes& a) { g.to(0, avg_pool(g.dy(), a)); }},
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
Tensor max_pool_gradient(const Tensor& dy, const Tensor& places, const Shape& image,
                         const WindowAttributes& a) {
  return call(find<"max_pool2d_gradient">, dy, places, with_image(a, image));
}
Tensor max_pool_gather(const Tensor& x, const Tensor& places, const WindowAttributes& a) {
  return call(find<"max_pool2d_gather">, x, places, with_image(a, {}));
}
Tensor avg_pool_gradient(const Tensor& dy, const Shape& image, const WindowAttributes& a) {
  return call(find<"avg_pool2d_gradient">, dy, with_image(a, image));
}
Tensor avg_pool(const Tensor& x, const WindowAttributes& a) {
  return call(find<"avg_pool2d">, x, with_image(a, {}));
}

// ---- From options to attributes ---------------------------------------------------------------

[[noreturn]] void fail(std::string_view operation, const std::string& rule, const Tensor& x,
                       Where where) {
  throw ShapeError(std::string(operation) + ": " + rule + ": " + x.type_text() + where.suffix());
}

/// `window` and `image` by height and width.
WindowAttributes attributes_for(std::string_view operation, const Tensor& x, const Pair& image,
                                const Pair& window, std::array<int, 2> stride,
                                std::array<int, 2> dilation, const WindowPadding& padding,
                                Where where) {
  WindowAttributes a;
  for (std::size_t d = 0; d < 2; ++d) {
    if (stride[d] < 1 || dilation[d] < 1)
      fail(operation, "strides and dilations are at least 1", x, where);
    if (window[d].known() && window[d].value() < 1)
      fail(operation, "the window has at least one element", x, where);
    if (padding.before()[d] < 0 || padding.after()[d] < 0)
      fail(operation, "padding is not negative", x, where);
    a.stride.push_back(stride[d]);
    a.dilation.push_back(dilation[d]);
    if (padding.kind() == WindowPadding::Kind::same) {
      // ceil(size / stride) places: TensorFlow's rule.
      const Dim reach = (window[d] - 1) * dilation[d] + 1;
      const Dim count = (image[d] + (stride[d] - 1)) / stride[d];
      const Dim total = Dim::max((count - 1) * stride[d] + reach - image[d], 0);
      a.pad_before.push_back(total / 2);
      a.pad_after.push_back(total - total / 2);
    } else {
      a.pad_before.push_back(padding.before()[d]);
      a.pad_after.push_back(padding.after()[d]);
    }
  }
  return a;
}

Tensor to_nhwc(const Tensor& x, ImageLayout layout, Where where) {
  return layout == ImageLayout::nhwc ? x : x.transpose({0, 2, 3, 1}, where);
}
Tensor from_nhwc(const Tensor& x, ImageLayout layout, Where where) {
  return layout == ImageLayout::nhwc ? x : x.transpose({0, 3, 1, 2}, where);
}

/// The images as (n, h, w, c), checked.
Tensor images(std::string_view operation, const Operand& x, ImageLayout layout) {
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined(operation.data(), x.where());
  if (t.rank() != 4)
    fail(operation, "takes images of four axes, (n, h, w, c) or (n, c, h, w)", t, x.where());
  return to_nhwc(t, layout, x.where());
}

WindowAttributes pool_attributes(std::string_view operation, const Tensor& x,
                                 std::array<int, 2> window, const PoolOptions& options,
                                 Where where) {
  std::array<int, 2> stride = options.stride;
  for (std::size_t d = 0; d < 2; ++d) {
    if (stride[d] == 0) stride[d] = window[d];
  }
  WindowAttributes a = attributes_for(operation, x, {x.dim(1), x.dim(2)}, {window[0], window[1]},
                                      stride, {1, 1}, options.padding, where);
  for (std::size_t d = 0; d < 2; ++d) {
    a.window.push_back(window[d]);
    if (options.padding.kind() == WindowPadding::Kind::given &&
        (options.padding.before()[d] >= window[d] || options.padding.after()[d] >= window[d])) {
      fail(operation, "padding is smaller than the window", x, where);
    }
  }
  return a;
}

}  // namespace

std::span<const Op> families::convolution() { return table; }

Tensor conv2d(const Operand& x, const Operand& filters, const ConvolutionOptions& options) {
  const Where where = x.where();
  const Tensor input = images("conv2d", x, options.layout);
  const Tensor& w = filters.tensor();
  if (!w.defined()) detail::fail_undefined("conv2d", where);
  if (w.rank() != 4)
    fail("conv2d", "takes filters (kernel_h, kernel_w, c / groups, out_c)", w, where);
  if (options.groups < 1) fail("conv2d", "there is at least one group", input, where);
  WindowAttributes a =
      attributes_for("conv2d", input, {input.dim(1), input.dim(2)}, {w.dim(0), w.dim(1)},
                     options.stride, options.dilation, options.padding, where);
  a.groups = options.groups;
  return from_nhwc(call(find<"conv2d">, {input, where}, w, a), options.layout, where);
}

Tensor max_pool2d(const Operand& x, std::array<int, 2> window, const PoolOptions& options) {
  const Where where = x.where();
  const Tensor input = images("max_pool2d", x, options.layout);
  const WindowAttributes a = pool_attributes("max_pool2d", input, window, options, where);
  return from_nhwc(call_for<2>(find<"max_pool2d">, {input}, a, where)[0], options.layout, where);
}

Tensor avg_pool2d(const Operand& x, std::array<int, 2> window, const PoolOptions& options) {
  const Where where = x.where();
  const Tensor input = images("avg_pool2d", x, options.layout);
  const WindowAttributes a = pool_attributes("avg_pool2d", input, window, options, where);
  return from_nhwc(call(find<"avg_pool2d">, {input, where}, a), options.layout, where);
}

}  // namespace rill
