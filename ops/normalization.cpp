#include <rill/ops/normalization.h>

#include <array>
#include <string>
#include <string_view>
#include <tuple>

#include <rill/kernel/math.h>
#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/composition.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

namespace math = kernel::math;

// Both kinds subtract a mean and divide by a deviation over some axes; they differ in which, and in
// where gamma lies.

struct NormAttributes {
  Axes axes;
  double epsilon = 1e-5;
  static constexpr auto fields() {
    return std::tuple{field("axes", &NormAttributes::axes),
                      field("epsilon", &NormAttributes::epsilon)};
  }
};

// The table stands below what it names, and what it names calls it.
const Op& find_normalization_gradient();
const Op& find_normalize();
const Op& find_channel_gradient();
const Op& find_batch_norm_gradient();
std::array<Tensor, 2> moments_of(const Tensor& x, const NormAttributes& a, Where where);

/// The shape of statistics over the attributes' axes of input `k`.
Shape kept(const Infer& i, int k, const NormAttributes& a) {
  Shape result = i.shape(k);
  i.require_axes(a.axes, k);
  for (const int axis : a.axes) result[axis] = 1;
  return result;
}

/// Statistics of half tensors are float32.
DType statistic(DType dtype) { return is_half(dtype) ? float32 : dtype; }

/// All inputs are computed in one float dtype: half types may stand beside float32.
void require_one_precision(const Infer& i) {
  for (int k = 0; k < i.inputs(); ++k) {
    i.require_dtype(is_float(i.dtype(k)) && statistic(i.dtype(k)) == statistic(i.dtype(0)),
                    "takes floats of one precision");
  }
}

/// Every other input broadcasts to input `k`.
void require_broadcast_to(const Infer& i, int k) {
  require_one_precision(i);
  if (!equal_sizes(i.broadcast_shape(), i.shape(k)))
    i.fail<ShapeError>("the other operands broadcast to " + i.shape(k).text());
}

void layer_norm_rule(Infer& i, const NormAttributes& a) {
  require_one_precision(i);
  i.require_axes(a.axes);
  for (int k = 1; k < 3; ++k) {
    bool fits = i.rank(k) == a.axes.count();
    for (int d = 0; fits && d < i.rank(k); ++d)
      fits = equal_sizes(i.shape(k)[d], i.shape(0)[a.axes[d]]);
    if (!fits) i.fail<ShapeError>("gamma and beta have the shape of the normalised axes");
  }
  i.out(i.dtype(0), i.shape(0));
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
}

void layer_norm_body(Body& b, const NormAttributes& a) {
  Row row = b.row(a.axes);
  const Value x = b.in(0);
  const Value n = kernel::cast(row.length(), x.dtype());
  const Value mean = row.sum(x) / n;
  const Value centred = x - mean;
  const Value deviation =
      math::rsqrt(row.sum(centred * centred) / n + kernel::constant(x, a.epsilon));
  b.out(0, centred * deviation * b.in(1) + b.in(2));
  b.out(1, mean);
  b.out(2, deviation);
}

/// dx = s (a - mean(a) - h mean(a h)) with a = dy gamma, h = (x - mean) s; of dy, x, gamma, mean
/// and deviation s, where "deviation" is short for its reciprocal.
void normalization_gradient_rule(Infer& i, const NormAttributes& a) {
  (void)kept(i, 1, a);
  require_broadcast_to(i, 1);
  i.out(i.dtype(1), i.shape(1));
}

void normalization_gradient_body(Body& b, const NormAttributes& a) {
  Row row = b.row(a.axes);
  const Value s = b.in(4);
  const Value h = (b.in(1) - b.in(3)) * s;
  const Value flow = b.in(0) * b.in(2);
  const Value n = kernel::cast(row.length(), s.dtype());
  const Value along_mean = row.sum(flow) / n;
  const Value along_scale = row.sum(flow * h) / n;
  b.out(s * (flow - along_mean - h * along_scale));
}

/// The derivative of the formula above along each of its five inputs, for a cotangent v: it is
/// symmetric and linear in dy gamma and v. Mean and deviation count as inputs of their own: what
/// they owe to x comes by the chain rule.
void normalization_gradient_gradient(Grad& g, const NormAttributes& attributes, const Tensor& v) {
  const Tensor &dy = g.x(0), &x = g.x(1), &gamma = g.x(2), &mu = g.x(3), &s = g.x(4);
  const auto mean_of = [&](const Tensor& t) {
    return mean(t, attributes.axes, {.keepdims = true});
  };
  const Tensor a = dy * gamma;
  const Tensor h = (x - mu) * s;
  const Tensor ah = mean_of(a * h);
  const Tensor vh = mean_of(v * h);
  const Tensor vm = mean_of(v);
  if (g.wants(0) || g.wants(2)) {
    const Tensor flow = s * (v - vm - h * vh);
    if (g.wants(0)) g.to(0, flow * gamma);
    if (g.wants(2)) g.to(2, flow * dy);
  }
  const Tensor along_x = s * s * (vh * a + ah * v);
  if (g.wants(1)) g.to(1, -along_x);
  if (g.wants(3)) g.to(3, along_x);
  if (g.wants(4)) {
    g.to(4, (mean_of(a * v) - mean_of(a) * vm - 3 * ah * vh) *
                size_along(g.shape(1), attributes.axes));
  }
}

/// sum(dy) and sum(dy h) over the axes, with h = (x - mean) s; of dy, x, mean and s.
void normalization_sums_rule(Infer& i, const NormAttributes& a) {
  require_broadcast_to(i, 0);
  i.out(i.dtype(0), kept(i, 0, a));
  i.out(i.dtype(0), kept(i, 0, a));
}

void normalization_sums_body(Body& b, const NormAttributes& a) {
  b.over_input(0);
  Row row = b.row(a.axes);
  const Value dy = b.in(0);
  b.out(0, row.sum(dy));
  b.out(1, row.sum(dy * ((b.in(1) - b.in(2)) * b.in(3))));
}

std::array<Tensor, 2> normalization_sums(const Tensor& dy, const Tensor& x, const Tensor& mean,
                                         const Tensor& s, const NormAttributes& a);

/// What the two sums send back, for cotangents v0 and v1 (undefined where there is none).
void send_back_sums(Grad& g, const Tensor& v0, const Tensor& v1, int mean, int s) {
  const Tensor &dy = g.x(0), &x = g.x(1), &mu = g.x(mean), &scale = g.x(s);
  if (v0.defined() && g.wants(0)) g.to(0, broadcast_to(v0, g.shape(0)));
  if (!v1.defined()) return;
  if (g.wants(0)) g.to(0, (x - mu) * scale * v1);
  const Tensor along_x = dy * scale * v1;
  if (g.wants(1)) g.to(1, along_x);
  if (g.wants(mean)) g.to(mean, -along_x);
  if (g.wants(s)) g.to(s, dy * (x - mu) * v1);
}

void layer_norm_gradient(Grad& g, const NormAttributes& a) {
  const Tensor& x = g.x(0);
  const Tensor& mean = g.y(1);
  const Tensor& s = g.y(2);
  if (g.flows(0)) {
    const Tensor dy = g.dy(0);
    if (g.wants(0)) {
      g.to(0, call_for<1>(find_normalization_gradient(), {dy, x, g.x(1), mean, s}, a, {})[0]);
    }
    if (g.wants(1) || g.wants(2)) {
      Axes others;
      for (int axis = 0; axis < g.shape(0).rank(); ++axis) {
        if (!a.axes.contains(axis)) others.push_back(axis);
      }
      const auto [sum_dy, sum_dy_h] = normalization_sums(dy, x, mean, s, {others, a.epsilon});
      g.to(1, sum_dy_h.reshape(g.shape(1)));
      g.to(2, sum_dy.reshape(g.shape(2)));
    }
  }
  const Dim n = size_along(g.shape(0), a.axes);
  if (g.flows(1)) g.to(0, broadcast_to(g.dy(1) / n, g.shape(0)));
  if (g.flows(2)) g.to(0, (x - mean) * (g.dy(2) * s * s * s / n) * -1);
}

// ---- Moments and batch normalisation ----------------------------------------------------------

void moments_rule(Infer& i, const NormAttributes& a) {
  i.require_dtype(is_float(i.dtype(0)), "takes floats");
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
}

void moments_body(Body& b, const NormAttributes& a) {
  b.over_input(0);
  Row row = b.row(a.axes);
  const Value x = b.in(0);
  const Value n = kernel::cast(row.length(), x.dtype());
  const Value mean = row.sum(x) / n;
  const Value centred = x - mean;
  b.out(0, mean);
  b.out(1, row.sum(centred * centred) / n);
}

/// What mean and variance of x send back to it.
void send_back_moments(Grad& g, const NormAttributes& a, int mean, int variance) {
  const Dim n = size_along(g.shape(0), a.axes);
  if (g.flows(mean)) g.to(0, broadcast_to(g.dy(mean) / n, g.shape(0)));
  if (g.flows(variance)) g.to(0, (g.x(0) - g.y(mean)) * (g.dy(variance) * 2 / n));
}

/// (x - mean) rsqrt(variance + epsilon) gamma + beta, every statistic broadcast.
void normalize_rule(Infer& i, const NormAttributes&) {
  i.require_dtype(is_float(i.dtype(0)), "takes floats");
  require_broadcast_to(i, 0);
  i.out(i.dtype(0), i.shape(0));
}

void normalize_body(Body& b, const NormAttributes& a) {
  const Value variance = b.in(4);
  const Value s = math::rsqrt(variance + kernel::constant(variance, a.epsilon));
  b.out((b.in(0) - b.in(3)) * s * b.in(1) + b.in(2));
}

void normalize_gradient(Grad& g, const NormAttributes& a) {
  const Tensor dy = g.dy();
  const Tensor &x = g.x(0), &gamma = g.x(1), &mean = g.x(3);
  const Tensor s = rsqrt(g.x(4) + a.epsilon);
  if (g.wants(0) || g.wants(3)) {
    const Tensor along_x = dy * (s * gamma);
    if (g.wants(0)) g.to(0, along_x);
    if (g.wants(3)) g.to(3, -along_x);
  }
  if (g.wants(1)) g.to(1, dy * (x - mean) * s);
  g.to(2, dy);
  if (g.wants(4)) g.to(4, dy * (x - mean) * (gamma * s * s * s * -0.5));
}

void batch_norm_rule(Infer& i, const NormAttributes& a) {
  normalize_rule(i, a);
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
  i.out(statistic(i.dtype(0)), kept(i, 0, a));
}

void batch_norm_composition(Composition& c, const NormAttributes& a) {
  const auto [mean, variance] = moments_of(c.in(0), a, {});
  c.out(0, call_for<1>(find_normalize(), {c.in(0), c.in(1), c.in(2), mean, variance}, a, {})[0]);
  c.out(1, mean);
  c.out(2, variance);
}

/// s gamma (dy - sum(dy)/n - h sum(dy h)/n), of dy, x, gamma, mean, s and the two sums over n: the
/// gradient formula above where gamma is constant along the axes.
void channel_gradient_body(Body& b) {
  const Value s = b.in(4);
  const Value h = (b.in(1) - b.in(3)) * s;
  b.out(s * b.in(2) * (b.in(0) - b.in(5) - h * b.in(6)));
}

/// Gradients of x, gamma and beta, of dy, x, gamma, mean and s.
void batch_norm_gradient_rule(Infer& i, const NormAttributes& a) {
  require_broadcast_to(i, 1);
  i.out(i.dtype(1), i.shape(1));
  i.out(i.dtype(1), kept(i, 1, a));
  i.out(i.dtype(1), kept(i, 1, a));
}

void batch_norm_gradient_composition(Composition& c, const NormAttributes& a) {
  const Tensor &dy = c.in(0), &x = c.in(1), &mean = c.in(3), &s = c.in(4);
  const auto [sum_dy, sum_dy_h] = normalization_sums(dy, x, mean, s, a);
  const Dim n = size_along(x.shape(), a.axes);
  c.out(0, call_for<1>(find_channel_gradient(), {dy, x, c.in(2), mean, s, sum_dy / n, sum_dy_h / n},
                       {}, {})[0]);
  c.out(1, sum_dy_h);
  c.out(2, sum_dy);
}

void batch_norm_gradient_gradient(Grad& g, const NormAttributes& a) {
  if (g.flows(0)) normalization_gradient_gradient(g, a, g.dy(0));
  if (g.flows(1) || g.flows(2)) {
    send_back_sums(g, g.flows(2) ? g.dy(2) : Tensor(), g.flows(1) ? g.dy(1) : Tensor(), 3, 4);
  }
}

void batch_norm_backward(Grad& g, const NormAttributes& a) {
  if (g.flows(0)) {
    const Tensor s = rsqrt(g.y(2) + a.epsilon);
    const auto gradients =
        call_for<3>(find_batch_norm_gradient(), {g.dy(0), g.x(0), g.x(1), g.y(1), s}, a, {});
    for (int k = 0; k < 3; ++k) g.to(k, gradients[static_cast<std::size_t>(k)]);
  }
  send_back_moments(g, a, 1, 2);
}

// ---- In ONNX ----------------------------------------------------------------------------------

/// A statistic, and what else is computed with it, in one dtype.
Tensor like(const Tensor& x, const Tensor& t) {
  return x.dtype() == t.dtype() ? x : x.to(t.dtype());
}

void moments_form(OnnxForm& o, const NormAttributes& a) {
  const Tensor x = o.in(0).to(o.result().dtype);
  const Tensor average = mean(x, a.axes, {.keepdims = true});
  o.out(0, average);
  if (o.used(1)) o.out(1, mean(square(x - average), a.axes, {.keepdims = true}));
}

void normalize_form(OnnxForm& o, const NormAttributes& a) {
  const Tensor x = like(o.in(0), o.in(4));
  const Tensor s = 1 / sqrt(o.in(4) + a.epsilon);
  o.out(((x - o.in(3)) * s * o.in(1) + o.in(2)).to(o.result().dtype));
}

/// ONNX's own normalises the last axes, and computes statistics in float32.
void layer_norm_form(OnnxForm& o, const NormAttributes& a) {
  const Tensor x = o.in(0);
  const int first = a.axes.count() == 0 ? x.rank() : a.axes[0];
  bool last = first + a.axes.count() == x.rank();
  for (int d = 0; d < a.axes.count(); ++d) last = last && a.axes[d] == first + d;
  const bool alike = o.in(1).dtype() == x.dtype() && o.in(2).dtype() == x.dtype();
  if (last && a.axes.count() > 0 && alike && x.dtype() != float64) {
    const bool statistics = o.used(1) || o.used(2);
    const std::array<Tensor, 3> inputs = {x, o.in(1), o.in(2)};
    const std::array<Spec, 3> results = {o.result(0), o.result(1), o.result(2)};
    const std::array<OnnxForm::Attribute, 2> attributes = {
        {{"axis", first}, {"epsilon", a.epsilon}}};
    const auto made = o.nodes("LayerNormalization", inputs, attributes,
                              std::span(results).first(statistics ? 3 : 1));
    for (std::size_t k = 0; k < made.size(); ++k) o.out(static_cast<int>(k), made[k]);
    return;
  }
  Shape shape;
  for (int d = 0; d < x.rank(); ++d) shape.push_back(a.axes.contains(d) ? x.shape()[d] : Dim(1));
  const auto [average, variance] = moments_of(x, a, {});
  const Tensor s = 1 / sqrt(variance + a.epsilon);
  const Tensor y = (like(x, s) - average) * s * reshape(o.in(1), shape) + reshape(o.in(2), shape);
  o.out(0, y.to(o.result().dtype));
  o.out(1, average);
  o.out(2, s);
}

void normalization_gradient_form(OnnxForm& o, const NormAttributes& a) {
  const Tensor s = o.in(4);
  const Tensor h = (like(o.in(1), s) - o.in(3)) * s;
  const Tensor flow = like(o.in(0), s) * like(o.in(2), s);
  const auto along = [&](const Tensor& t) { return mean(t, a.axes, {.keepdims = true}); };
  o.out((s * (flow - along(flow) - h * along(flow * h))).to(o.result().dtype));
}

void normalization_sums_form(OnnxForm& o, const NormAttributes& a) {
  const Tensor s = o.in(3);
  const Tensor dy = like(o.in(0), s);
  const auto along = [&](const Tensor& t) {
    return sum(t, a.axes, {.keepdims = true}).to(o.result().dtype);
  };
  if (o.used(0)) o.out(0, along(dy));
  if (o.used(1)) o.out(1, along(dy * ((like(o.in(1), s) - o.in(2)) * s)));
}

void channel_gradient_form(OnnxForm& o) {
  const Tensor s = o.in(4);
  const Tensor h = (like(o.in(1), s) - o.in(3)) * s;
  const Tensor dx = s * o.in(2) * (like(o.in(0), s) - like(o.in(5), s) - h * like(o.in(6), s));
  o.out(dx.to(o.result().dtype));
}

// ---- The table --------------------------------------------------------------------------------

constexpr Op table[] = {
    {.name = "layer_norm",
     .peers = {.torch = "nn.functional.layer_norm", .onnx = "LayerNormalization"},
     .rule = named<&layer_norm_rule>,
     .body = named<&layer_norm_body>,
     .grad = named<&layer_norm_gradient>,
     .onnx = named<&layer_norm_form>},
    {.name = "normalization_gradient",
     .rule = named<&normalization_gradient_rule>,
     .body = named<&normalization_gradient_body>,
     .grad = [](Grad& g,
                const NormAttributes& a) { normalization_gradient_gradient(g, a, g.dy()); },
     .onnx = named<&normalization_gradient_form>},
    {.name = "normalization_sums",
     .rule = named<&normalization_sums_rule>,
     .body = named<&normalization_sums_body>,
     .grad =
         [](Grad& g, const NormAttributes&) {
           send_back_sums(g, g.flows(0) ? g.dy(0) : Tensor(), g.flows(1) ? g.dy(1) : Tensor(), 2,
                          3);
         },
     .onnx = named<&normalization_sums_form>},
    {.name = "moments",
     .peers = {.tensorflow = "nn.moments", .torch = "var_mean"},
     .rule = named<&moments_rule>,
     .body = named<&moments_body>,
     .grad = [](Grad& g, const NormAttributes& a) { send_back_moments(g, a, 0, 1); },
     .onnx = named<&moments_form>},
    {.name = "normalize",
     .peers = {.tensorflow = "nn.batch_normalization"},
     .rule = named<&normalize_rule>,
     .body = named<&normalize_body>,
     .grad = named<&normalize_gradient>,
     .onnx = named<&normalize_form>},
    {.name = "batch_norm",
     .peers = {.tensorflow = "compat.v1.nn.fused_batch_norm",
               .torch = "nn.functional.batch_norm",
               .onnx = "BatchNormalization"},
     .rule = named<&batch_norm_rule>,
     .composition = named<&batch_norm_composition>,
     .grad = named<&batch_norm_backward>,
     .onnx =
         [](OnnxForm& o, const NormAttributes& a) {  // ONNX's own gives running averages
           const auto [mean, variance] = moments_of(o.in(0), a, {});
           o.out(0, call_for<1>(find_normalize(), {o.in(0), o.in(1), o.in(2), mean, variance}, a,
                                {})[0]);
           o.out(1, mean);
           o.out(2, variance);
         }},
    {.name = "batch_norm_gradient",
     .rule = named<&batch_norm_gradient_rule>,
     .composition = named<&batch_norm_gradient_composition>,
     .grad = named<&batch_norm_gradient_gradient>},
    {.name = "channel_gradient",
     .rule =
         [](Infer& i) {
           require_broadcast_to(i, 1);
           i.out(i.dtype(1), i.shape(1));
         },
     .body = &channel_gradient_body,
     .onnx = &channel_gradient_form},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

const Op& find_normalization_gradient() { return find<"normalization_gradient">; }
const Op& find_normalize() { return find<"normalize">; }
const Op& find_channel_gradient() { return find<"channel_gradient">; }
const Op& find_batch_norm_gradient() { return find<"batch_norm_gradient">; }

std::array<Tensor, 2> normalization_sums(const Tensor& dy, const Tensor& x, const Tensor& mean,
                                         const Tensor& s, const NormAttributes& a) {
  return call_for<2>(find<"normalization_sums">, {dy, x, mean, s}, a, {});
}

std::array<Tensor, 2> moments_of(const Tensor& x, const NormAttributes& a, Where where) {
  return call_for<2>(find<"moments">, {x}, a, where);
}

// ---- From options to attributes ---------------------------------------------------------------

void require_epsilon(std::string_view operation, double epsilon, Where where) {
  if (const bool proper = epsilon >= 0; !proper) {
    throw ValueError(std::string(operation) + ": epsilon is not negative, but it is " +
                     Scalar(epsilon).text() + where.suffix());
  }
}

Axes last_axes(int count, int rank) {
  Axes axes;
  for (int axis = rank - count; axis < rank; ++axis) axes.push_back(axis);
  return axes;
}

/// A vector over channels as it lies against a tensor of `rank` axes.
Tensor beside(const Tensor& vector, int axis, int rank, std::string_view what, const Tensor& x,
              Where where) {
  if (!vector.defined()) detail::fail_undefined("batch_norm", where);
  if (vector.rank() != 1 || !equal_sizes(vector.dim(0), x.dim(axis))) {
    throw ShapeError("batch_norm: " + std::string(what) +
                     " is one number per channel: " + vector.type_text() + " for axis " +
                     std::to_string(axis) + " of " + x.type_text() + where.suffix());
  }
  Shape shape;
  for (int d = 0; d < rank; ++d) shape.push_back(d == axis ? vector.dim(0) : Dim(1));
  return vector.reshape(shape, where);
}

NormAttributes batch_attributes(const Tensor& x, const BatchNormOptions& options, int axis) {
  NormAttributes attributes{{}, options.epsilon};
  for (int d = 0; d < x.rank(); ++d) {
    if (d != axis) attributes.axes.push_back(d);
  }
  return attributes;
}

}  // namespace

std::span<const Op> families::normalization() { return table; }

Tensor layer_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                  const LayerNormOptions& options) {
  const Where where = x.where();
  const Tensor& t = x.tensor();
  if (!t.defined() || !gamma.tensor().defined() || !beta.tensor().defined())
    detail::fail_undefined("layer_norm", where);
  require_epsilon("layer_norm", options.epsilon, where);
  const int count = options.axes.count();
  if (count == 0 || count > t.rank()) {
    throw ShapeError("layer_norm: " + t.type_text() + " has no " + std::to_string(count) +
                     " axes to normalise" + where.suffix());
  }
  const NormAttributes attributes{last_axes(count, t.rank()), options.epsilon};
  for (int axis : options.axes) {
    if (!attributes.axes.contains(
            normalized_axis(axis, t.rank(), "layer_norm", t.type_text(), where))) {
      throw ShapeError("layer_norm: the normalised axes are the last ones: " + options.axes.text() +
                       " of " + t.type_text() + ": transpose first" + where.suffix());
    }
  }
  return call_for<3>(find<"layer_norm">, {t, gamma.tensor(), beta.tensor()}, attributes, where)[0];
}

BatchNorm batch_norm(const Operand& x, const Operand& gamma, const Operand& beta,
                     const BatchNormOptions& options) {
  const Where where = x.where();
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined("batch_norm", where);
  const detail::UserCall scope("batch_norm", where);
  require_epsilon("batch_norm", options.epsilon, where);
  const int axis = normalized_axis(options.axis, t.rank(), "batch_norm", t.type_text(), where);
  const Tensor scale = beside(gamma.tensor(), axis, t.rank(), "gamma", t, where);
  const Tensor shift = beside(beta.tensor(), axis, t.rank(), "beta", t, where);
  const auto [y, mean, variance] =
      call_for<3>(find<"batch_norm">, {t, scale, shift}, batch_attributes(t, options, axis), where);
  const Shape channels{t.dim(axis)};
  return {y, mean.reshape(channels, where), variance.reshape(channels, where)};
}

Tensor batch_norm_with(const Operand& x, const Operand& gamma, const Operand& beta,
                       const Tensor& mean, const Tensor& variance,
                       const BatchNormOptions& options) {
  const Where where = x.where();
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined("batch_norm", where);
  const detail::UserCall scope("batch_norm", where);
  require_epsilon("batch_norm", options.epsilon, where);
  const int axis = normalized_axis(options.axis, t.rank(), "batch_norm", t.type_text(), where);
  const auto placed = [&](const Tensor& vector, std::string_view what) {
    return beside(vector, axis, t.rank(), what, t, where);
  };
  return call_for<1>(find<"normalize">,
                     {t, placed(gamma.tensor(), "gamma"), placed(beta.tensor(), "beta"),
                      placed(mean, "mean"), placed(variance, "variance")},
                     batch_attributes(t, options, axis), where)[0];
}

}  // namespace rill
