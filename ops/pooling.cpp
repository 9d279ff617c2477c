#include <rill/ops/pooling.h>

#include <limits>
#include <string>
#include <vector>

#include <rill/kernel/limits.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_window.h>
#include <rill/ops/window_attributes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

/// Places in a window are counted in int32.
void require_window(const Infer& i, const DimPair& image, const WindowAttributes& a) {
  require_extents(i, image, {a.window[0], a.window[1]}, a);
  if (const Dim size = a.window[0] * a.window[1]; size.known() && size.value() > longest_side) {
    i.fail<ShapeError>("a window has at most " + std::to_string(longest_side) + " elements, not " +
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

/// Adds a condition to one that may be undefined: always true.
void require(Value& all, const Value& condition) {
  all = all.defined() ? all && condition : condition;
}
/// An element where `inside` holds, which is everywhere if it is undefined.
Value element(Body& b, int k, const std::array<Value, 4>& index, const Value& inside,
              const Value& otherwise) {
  return inside.defined() ? b.in(k, index, inside, otherwise) : b.in(k, index);
}

/// Two loops over a window and what they meet at each place. Without padding all of it lies inside
/// the image.
struct Window {
  std::array<kernel::Id, 2> loops{};
  Value i, j, row, column, inside;

  Window(Body& b, const WindowAttributes& a) {
    loops = {b.loop(b.integer(a.window[0].value())), b.loop(b.integer(a.window[1].value()))};
    i = b.index(loops[0]);
    j = b.index(loops[1]);
    row = b.at(1) * a.stride[0].value() + i - a.pad_before[0].value();
    column = b.at(2) * a.stride[1].value() + j - a.pad_before[1].value();
    for (int d = 0; d < 2; ++d) {
      const Value& at = d == 0 ? row : column;
      if (!(a.pad_before[d] == Dim(0))) require(inside, at >= 0);
      if (!(a.pad_after[d] == Dim(0))) require(inside, at < b.size(0, 1 + d));
    }
  }
};

/// The largest element, and its place in the window as i * width + j. NaN wins; of equals the
/// first.
void max_pool_body(Body& b, const WindowAttributes& a) {
  const Window window(b, a);
  const Value none = kernel::lowest(b.constant(b.dtype(), 0));
  const Value x = element(b, 0, {b.at(0), window.row, window.column, b.at(3)}, window.inside, none);
  const Value place = kernel::cast(window.i * a.window[1].value() + window.j, int32);
  const auto step = [&](std::span<const Value> best) {
    Value take = best[1] < 0 || (best[0] == best[0] && !(x <= best[0]));
    if (window.inside.defined()) take = window.inside && take;
    return std::vector{kernel::select(take, x, best[0]), kernel::select(take, place, best[1])};
  };
  const auto results = b.fold(window.loops, {.kind = kernel::Fold::Kind::sequence,
                                             .init = {none, kernel::constant(place, -1)},
                                             .step = step,
                                             .merge = {}});
  b.out(0, results[0]);
  b.out(1, results[1]);
}

/// One after the other: windows are small.
kernel::Folding summing(const Value& term) {
  return {.kind = kernel::Fold::Kind::sequence,
          .init = {kernel::constant(term, 0)},
          .step = [=](std::span<const Value> total) { return std::vector{total[0] + term}; },
          .merge = {}};
}

/// Windows of the result that reach a pixel, the last first: loops along those axes along which
/// there may be more than one.
struct Reaching {
  std::vector<kernel::Id> loops;
  Value row, column, inside, place;

  /// `k` is the input that has one element per window.
  Reaching(Body& b, const WindowAttributes& a, int k) {
    std::array<Value, 2> at;
    std::array<Value, 2> offset;
    for (int d = 0; d < 2; ++d) {
      const std::int64_t stride = a.stride[d].value();
      const std::int64_t extent = a.window[d].value();
      const auto i = static_cast<std::size_t>(d);
      const Value padded = b.at(1 + d) + a.pad_before[d].value();
      at[i] = padded / stride;
      if (extent > stride) {
        loops.push_back(b.loop(b.integer((extent + stride - 1) / stride)));
        at[i] = at[i] - b.index(loops.back());
      }
      offset[i] = padded - at[i] * stride;
      require(inside, at[i] < b.size(k, 1 + d));
      if (extent > stride) require(inside, at[i] >= 0);
      if (extent % stride != 0) require(inside, offset[i] < extent);
    }
    row = at[0];
    column = at[1];
    place = offset[0] * a.window[1].value() + offset[1];
  }

  /// Of a term of each window.
  [[nodiscard]] Value sum(Body& b, const Value& term) const {
    return loops.empty() ? term : b.fold(loops, summing(term))[0];
  }
};

/// Of dy and places, for images of the size in the attributes.
void pool_gradient_rule(Infer& i, const WindowAttributes& a) {
  require_pairs(i, a, true, true);
  require_window(i, {a.image[0], a.image[1]}, a);
  if (i.rank(0) != 4 || (i.inputs() > 1 && !equal_sizes(i.shape(0), i.shape(1)))) {
    i.fail<ShapeError>("takes a gradient (n, h, w, c) and its places");
  }
  i.require_dtype(i.inputs() == 1 || i.dtype(1) == int32, "counts places in int32");
  i.out(i.dtype(0), {i.shape(0)[0], a.image[0], a.image[1], i.shape(0)[3]});
}

void max_pool_gradient_body(Body& b, const WindowAttributes& a) {
  const Reaching from(b, a, 0);
  const std::array index{b.at(0), from.row, from.column, b.at(3)};
  const Value zero = b.constant(b.dtype(0), 0);
  const Value dy = b.in(0, index, from.inside, zero);
  const Value chosen = b.in(1, index, from.inside, b.constant(int32, -1));
  const Value term = kernel::select(chosen == kernel::cast(from.place, int32), dy, zero);
  b.out(from.sum(b, term));
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
  const Value x = element(b, 0, {b.at(0), window.row, window.column, b.at(3)}, window.inside, zero);
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
  b.out(from.sum(b, dy / divisor));
}

void max_pool_form(OnnxForm& o, const WindowAttributes& a) {
  if (o.used(1)) o.refuse("the places of the largest elements, which a gradient asks for");
  // Of integers ONNX takes those of 8 bits; float64 holds those of 32.
  const DType dtype = o.result().dtype;
  const bool wide = is_integer(dtype) && size_of(dtype) > 1;
  if (wide && size_of(dtype) == 8) o.refuse("of integers of 64 bits");
  const Tensor x = wide ? o.in(0).to(float64) : o.in(0);
  o.out(to_nhwc(o.node("MaxPool", {to_nchw(x)},
                       {{"kernel_shape", onnx_pair(o, a.window)},
                        {"strides", onnx_pair(o, a.stride)},
                        {"pads", onnx_pads(o, a)}},
                       {x.dtype(), nchw(o.result().shape)}))
            .to(dtype));
}

void avg_pool_form(OnnxForm& o, const WindowAttributes& a) {
  o.out(to_nhwc(o.node("AveragePool", {to_nchw(o.in(0))},
                       {{"kernel_shape", onnx_pair(o, a.window)},
                        {"strides", onnx_pair(o, a.stride)},
                        {"pads", onnx_pads(o, a)}},
                       {o.result().dtype, nchw(o.result().shape)})));
}

Tensor max_pool_gradient(const Tensor& dy, const Tensor& places, const Shape& image,
                         const WindowAttributes& a);
Tensor max_pool_gather(const Tensor& x, const Tensor& places, const WindowAttributes& a);
Tensor avg_pool_gradient(const Tensor& dy, const Shape& image, const WindowAttributes& a);
Tensor avg_pool(const Tensor& x, const WindowAttributes& a);

constexpr Op table[] = {
    {.name = "max_pool2d",
     .peers = {.tensorflow = "nn.max_pool2d",
               .torch = "nn.functional.max_pool2d",
               .onnx = "MaxPool"},
     .rule = named<&max_pool_rule>,
     .body = named<&max_pool_body>,
     .grad =
         [](Grad& g, const WindowAttributes& a) {
           if (g.flows(0)) g.to(0, max_pool_gradient(g.dy(0), g.y(1), image_of(g.shape(0)), a));
         },
     .onnx = named<&max_pool_form>},
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
         },
     .onnx = named<&avg_pool_form>},
    {.name = "avg_pool2d_gradient",
     .rule = named<&pool_gradient_rule>,
     .body = named<&avg_pool_gradient_body>,
     .grad = [](Grad& g, const WindowAttributes& a) { g.to(0, avg_pool(g.dy(), a)); }},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

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

WindowAttributes pool_attributes(std::string_view operation, const Tensor& x,
                                 std::array<int, 2> window, const PoolOptions& options,
                                 Where where) {
  std::array<int, 2> stride = options.stride;
  for (std::size_t d = 0; d < 2; ++d) {
    if (stride[d] == 0) stride[d] = window[d];
  }
  WindowAttributes a = window_attributes(operation, x, {x.dim(1), x.dim(2)}, {window[0], window[1]},
                                         stride, {1, 1}, options.padding, where);
  for (std::size_t d = 0; d < 2; ++d) {
    a.window.push_back(window[d]);
    if (options.padding.kind() == WindowPadding::Kind::given &&
        (options.padding.before()[d] >= window[d] || options.padding.after()[d] >= window[d])) {
      fail_images(operation, "padding is smaller than the window", x, where);
    }
  }
  return a;
}

}  // namespace

std::span<const Op> families::pooling() { return table; }

Tensor max_pool2d(const Operand& x, std::array<int, 2> window, const PoolOptions& options) {
  const Where where = x.where();
  const detail::UserCall scope("max_pool2d", where);
  const Tensor input = images_of("max_pool2d", x, options.layout);
  const WindowAttributes a = pool_attributes("max_pool2d", input, window, options, where);
  return from_nhwc(call_for<2>(find<"max_pool2d">, {input}, a, where)[0], options.layout, where);
}

Tensor avg_pool2d(const Operand& x, std::array<int, 2> window, const PoolOptions& options) {
  const Where where = x.where();
  const detail::UserCall scope("avg_pool2d", where);
  const Tensor input = images_of("avg_pool2d", x, options.layout);
  const WindowAttributes a = pool_attributes("avg_pool2d", input, window, options, where);
  return from_nhwc(call(find<"avg_pool2d">, {input, where}, a), options.layout, where);
}

}  // namespace rill
