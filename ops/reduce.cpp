#include <rill/ops/reduce.h>

#include <algorithm>
#include <limits>
#include <vector>

#include <rill/kernel/math.h>
#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/products_of_others.h>
#include <rill/ops/shape.h>
#include <rill/tensor/index.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

struct ReduceAttributes {
  Axes axes;
  bool keepdims = false;
  static constexpr auto fields() {
    return std::tuple{field("axes", &ReduceAttributes::axes),
                      field("keepdims", &ReduceAttributes::keepdims)};
  }
};

struct VarianceAttributes {
  Axes axes;
  bool keepdims = false;
  double correction = 0;
  static constexpr auto fields() {
    return std::tuple{field("axes", &VarianceAttributes::axes),
                      field("keepdims", &VarianceAttributes::keepdims),
                      field("correction", &VarianceAttributes::correction)};
  }
};

struct ScanAttributes {
  int axis = 0;
  static constexpr auto fields() { return std::tuple{field("axis", &ScanAttributes::axis)}; }
};

// ---- Rules ------------------------------------------------------------------------------------

Shape reduced(const Shape& shape, const Axes& axes, bool keepdims) {
  Shape result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (!axes.contains(axis))
      result.push_back(shape[axis]);
    else if (keepdims)
      result.push_back(1);
  }
  return result;
}

DType widened(DType dtype) { return is_float(dtype) ? dtype : is_unsigned(dtype) ? uint64 : int64; }
DType real(DType dtype) { return is_float(dtype) ? dtype : float64; }

DType same(DType dtype) { return dtype; }
DType truth(DType) { return bool_; }

/// The result is of the dtype in which is computed.
template <DType (*result)(DType)>
constexpr auto fold_rule = [](Infer& i, const ReduceAttributes& a) {
  i.require_axes(a.axes);
  const DType dtype = result(i.dtype(0));
  i.convert(dtype);
  i.out(dtype, reduced(i.shape(0), a.axes, a.keepdims));
};

void require_elements(const Infer& i, const Axes& axes) {
  i.require_axes(axes);
  for (const int axis : axes) {
    if (i.shape(0)[axis] == Dim(0)) {
      i.fail<ValueError>("there are no elements along axis " + std::to_string(axis) +
                         ", so no extreme");
    }
  }
}
constexpr auto extreme_rule = [](Infer& i, const ReduceAttributes& a) {
  require_elements(i, a.axes);
  fold_rule<same>(i, a);
};
constexpr auto position_rule = [](Infer& i, const ReduceAttributes& a) {
  require_elements(i, a.axes);
  i.out(int64, reduced(i.shape(0), a.axes, a.keepdims));
};

// ---- Meanings ---------------------------------------------------------------------------------

Row row_of_input(Body& b, const Axes& axes) {
  b.over_input(0);
  return b.row(axes);
}

Value length_like(const Row& row, const Value& v) { return kernel::cast(row.length(), v.dtype()); }

/// Folds pairs of a value and its position; a lane that has seen nothing yet holds the position
/// `nowhere`.
void position_body(Body& b, const ReduceAttributes& a, Value (*beats)(const Value&, const Value&)) {
  Row row = row_of_input(b, a.axes);
  Value v = b.in(0);
  if (v.dtype() == bool_) v = kernel::cast(v, uint8);
  const Value nowhere = b.integer(std::numeric_limits<std::int64_t>::max());
  using Pair = std::span<const Value>;
  const auto better = [=](Pair x, Pair y) {
    Value tie = x[0] == y[0];
    Value wins = beats(x[0], y[0]);
    if (is_float(x[0].dtype())) {
      const Value x_nan = x[0] != x[0], y_nan = y[0] != y[0];
      tie = tie || (x_nan && y_nan);
      wins = (wins && !y_nan) || (x_nan && !y_nan);
    }
    const Value chosen = x[1] != nowhere && (y[1] == nowhere || wins || (tie && x[1] < y[1]));
    return std::vector{kernel::select(chosen, x[0], y[0]), kernel::select(chosen, x[1], y[1])};
  };
  const auto best = row.fold({.kind = kernel::Fold::Kind::reduce,
                              .init = {kernel::constant(v, 0), nowhere},
                              .step =
                                  [=, &row](Pair sofar) {
                                    const std::vector<Value> element{v, row.index()};
                                    return better(element, sofar);
                                  },
                              .merge = [=](Pair left, Pair right) { return better(right, left); }});
  b.out(best[1]);
}

// ---- Gradients --------------------------------------------------------------------------------

/// A result or its gradient with the folded axes back as size 1, so that it broadcasts to the
/// input.
Tensor restored(const Tensor& y, const Shape& input, const Axes& axes) {
  return y.rank() == input.rank() ? y : reshape(y, reduced(input, axes, true));
}

/// How many elements fold into one.
Tensor count_of(const Shape& shape, const Axes& axes) {
  return size_tensor(size_along(shape, axes));
}

/// A gradient in a dtype that holds counts: float16 ends at 65504.
Tensor with_room(const Tensor& dy) { return is_half(dy.dtype()) ? dy.to(float32) : dy; }

constexpr auto extreme_gradient = [](Grad& g, const ReduceAttributes& a) {
  const Tensor hit = g.x(0) == restored(g.y(), g.shape(0), a.axes);
  const Tensor hits = sum(hit, a.axes, {.keepdims = true}).to(g.dtype(0));
  g.to(0, where(hit, restored(g.dy(), g.shape(0), a.axes) / hits, 0));
};

const Op& find_products_of_others();

// ---- In ONNX ----------------------------------------------------------------------------------

/// Axes are an input of ReduceSum, and an attribute of the others.
Tensor reduction_node(OnnxForm& o, std::string_view type, const Tensor& x, const Axes& axes,
                      bool keepdims) {
  if (axes.count() == 0) return x;
  const Spec result{x.dtype(), o.result().shape};
  const std::int64_t keep = keepdims ? 1 : 0;
  if (type == "ReduceSum") {
    Shape list;
    for (const int axis : axes) list.push_back(axis);
    return o.node(type, {x, o.integers(list)}, {{"keepdims", keep}}, result);
  }
  const std::vector<std::int64_t> list(axes.begin(), axes.end());
  return o.node(type, {x}, {{"axes", list}, {"keepdims", keep}}, result);
}

template <FixedString type>
constexpr auto reduction_form = [](OnnxForm& o, const ReduceAttributes& a) {
  o.out(reduction_node(o, type.view(), o.in(0), a.axes, a.keepdims));
};

/// A type of which ONNX takes extremes.
Tensor with_extremes(const Tensor& x) {
  return x.dtype() == bool_ || (size_of(x.dtype()) == 2 && is_integer(x.dtype())) ? x.to(int32) : x;
}

template <FixedString type>
constexpr auto extreme_form = [](OnnxForm& o, const ReduceAttributes& a) {
  const Tensor x = with_extremes(o.in(0));
  o.out(reduction_node(o, type.view(), x, a.axes, a.keepdims).to(o.result().dtype));
};

template <FixedString type>
constexpr auto position_form = [](OnnxForm& o, const ReduceAttributes& a) {
  const Tensor x = with_extremes(o.in(0));
  if (a.axes.count() == 1) {
    const std::int64_t axis = a.axes[0], keep = a.keepdims ? 1 : 0;
    return o.out(o.node(type.view(), {x}, {{"axis", axis}, {"keepdims", keep}}));
  }
  if (a.axes.count() != x.rank()) o.refuse("it folds several axes, and ONNX one or all");
  const Tensor place =
      o.node(type.view(), {reshape(x, {-1})}, {{"axis", 0}, {"keepdims", 0}}, {int64, {}});
  o.out(reshape(place, o.result().shape));
};

void variance_form(OnnxForm& o, const VarianceAttributes& a) {
  const Tensor x = o.in(0);
  const Dim count = size_along(x.shape(), a.axes);
  const Tensor squares = square(x - mean(x, a.axes, {.keepdims = true}));
  const Tensor total = sum(squares, a.axes, {.keepdims = a.keepdims});
  o.out(total / maximum(size_tensor(count).to(x.dtype()) - a.correction, 0));
}

/// How many elements are not zero, where that is all that counts.
Tensor hits(const Tensor& x, const ReduceAttributes& a) {
  return sum(x.to(int64), a.axes, {.keepdims = a.keepdims});
}

// clang-format off
constexpr Op table[] = {
    {.name = "sum", .peers = {.numpy = "sum", .tensorflow = "math.reduce_sum", .torch = "sum", .onnx = "ReduceSum"},
     .rule = fold_rule<widened>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       b.out(row.sum(b.in(0)));
     },
     .grad = [](Grad& g, const ReduceAttributes& a) {
       g.to(0, broadcast_to(restored(g.dy(), g.shape(0), a.axes), g.shape(0)));
     },
     .onnx = reduction_form<"ReduceSum">},
    {.name = "prod", .peers = {.numpy = "prod", .tensorflow = "math.reduce_prod", .torch = "prod", .onnx = "ReduceProd"},
     .rule = fold_rule<widened>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       b.out(row.product(b.in(0)));
     },
     .grad = [](Grad& g, const ReduceAttributes& a) {
       const Tensor others = products_of_others(find_products_of_others(), {&g.x(0), 1}, a.axes);
       g.to(0, restored(g.dy(), g.shape(0), a.axes) * others);
     },
     .onnx = reduction_form<"ReduceProd">},
    {.name = "products_of_others",
     .rule = named<&products_of_others_rule>,
     .composition = named<&products_of_others_composition>,
     .grad = [](Grad& g, const ProductAttributes& a) { products_of_others_gradient(g, find_products_of_others(), a); }},
    {.name = "mean", .peers = {.numpy = "mean", .tensorflow = "math.reduce_mean", .torch = "mean", .onnx = "ReduceMean"},
     .rule = fold_rule<real>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       const Value v = b.in(0);
       b.out(row.sum(v) / length_like(row, v));
     },
     .grad = [](Grad& g, const ReduceAttributes& a) {
       const Tensor share = (with_room(g.dy()) / count_of(g.shape(0), a.axes)).to(g.dtype(0));
       g.to(0, broadcast_to(restored(share, g.shape(0), a.axes), g.shape(0)));
     },
     .onnx = reduction_form<"ReduceMean">},
    {.name = "var", .peers = {.numpy = "var", .tensorflow = "math.reduce_variance", .torch = "var"},
     .rule = [](Infer& i, const VarianceAttributes& a) {
       fold_rule<real>(i, {.axes = a.axes, .keepdims = a.keepdims});
     },
     .body = [](Body& b, const VarianceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       const Value v = b.in(0);
       const Value n = length_like(row, v);
       const Value d = v - row.sum(v) / n;
       b.out(row.sum(d * d) / kernel::maximum(n - a.correction, 0));
     },
     .grad = [](Grad& g, const VarianceAttributes& a) {
       const Tensor n = maximum(count_of(g.shape(0), a.axes).to(float64) - a.correction, 0);
       const Tensor share = (2 * with_room(g.dy()) / n).to(g.dtype(0));
       g.to(0, restored(share, g.shape(0), a.axes) * (g.x(0) - mean(g.x(0), a.axes, {.keepdims = true})));
     },
     .onnx = named<&variance_form>},
    {.name = "max", .peers = {.numpy = "max", .tensorflow = "math.reduce_max", .torch = "amax", .onnx = "ReduceMax"},
     .rule = extreme_rule,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       const Value v = b.in(0);
       b.out(v.dtype() == bool_ ? row.any(v) : row.max(v));
     },
     .grad = extreme_gradient,
     .onnx = extreme_form<"ReduceMax">},
    {.name = "min", .peers = {.numpy = "min", .tensorflow = "math.reduce_min", .torch = "amin", .onnx = "ReduceMin"},
     .rule = extreme_rule,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       const Value v = b.in(0);
       b.out(v.dtype() == bool_ ? row.all(v) : row.min(v));
     },
     .grad = extreme_gradient,
     .onnx = extreme_form<"ReduceMin">},
    {.name = "argmax", .peers = {.numpy = "argmax", .tensorflow = "math.argmax", .torch = "argmax", .onnx = "ArgMax"},
     .rule = position_rule,
     .body = [](Body& b, const ReduceAttributes& a) {
       position_body(b, a, [](const Value& x, const Value& y) { return x > y; });
     },
     .onnx = position_form<"ArgMax">},
    {.name = "argmin", .peers = {.numpy = "argmin", .tensorflow = "math.argmin", .torch = "argmin", .onnx = "ArgMin"},
     .rule = position_rule,
     .body = [](Body& b, const ReduceAttributes& a) {
       position_body(b, a, [](const Value& x, const Value& y) { return x < y; });
     },
     .onnx = position_form<"ArgMin">},
    {.name = "any", .peers = {.numpy = "any", .tensorflow = "math.reduce_any", .torch = "any"},
     .rule = fold_rule<truth>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       b.out(row.any(b.in(0)));
     },
     .onnx = [](OnnxForm& o, const ReduceAttributes& a) { o.out(hits(o.in(0), a) != 0); }},
    {.name = "all", .peers = {.numpy = "all", .tensorflow = "math.reduce_all", .torch = "all"},
     .rule = fold_rule<truth>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       b.out(row.all(b.in(0)));
     },
     .onnx = [](OnnxForm& o, const ReduceAttributes& a) { o.out(hits(logical_not(o.in(0)), a) == 0); }},
    {.name = "logsumexp", .peers = {.tensorflow = "math.reduce_logsumexp", .torch = "logsumexp", .onnx = "ReduceLogSumExp"},
     .rule = fold_rule<real>,
     .body = [](Body& b, const ReduceAttributes& a) {
       Row row = row_of_input(b, a.axes);
       const Value v = b.in(0);
       const Value top = row.max(v);
       // Infinite extremes stay out of the differences, where they would make NaN.
       const Value shift = kernel::select(kernel::abs(top) < std::numeric_limits<double>::infinity(), top, 0);
       b.out(kernel::math::log(row.sum(kernel::math::exp(v - shift))) + shift);
     },
     .grad = [](Grad& g, const ReduceAttributes& a) {
       const Tensor y = restored(g.y(), g.shape(0), a.axes);
       g.to(0, restored(g.dy(), g.shape(0), a.axes) * exp(g.x(0) - where(isfinite(y), y, 0)));
     },
     .onnx = reduction_form<"ReduceLogSumExp">},
    {.name = "cumsum", .peers = {.numpy = "cumsum", .tensorflow = "math.cumsum", .torch = "cumsum", .onnx = "CumSum"},
     .rule = [](Infer& i, const ScanAttributes& a) {
       i.require_axis(a.axis);
       i.convert(widened(i.dtype(0)));
       i.out(widened(i.dtype(0)), i.shape(0));
     },
     .body = [](Body& b, const ScanAttributes& a) {
       Row row = b.row(a.axis);
       const Value v = b.in(0);
       b.out(row.fold({.kind = kernel::Fold::Kind::scan,
                       .init = {kernel::constant(v, 0)},
                       .step = [=](std::span<const Value> total) { return std::vector{total[0] + v}; },
                       .merge = [=](std::span<const Value> left, std::span<const Value> right) {
                         return std::vector{left[0] + right[0]};
                       }})[0]);
     },
     .grad = [](Grad& g, const ScanAttributes& a) { g.to(0, cumsum(g.dy(), a.axis, {.reverse = true})); },
     .onnx = [](OnnxForm& o, const ScanAttributes& a) { o.out(o.node("CumSum", {o.in(0), full({}, a.axis, int64)})); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

const Op& find_products_of_others() { return find<"products_of_others">; }

Tensor fold(const Op& op, const Tensor& x, const Axes& axes, bool keepdims, Where where) {
  const ReduceAttributes attributes{.axes = normalized_axes(x, axes, op.name, where),
                                    .keepdims = keepdims};
  return call(op, Operand(x, where), attributes);
}

}  // namespace

std::span<const Op> families::reduce() { return table; }

// clang-format off
Tensor sum(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"sum">, x, axes, options.keepdims, where); }
Tensor sum(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"sum">, x, {}, options.keepdims, where); }
Tensor prod(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"prod">, x, axes, options.keepdims, where); }
Tensor prod(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"prod">, x, {}, options.keepdims, where); }
Tensor mean(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"mean">, x, axes, options.keepdims, where); }
Tensor mean(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"mean">, x, {}, options.keepdims, where); }
Tensor max(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"max">, x, axes, options.keepdims, where); }
Tensor max(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"max">, x, {}, options.keepdims, where); }
Tensor min(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"min">, x, axes, options.keepdims, where); }
Tensor min(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"min">, x, {}, options.keepdims, where); }
Tensor argmax(const Tensor& x, int axis, const ReduceOptions& options, Where where) { return fold(find<"argmax">, x, axis, options.keepdims, where); }
Tensor argmax(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"argmax">, x, {}, options.keepdims, where); }
Tensor argmin(const Tensor& x, int axis, const ReduceOptions& options, Where where) { return fold(find<"argmin">, x, axis, options.keepdims, where); }
Tensor argmin(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"argmin">, x, {}, options.keepdims, where); }
Tensor any(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"any">, x, axes, options.keepdims, where); }
Tensor any(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"any">, x, {}, options.keepdims, where); }
Tensor all(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"all">, x, axes, options.keepdims, where); }
Tensor all(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"all">, x, {}, options.keepdims, where); }
Tensor logsumexp(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) { return fold(find<"logsumexp">, x, axes, options.keepdims, where); }
Tensor logsumexp(const Tensor& x, const ReduceOptions& options, Where where) { return fold(find<"logsumexp">, x, {}, options.keepdims, where); }
// clang-format on

Tensor var(const Tensor& x, const Axes& axes, const VarianceOptions& options, Where where) {
  const VarianceAttributes attributes{.axes = normalized_axes(x, axes, "var", where),
                                      .keepdims = options.keepdims,
                                      .correction = options.unbiased ? 1.0 : 0.0};
  return call(find<"var">, Operand(x, where), attributes);
}
Tensor var(const Tensor& x, const VarianceOptions& options, Where where) {
  return var(x, Axes(), options, where);
}
Tensor stddev(const Tensor& x, const Axes& axes, const VarianceOptions& options, Where where) {
  const detail::UserCall scope("stddev", where);
  return sqrt(var(x, axes, options));
}
Tensor stddev(const Tensor& x, const VarianceOptions& options, Where where) {
  return stddev(x, Axes(), options, where);
}

Tensor count_nonzero(const Tensor& x, const Axes& axes, const ReduceOptions& options, Where where) {
  const detail::UserCall scope("count_nonzero", where);
  return sum(cast(x, bool_), axes, options);
}
Tensor count_nonzero(const Tensor& x, const ReduceOptions& options, Where where) {
  return count_nonzero(x, Axes(), options, where);
}

Tensor cumsum(const Tensor& x, int axis, const ScanOptions& options, Where where) {
  const ScanAttributes attributes{.axis = normalized_axis(x, axis, "cumsum", where)};
  if (!options.reverse) return call(find<"cumsum">, Operand(x, where), attributes);
  const Tensor reversed = flip(x, axis, where);
  return flip(call(find<"cumsum">, Operand(reversed, where), attributes), axis, where);
}

}  // namespace rill
