#include <rill/ops/softmax.h>

#include <string_view>
#include <tuple>
#include <vector>

#include <rill/kernel/math.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/index.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/equal_sizes.h>

namespace rill {
namespace {

namespace math = kernel::math;

// ---- Softmax ----------------------------------------------------------------------------------

struct SoftmaxAttributes {
  int axis = -1;
  static constexpr auto fields() { return std::tuple{field("axis", &SoftmaxAttributes::axis)}; }
};

Tensor sum_along(const Tensor& x, int axis) { return sum(x, axis, {.keepdims = true}); }

/// Inputs of one float shape and dtype, which the result has as well.
void alike_rule(Infer& i, const SoftmaxAttributes& a) {
  i.require_axis(a.axis);
  if (!equal_sizes(i.shape(0), i.shape(1))) i.fail<ShapeError>("takes tensors of one shape");
  i.require_dtype(is_float(i.promoted()), "takes floats");
  i.convert(i.promoted());
  i.out(i.operand_dtype(0), i.shape(0));
}

void softmax_rule(Infer& i, const SoftmaxAttributes& a) {
  i.require_axis(a.axis);
  same_shape<Kinds::floating>(i);
}

void softmax_body(Body& b, const SoftmaxAttributes& a) {
  Row row = b.row(a.axis);
  const Value x = b.in(0);
  const Value e = row.keep(math::exp(x - row.max(x)));
  const Value share = 1.0 / row.sum(e);  // one division for the row, as in TensorFlow
  b.out(e * share);
}

/// dx = (dy - sum(dy y)) y, of y and dy.
void softmax_gradient_body(Body& b, const SoftmaxAttributes& a) {
  Row row = b.row(a.axis);
  const Value y = b.in(0);
  const Value dy = b.in(1);
  b.out((dy - row.sum(dy * y)) * y);
}

void log_softmax_body(Body& b, const SoftmaxAttributes& a) {
  Row row = b.row(a.axis);
  const Value x = b.in(0);
  const Value shifted = row.keep(x - row.max(x));
  b.out(shifted - math::log(row.sum(math::exp(shifted))));
}

/// dx = dy - exp(y) sum(dy), of y and dy.
void log_softmax_gradient_body(Body& b, const SoftmaxAttributes& a) {
  Row row = b.row(a.axis);
  const Value dy = b.in(1);
  b.out(dy - math::exp(b.in(0)) * row.sum(dy));
}

Tensor softmax_gradient(const Tensor& y, const Tensor& dy, const SoftmaxAttributes& a);
Tensor log_softmax_gradient(const Tensor& y, const Tensor& dy, const SoftmaxAttributes& a);

// ---- Cross entropy ----------------------------------------------------------------------------

Shape leading(const Shape& shape) {
  Shape rest = shape;
  rest.erase(rest.rank() - 1);
  return rest;
}

void cross_entropy_rule(Infer& i) {
  i.require_dtype(is_float(i.dtype(0)), "takes float logits");
  i.require_dtype(is_integer(i.dtype(1)), "takes integer labels");
  if (i.rank(0) == 0 || !equal_sizes(leading(i.shape(0)), i.shape(1))) {
    i.fail<ShapeError>("labels have the shape of the logits without the last axis");
  }
  const Dim rows = i.shape(1).size();
  if (i.shape(0)[i.rank(0) - 1] == Dim(0) && rows.known() && !(rows == Dim(0)))
    i.fail<IndexError>("there are no classes for labels to name");
  i.out(i.dtype(0), i.shape(1));
}

/// The label of the row, checked, as a place along the last axis of input 0.
Value checked_label(Body& b, int k) {
  std::vector<Value> place;
  for (int axis = 0; axis < b.rank(k); ++axis) place.push_back(b.at(axis));
  const Value given = b.in(k, place);
  const Value label = kernel::cast(given, int64);
  const Value classes = b.extent(b.rank(0) - 1);
  const Value inside = b.check(label >= 0 && label < classes,
                               given.dtype() == uint64 ? "label {unsigned} is outside [0, {})"
                                                       : "label {} is outside [0, {})",
                               {label, classes});
  return kernel::select(inside, label, 0);
}

void cross_entropy_body(Body& b) {
  b.over_input(0);
  Row row = b.row(b.rank(0) - 1);
  const Value label = checked_label(b, 1);
  const Value x = b.in(0);
  const Value top = row.max(x);
  const Value total = row.sum(math::exp(x - top));
  std::vector<Value> place;
  for (int axis = 0; axis < b.rank(0) - 1; ++axis) place.push_back(b.at(axis));
  place.push_back(label);
  b.out(math::log(total) - (b.in(0, place) - top));
}

void cross_entropy_gradient_rule(Infer& i) {
  i.require_dtype(is_float(i.dtype(0)) && is_integer(i.dtype(1)) && i.dtype(2) == i.dtype(0),
                  "takes float logits and integer labels, and a gradient like the logits");
  if (i.rank(0) == 0 || !equal_sizes(leading(i.shape(0)), i.shape(1)) ||
      !equal_sizes(i.shape(1), i.shape(2))) {
    i.fail<ShapeError>("labels and gradient have the shape of the logits without the last axis");
  }
  i.out(i.dtype(0), i.shape(0));
}

/// (softmax(logits) - one_hot(labels)) dy, of logits, labels and dy.
void cross_entropy_gradient_body(Body& b) {
  Row row = b.row(b.rank(0) - 1);
  const Value label = checked_label(b, 1);
  std::vector<Value> place;
  for (int axis = 0; axis < b.rank(1); ++axis) place.push_back(b.at(axis));
  const Value dy = b.in(2, place);
  const Value x = b.in(0);
  const Value e = row.keep(math::exp(x - row.max(x)));
  const Value share = 1.0 / row.sum(e);
  const Value p = e * share;
  b.out(kernel::select(row.index() == label, p - 1.0, p) * dy);
}

Tensor cross_entropy_gradient(const Tensor& logits, const Tensor& labels, const Tensor& dy);

// ---- The table --------------------------------------------------------------------------------

constexpr Op table[] = {
    {.name = "softmax",
     .peers = {.tensorflow = "nn.softmax", .torch = "softmax", .onnx = "Softmax"},
     .rule = named<&softmax_rule>,
     .body = named<&softmax_body>,
     .grad = [](Grad& g,
                const SoftmaxAttributes& a) { g.to(0, softmax_gradient(g.y(), g.dy(), a)); }},
    {.name = "softmax_gradient",
     .rule = named<&alike_rule>,
     .body = named<&softmax_gradient_body>,
     .grad =
         [](Grad& g, const SoftmaxAttributes& a) {
           const Tensor &y = g.x(0), &dy = g.x(1), v = g.dy();
           if (g.wants(0))
             g.to(0, v * (dy - sum_along(dy * y, a.axis)) - dy * sum_along(v * y, a.axis));
           if (g.wants(1)) g.to(1, softmax_gradient(y, v, a));
         },
     .onnx =
         [](OnnxForm& o, const SoftmaxAttributes& a) {
           const Tensor y = o.in(0), dy = o.in(1);
           o.out((dy - sum_along(dy * y, a.axis)) * y);
         }},
    {.name = "log_softmax",
     .peers = {.tensorflow = "nn.log_softmax", .torch = "log_softmax", .onnx = "LogSoftmax"},
     .rule = named<&softmax_rule>,
     .body = named<&log_softmax_body>,
     .grad = [](Grad& g,
                const SoftmaxAttributes& a) { g.to(0, log_softmax_gradient(g.y(), g.dy(), a)); }},
    {.name = "log_softmax_gradient",
     .rule = named<&alike_rule>,
     .body = named<&log_softmax_gradient_body>,
     .grad =
         [](Grad& g, const SoftmaxAttributes& a) {
           const Tensor &y = g.x(0), &dy = g.x(1), v = g.dy();
           const Tensor weighted = v * exp(y);
           if (g.wants(0)) g.to(0, -(weighted * sum_along(dy, a.axis)));
           if (g.wants(1)) g.to(1, v - sum_along(weighted, a.axis));
         },
     .onnx =
         [](OnnxForm& o, const SoftmaxAttributes& a) {
           o.out(o.in(1) - exp(o.in(0)) * sum_along(o.in(1), a.axis));
         }},
    {.name = "cross_entropy",
     .peers = {.tensorflow = "nn.sparse_softmax_cross_entropy_with_logits",
               .torch = "nn.functional.cross_entropy"},
     .rule = &cross_entropy_rule,
     .body = &cross_entropy_body,
     .grad = [](Grad& g) { g.to(0, cross_entropy_gradient(g.x(0), g.x(1), g.dy())); },
     .onnx =
         [](OnnxForm& o) {
           const Tensor labels = expand_dims(o.in(1).to(int64), -1);
           o.out(-reshape(gather(log_softmax(o.in(0)), labels, -1), o.in(1).shape()));
         }},
    {.name = "cross_entropy_gradient",
     .rule = &cross_entropy_gradient_rule,
     .body = &cross_entropy_gradient_body,
     .grad =
         [](Grad& g) {
           const Tensor &logits = g.x(0), &labels = g.x(1), &dy = g.x(2), v = g.dy();
           const Tensor p = softmax(logits);
           if (g.wants(0)) g.to(0, expand_dims(dy, -1) * p * (v - sum_along(p * v, -1)));
           if (g.wants(2))
             g.to(2, sum(cross_entropy_gradient(logits, labels, ones_like(dy)) * v, -1));
         },
     .onnx =
         [](OnnxForm& o) {
           const Tensor chosen = one_hot(o.in(1), o.in(0).dim(-1), o.in(0).dtype());
           o.out((softmax(o.in(0)) - chosen) * expand_dims(o.in(2), -1));
         }},
};
template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor softmax_gradient(const Tensor& y, const Tensor& dy, const SoftmaxAttributes& a) {
  return call(find<"softmax_gradient">, y, dy, a);
}
Tensor log_softmax_gradient(const Tensor& y, const Tensor& dy, const SoftmaxAttributes& a) {
  return call(find<"log_softmax_gradient">, y, dy, a);
}
Tensor cross_entropy_gradient(const Tensor& logits, const Tensor& labels, const Tensor& dy) {
  return call(find<"cross_entropy_gradient">, logits, labels, dy);
}

/// The attributes of `operation` along an axis of `x` as users count it.
SoftmaxAttributes along(const Operand& x, int axis, std::string_view operation) {
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined(operation.data(), x.where());
  return {normalized_axis(axis, t.rank(), operation, t.type_text(), x.where())};
}

}  // namespace

std::span<const Op> families::softmax() { return table; }

Tensor softmax(const Operand& x, int axis) {
  return call(find<"softmax">, x, along(x, axis, "softmax"));
}

Tensor log_softmax(const Operand& x, int axis) {
  return call(find<"log_softmax">, x, along(x, axis, "log_softmax"));
}

Tensor cross_entropy(const Operand& logits, const Operand& labels) {
  return call(find<"cross_entropy">, logits, labels);
}

}  // namespace rill
