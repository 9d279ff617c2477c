#include <rill/ops/index.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/join.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/places.h>
#include <rill/ops/reduce.h>
#include <rill/ops/region.h>
#include <rill/ops/shape.h>
#include <rill/ops/view.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

struct AxisAttributes {
  int axis = 0;
  static constexpr auto fields() { return std::tuple{field("axis", &AxisAttributes::axis)}; }
};

struct ScatterAttributes {
  int axis = 0;
  ScatterMode mode = ScatterMode::set;
  static constexpr auto fields() {
    return std::tuple{field("axis", &ScatterAttributes::axis),
                      field("mode", &ScatterAttributes::mode)};
  }
};

struct OneHotAttributes {
  Shape depth;
  DType dtype = float32;
  static constexpr auto fields() {
    return std::tuple{field("depth", &OneHotAttributes::depth),
                      field("dtype", &OneHotAttributes::dtype)};
  }
};

// ---- Rules ------------------------------------------------------------------------------------

void require_indices(const Infer& i, int input) {
  i.require_dtype(is_integer(i.dtype(input)), "takes integer indices");
}

void require_elements(const Infer& i, Dim size, int axis, Dim indices) {
  if (!(size == Dim(0)) || !indices.known() || indices == Dim(0)) return;
  i.fail<IndexError>("there is nothing to index along axis " + std::to_string(axis) + " of size 0");
}

/// `shape` with an axis replaced by those of `indices`.
Shape taken(const Infer& i, const Shape& shape, int axis, const Shape& indices) {
  i.require_axis(axis);
  Shape result;
  for (int at = 0; at < axis; ++at) result.push_back(shape[at]);
  for (const Dim size : indices) result.push_back(size);
  for (int at = axis + 1; at < shape.rank(); ++at) result.push_back(shape[at]);
  require_elements(i, shape[axis], axis, indices.size());
  return result;
}

void require_updates(const Infer& i, const ScatterAttributes& a) {
  i.require_dtype(i.dtype(2) == i.dtype(0), "updates have the dtype of what they go to");
  if (a.mode != ScatterMode::set && a.mode != ScatterMode::add)
    i.fail<ValueError>("knows the modes set and add");
  i.require_dtype(a.mode != ScatterMode::add || i.dtype(0) != bool_,
                  "adds numbers, not bool: convert with .to(int64)");
}

void require_along(const Infer& i, int axis) {
  i.require_axis(axis);
  bool fits = i.rank(0) == i.rank(1);
  for (int at = 0; fits && at < i.rank(0); ++at)
    fits = at == axis || equal_sizes(i.shape(0)[at], i.shape(1)[at]);
  if (!fits)
    i.fail<ShapeError>("indices need the sizes of the operand except along axis " +
                       std::to_string(axis));
  require_elements(i, i.shape(0)[axis], axis, i.shape(1).size());
}

void slice_rule(Infer& i, const SliceAttributes& a) {
  for (const Shape* numbers : {&a.first, &a.step, &a.size}) {
    if (numbers->rank() != i.rank(0)) {
      i.fail<ShapeError>("first " + a.first.text() + ", step " + a.step.text() + " and size " +
                         a.size.text() + " have one number for each axis of the operand");
    }
  }
  for (const Dim step : a.step) {
    if (step == Dim(0)) i.fail<ShapeError>("a step is zero: " + a.step.text());
  }
  for (int axis = 0; axis < i.rank(0); ++axis) {
    const Dim size = i.shape(0)[axis], count = a.size[axis], first = a.first[axis],
              step = a.step[axis];
    if (!size.known() || !count.known() || !first.known()) continue;
    if (count == Dim(0)) continue;
    const Dim last = first + (count - 1) * step;
    const auto inside = [&](Dim at) { return at.value() >= 0 && at.value() < size.value(); };
    if (count.value() < 0 || !inside(first) || !inside(last)) {
      i.fail<IndexError>("elements " + first.text() + " to " + last.text() + " are outside axis " +
                         std::to_string(axis) + " of size " + size.text());
    }
  }
}

constexpr auto update_rule = [](Infer& i, const SliceAttributes& a) {
  slice_rule(i, a);
  i.require_dtype(keeps_meaning(i.dtype(1), i.dtype(0)),
                  "the value's kind does not fit the elements: convert it with .to(" +
                      std::string(name(i.dtype(0))) + ")");
  if (!stretches_to(i.shape(1), a.size))
    i.fail<ShapeError>("the value does not broadcast to the slice's shape " + a.size.text());
  i.convert(i.dtype(0));
  i.out_starting(i.dtype(0), i.shape(0), 0);
};

// ---- Meanings ---------------------------------------------------------------------------------

/// The index as a position in [0, size); a position outside is reported, and replaced by 0. Of
/// uint64 those that look negative as int64 are beyond every size.
Value position(Body& b, const Value& index, const Value& size, int axis) {
  const bool wide = index.dtype() == uint64;
  const Value given = kernel::cast(index, int64);
  const Value at = wide ? given : kernel::select(given < 0, given + size, given);
  const Value ok = b.check(at >= 0 && at < size,
                           wide ? "index {unsigned} is outside axis {} of size {}"
                                : "index {} is outside axis {} of size {}",
                           {given, b.integer(axis), size});
  return kernel::select(ok, at, 0);
}

/// For a point of `take`'s result, which axes [axis, axis + rank) index: the place in the operand.
std::vector<Value> taken_place(Body& b, int axis, int rank, int index_rank, const Value& at) {
  std::vector<Value> place;
  for (int d = 0; d < rank; ++d)
    place.push_back(d == axis ? at : b.at(d < axis ? d : d + index_rank - 1));
  return place;
}
std::vector<Value> points(Body& b, int first, int count) {
  std::vector<Value> place;
  for (int d = first; d < first + count; ++d) place.push_back(b.at(d));
  return place;
}

kernel::Store::Mode store_mode(ScatterMode mode) {
  return mode == ScatterMode::add ? kernel::Store::Mode::add : kernel::Store::Mode::set;
}

// ---- In ONNX ----------------------------------------------------------------------------------

constexpr std::int64_t beyond = std::int64_t{1} << 60;  // any axis's end

/// Indices in a type that ONNX takes.
Tensor index_form(const Tensor& indices) {
  return indices.dtype() == int32 || indices.dtype() == int64 ? indices : indices.to(int64);
}

void slice_form(OnnxForm& o, const SliceAttributes& a) {
  const Shape& whole = o.in(0).shape();
  Shape starts, ends, axes, steps;
  for (int axis = 0; axis < whole.rank(); ++axis) {
    const Dim first = a.first[axis], step = a.step[axis], size = a.size[axis];
    if (first == Dim(0) && step == Dim(1) && size == whole[axis]) continue;
    const bool forward = step.value() > 0;
    const Dim end = first + (size - 1) * step + (forward ? 1 : -1);
    starts.push_back(!forward && first == whole[axis] - 1 ? Dim(beyond) : first);
    ends.push_back(size == Dim(0)                               ? first
                   : forward && end == whole[axis]              ? Dim(beyond)
                   : !forward && end.known() && end.value() < 0 ? Dim(-beyond)
                                                                : end);
    axes.push_back(axis);
    steps.push_back(step);
  }
  if (axes.rank() == 0) return o.out(o.in(0));
  o.out(o.node("Slice", {o.in(0), o.integers(starts), o.integers(ends), o.integers(axes),
                         o.integers(steps)}));
}

/// `x` with a block of it replaced, axis by axis: what stands before the block, the block, what
/// stands after it.
Tensor replaced(const Tensor& x, const Tensor& block, const Shape& first, int axis) {
  if (axis == x.rank()) return block;
  const auto part = [&](Dim from, Dim size) {
    Shape start, step;
    for (int d = 0; d < x.rank(); ++d) {
      start.push_back(d == axis ? from : Dim(0));
      step.push_back(1);
    }
    Shape shape = x.shape();
    shape[axis] = size;
    return strided_slice(x, start, step, shape);
  };
  const Dim count = block.shape()[axis];
  const Dim after = x.shape()[axis] - first[axis] - count;
  const Tensor inner = replaced(part(first[axis], count), block, first, axis + 1);
  std::vector<Tensor> parts;
  if (!(first[axis] == Dim(0))) parts.push_back(part(0, first[axis]));
  parts.push_back(inner);
  if (!(after == Dim(0))) parts.push_back(part(first[axis] + count, after));
  return parts.size() == 1 ? inner : concat(parts, axis);
}

/// The places of a block in the row-major order of `whole`.
Tensor places_in_order(const Shape& whole, const SliceAttributes& a) {
  Tensor places = full({}, 0, int64);
  for (int axis = 0; axis < whole.rank(); ++axis) {
    const Tensor along = arange(a.size[axis]) * a.step[axis].value() + a.first[axis].value();
    places = expand_dims(places * whole[axis].value(), -1) + along;
  }
  return places;
}

void update_slice_form(OnnxForm& o, const SliceAttributes& a) {
  const Tensor x = o.in(0);
  const Shape& whole = x.shape();
  const Tensor block = o.in(1).shape() == a.size ? o.in(1) : broadcast_to(o.in(1), a.size);
  const bool dense =
      std::all_of(a.step.begin(), a.step.end(), [](Dim step) { return step == Dim(1); });
  if (const auto number = o.uniform(0); number && dense) {
    Shape pads;
    for (int axis = 0; axis < whole.rank(); ++axis) pads.push_back(a.first[axis]);
    Shape after;
    for (int axis = 0; axis < whole.rank(); ++axis)
      after.push_back(whole[axis] - a.first[axis] - a.size[axis]);
    const Tensor amounts = concat({o.integers(pads), o.integers(after)});
    return o.out(
        o.node("Pad", {block, amounts, full({}, Operand(Tensor::weak(*number)), x.dtype())}));
  }
  if (dense) return o.out(replaced(x, block, a.first, 0));
  if (!whole.known() || !a.size.known() || !a.first.known())
    o.refuse("it steps over axes of unknown sizes");
  const Tensor flat =
      scatter(reshape(x, {-1}), reshape(places_in_order(whole, a), {-1}), reshape(block, {-1}));
  o.out(reshape(flat, whole));
}

/// ONNX scatters along the first axes: what is indexed goes there and back.
void scatter_form(OnnxForm& o, const ScatterAttributes& a) {
  const Tensor indices = index_form(o.in(1));
  const int rank = o.in(0).rank(), index_rank = indices.rank();
  Axes front, back, updates_front;
  for (int d = 0; d < index_rank; ++d) updates_front.push_back(a.axis + d);
  front.push_back(a.axis);
  for (int d = 0; d < rank; ++d) {
    if (d == a.axis) continue;
    front.push_back(d);
    updates_front.push_back(d < a.axis ? d : d + index_rank - 1);
  }
  for (int d = 0; d < rank; ++d) back.push_back(d < a.axis ? d + 1 : d == a.axis ? 0 : d);
  const auto moved = [&](const Tensor& x, const Axes& order) {
    return a.axis == 0 ? x : transpose(x, order);
  };
  const Tensor x = moved(o.in(0), front);
  const std::string_view reduction = a.mode == ScatterMode::add ? "add" : "none";
  o.out(moved(o.node("ScatterND", {x, expand_dims(indices, -1), moved(o.in(2), updates_front)},
                     {{"reduction", reduction}}, {x.dtype(), x.shape()}),
              back));
}

// ---- Gradients --------------------------------------------------------------------------------

/// True for the updates that `scatter` leaves standing: each index writes its number, and finds it
/// again unless a later one wrote over it. The axes are those of what is scattered, or 1.
Tensor last_of_slices(const Tensor& indices, const Shape& onto, int axis) {
  const Tensor number = arange(indices.shape().size()).reshape(indices.shape());
  const Tensor last = take(scatter(zeros({onto[axis]}, int64), indices, number), indices);
  Shape shape = indices.shape();
  for (int at = axis + 1; at < onto.rank(); ++at) shape.push_back(1);
  return reshape(last == number, shape);
}

/// The same for `put_along_axis`.
Tensor last_of_elements(const Tensor& indices, const Shape& onto, int axis) {
  const Tensor number = cumsum(ones_like(indices, int64), axis);
  return gather(put_along_axis(zeros(onto, int64), indices, number, axis), indices, axis) == number;
}

// clang-format off
constexpr Op table[] = {
    {.name = "strided_slice", .peers = {.numpy = "x[a:b:c]", .tensorflow = "strided_slice", .torch = "x[a:b]", .onnx = "Slice"},
     .rule = [](Infer& i, const SliceAttributes& a) {
       slice_rule(i, a);
       i.out(i.dtype(0), a.size);
     },
     .body = [](Body& b, const SliceAttributes& a) {
       std::vector<Value> place;
       for (int axis = 0; axis < b.rank(); ++axis) place.push_back(b.at(axis) * a.step[axis].value() + a.first[axis].value());
       b.out(b.in(0, place));
     },
     .view = [](View& v, const SliceAttributes& a) {
       std::int64_t offset = 0;
       for (int axis = 0; axis < v.output().rank(); ++axis) {
         const std::int64_t stride = v.strides()[static_cast<std::size_t>(axis)];
         // A step that is never taken may be of any length.
         v.stride(axis, v.output()[axis].value() > 1 ? stride * a.step[axis].value() : stride);
         if (!(v.output()[axis] == Dim(0))) offset += stride * a.first[axis].value();
       }
       v.offset(v.output().size() == Dim(0) ? 0 : offset);
     },
     .grad = [](Grad& g, const SliceAttributes& a) {
       g.to(0, update_slice(zeros(g.shape(0), g.dtype(0)), g.dy(), a.first, a.step, a.size));
     },
     .onnx = named<&slice_form>},
    {.name = "update_slice", .peers = {.numpy = "x[a:b:c] = v", .tensorflow = "tensor_strided_slice_update", .torch = "slice_scatter"},
     .rule = update_rule,
     .body = [](Body& b, const SliceAttributes& a) {
       Value inside = b.builder().constant_bits(bool_, 1);
       std::vector<Value> place;
       const int added = b.out_rank() - b.rank(1);
       for (int axis = 0; axis < b.out_rank(); ++axis) {
         const std::int64_t first = a.first[axis].value(), step = a.step[axis].value();
         const Value distance = step > 0 ? b.at(axis) - first : first - b.at(axis);
         const Value steps = distance / std::abs(step);
         inside = inside && distance >= 0 && steps < a.size[axis].value() && distance % std::abs(step) == 0;
         if (axis >= added) place.push_back(kernel::minimum(steps, b.size(1, axis - added) - 1));
       }
       b.out(b.in(1, place, inside, b.in(0)));
     },
     .places = [](Places& p, const SliceAttributes& a) {
       std::array<std::int64_t, max_rank> first{}, step{};
       for (int axis = 0; axis < a.size.rank(); ++axis) {
         first[static_cast<std::size_t>(axis)] = a.first[axis].value();
         step[static_cast<std::size_t>(axis)] = a.step[axis].value();
       }
       p.put(1, first, step, a.size);
     },
     .grad = [](Grad& g, const SliceAttributes& a) {
       if (g.wants(0)) g.to(0, update_slice(g.dy(), 0, a.first, a.step, a.size));
       if (g.wants(1)) g.to(1, strided_slice(g.dy(), a.first, a.step, a.size));
     },
     .onnx = named<&update_slice_form>},
    {.name = "take", .peers = {.numpy = "take", .tensorflow = "gather", .torch = "index_select", .onnx = "Gather"},
     .rule = [](Infer& i, const AxisAttributes& a) {
       require_indices(i, 1);
       i.out(i.dtype(0), taken(i, i.shape(0), a.axis, i.shape(1)));
     },
     .body = [](Body& b, const AxisAttributes& a) {
       const Value at = position(b, b.in(1, points(b, a.axis, b.rank(1))), b.size(0, a.axis), a.axis);
       b.out(b.in(0, taken_place(b, a.axis, b.rank(0), b.rank(1), at)));
     },
     .grad = [](Grad& g, const AxisAttributes& a) {
       g.to(0, scatter(zeros(g.shape(0), g.dtype(0)), g.x(1), g.dy(), a.axis, {.mode = ScatterMode::add}));
     },
     .onnx = [](OnnxForm& o, const AxisAttributes& a) {
       o.out(o.node("Gather", {o.in(0), index_form(o.in(1))}, {{"axis", a.axis}}));
     }},
    {.name = "scatter", .peers = {.tensorflow = "tensor_scatter_nd_add", .torch = "index_add", .onnx = "ScatterND"},
     .rule = [](Infer& i, const ScatterAttributes& a) {
       require_indices(i, 1);
       require_updates(i, a);
       const Shape expected = taken(i, i.shape(0), a.axis, i.shape(1));
       if (!equal_sizes(i.shape(2), expected)) i.fail<ShapeError>("updates need the shape " + expected.text());
       i.out_starting(i.dtype(0), i.shape(0), 0);
     },
     .body = [](Body& b, const ScatterAttributes& a) {
       b.over_input(2);
       const Value at = position(b, b.in(1, points(b, a.axis, b.rank(1))), b.size(0, a.axis), a.axis);
       b.out_at(0, taken_place(b, a.axis, b.rank(0), b.rank(1), at), b.in(2), store_mode(a.mode), false);
     },
     .grad = [](Grad& g, const ScatterAttributes& a) {
       if (g.wants(0)) g.to(0, a.mode == ScatterMode::add ? g.dy() : scatter(g.dy(), g.x(1), 0, a.axis));
       if (!g.wants(2)) return;
       const Tensor taken = take(g.dy(), g.x(1), a.axis);
       g.to(2, a.mode == ScatterMode::add ? taken : where(last_of_slices(g.x(1), g.shape(0), a.axis), taken, 0));
     },
     .onnx = named<&scatter_form>},
    {.name = "gather", .peers = {.numpy = "take_along_axis", .torch = "gather", .onnx = "GatherElements"},
     .rule = [](Infer& i, const AxisAttributes& a) {
       require_indices(i, 1);
       require_along(i, a.axis);
       i.out(i.dtype(0), i.shape(1));
     },
     .body = [](Body& b, const AxisAttributes& a) {
       std::vector<Value> place = points(b, 0, b.rank(0));
       place[static_cast<std::size_t>(a.axis)] = position(b, b.in(1), b.size(0, a.axis), a.axis);
       b.out(b.in(0, place));
     },
     .grad = [](Grad& g, const AxisAttributes& a) {
       g.to(0, put_along_axis(zeros(g.shape(0), g.dtype(0)), g.x(1), g.dy(), a.axis, {.mode = ScatterMode::add}));
     },
     .onnx = [](OnnxForm& o, const AxisAttributes& a) {
       o.out(o.node("GatherElements", {o.in(0), index_form(o.in(1))}, {{"axis", a.axis}}));
     }},
    {.name = "put_along_axis", .peers = {.numpy = "put_along_axis", .torch = "scatter_add", .onnx = "ScatterElements"},
     .rule = [](Infer& i, const ScatterAttributes& a) {
       require_indices(i, 1);
       require_updates(i, a);
       require_along(i, a.axis);
       if (!equal_sizes(i.shape(2), i.shape(1))) i.fail<ShapeError>("updates need the shape of the indices");
       i.out_starting(i.dtype(0), i.shape(0), 0);
     },
     .body = [](Body& b, const ScatterAttributes& a) {
       b.over_input(2);
       std::vector<Value> place = points(b, 0, b.rank(0));
       place[static_cast<std::size_t>(a.axis)] = position(b, b.in(1), b.size(0, a.axis), a.axis);
       b.out_at(0, place, b.in(2), store_mode(a.mode), false);
     },
     .grad = [](Grad& g, const ScatterAttributes& a) {
       if (g.wants(0)) g.to(0, a.mode == ScatterMode::add ? g.dy() : put_along_axis(g.dy(), g.x(1), 0, a.axis));
       if (!g.wants(2)) return;
       const Tensor taken = gather(g.dy(), g.x(1), a.axis);
       g.to(2, a.mode == ScatterMode::add ? taken : where(last_of_elements(g.x(1), g.shape(0), a.axis), taken, 0));
     },
     .onnx = [](OnnxForm& o, const ScatterAttributes& a) {
       const std::string_view reduction = a.mode == ScatterMode::add ? "add" : "none";
       o.out(o.node("ScatterElements", {o.in(0), index_form(o.in(1)), o.in(2)}, {{"axis", a.axis}, {"reduction", reduction}}));
     }},
    {.name = "index",
     .rule = [](Infer& i, const AxisAttributes& a) {
       require_indices(i, 0);
       i.require_axis(a.axis, 1);
       i.out(int64, i.shape(0));
     },
     .body = [](Body& b, const AxisAttributes& a) { b.out(position(b, b.in(0), b.size(1, a.axis), a.axis)); },
     .onnx = [](OnnxForm& o, const AxisAttributes& a) {
       const Tensor at = o.in(0).to(int64);
       o.out(where(at < 0, at + size_tensor(o.in(1).dim(a.axis)), at));
     }},
    {.name = "one_hot", .peers = {.tensorflow = "one_hot", .torch = "nn.functional.one_hot", .onnx = "OneHot"},
     .rule = [](Infer& i, const OneHotAttributes& a) {
       require_indices(i, 0);
       if (a.depth.rank() != 1) i.fail<ShapeError>("the depth is one number, not " + a.depth.text());
       if (a.depth[0].known() && a.depth[0].value() < 0) i.fail<ShapeError>("the depth is negative: " + a.depth[0].text());
       Shape shape = i.shape(0);
       shape.push_back(a.depth[0]);
       i.out(a.dtype, shape);
     },
     .body = [](Body& b, const OneHotAttributes& a) {
       const Value at = kernel::cast(b.in(0, points(b, 0, b.rank())), int64);
       b.out(kernel::select(at == b.at(b.rank()), b.constant(a.dtype, 1), b.constant(a.dtype, 0)));
     },
     .onnx = [](OnnxForm& o, const OneHotAttributes& a) {
       // ONNX's own counts negative indices from the end.
       o.out((expand_dims(o.in(0).to(int64), -1) == arange(a.depth[0])).to(a.dtype));
     }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

/// Updates in the dtype of what they go to. Half types are added up in float32.
template <class Scatter>
Tensor scattered(Tensor x, const Operand& updates, ScatterMode mode, const Scatter& scatter) {
  const DType dtype = x.dtype();
  if (mode == ScatterMode::add && is_half(dtype)) {
    return scatter(x.to(float32), updates.tensor().to(float32)).to(dtype);
  }
  return scatter(std::move(x), updates.tensor().to(dtype, updates.where()));
}

/// Indices stretched to the sizes of `x` on the axes that are not indexed.
Tensor stretched(const Tensor& x, const Tensor& indices, int axis, Where where) {
  if (indices.rank() != x.rank()) return indices;  // the rule says what is wrong
  Shape shape = x.shape();
  shape[axis] = indices.shape()[axis];
  for (int at = 0; at < x.rank(); ++at) {
    if (!(indices.shape()[at] == shape[at]) && !(indices.shape()[at] == Dim(1))) return indices;
  }
  return indices.shape() == shape ? indices : broadcast_to(indices, shape, where);
}

Tensor scattered_rows(Tensor x, const Tensor& indices, const Operand& updates, int axis,
                      const ScatterOptions& options) {
  const Where where = updates.where();
  const detail::UserCall scope("scatter", where);
  const ScatterAttributes attributes{normalized_axis(x, axis, "scatter", where), options.mode};
  Shape shape;
  for (int at = 0; at < attributes.axis; ++at) shape.push_back(x.shape()[at]);
  for (const Dim size : indices.shape()) shape.push_back(size);
  for (int at = attributes.axis + 1; at < x.rank(); ++at) shape.push_back(x.shape()[at]);
  return scattered(std::move(x), updates, options.mode, [&](Tensor onto, const Tensor& values) {
    return call_onto(find<"scatter">, std::move(onto), indices,
                     values.shape() == shape ? values : broadcast_to(values, shape, where),
                     attributes, where);
  });
}

Tensor scattered_elements(Tensor x, const Tensor& indices, const Operand& updates, int axis,
                          const ScatterOptions& options) {
  const Where where = updates.where();
  const detail::UserCall scope("put_along_axis", where);
  const ScatterAttributes attributes{normalized_axis(x, axis, "put_along_axis", where),
                                     options.mode};
  const Tensor places = stretched(x, indices, attributes.axis, where);
  return scattered(std::move(x), updates, options.mode, [&](Tensor onto, const Tensor& values) {
    return call_onto(
        find<"put_along_axis">, std::move(onto), places,
        values.shape() == places.shape() ? values : broadcast_to(values, places.shape(), where),
        attributes, where);
  });
}

/// What is given away, unless it is read as well.
Tensor given(Tensor& x, const Tensor& indices, const Operand& updates) {
  const bool read = &x == &indices || (updates.is_tensor() && &updates.tensor() == &x);
  return read ? x : std::move(x);
}

}  // namespace

std::span<const Op> families::index() { return table; }

Tensor strided_slice(const Tensor& x, const Shape& first, const Shape& step, const Shape& size,
                     Where where) {
  return call(find<"strided_slice">, Operand(x, where), SliceAttributes{first, step, size});
}

Tensor update_slice(const Tensor& x, const Operand& value, const Shape& first, const Shape& step,
                    const Shape& size, Where where) {
  return call(find<"update_slice">, Operand(x, where), value, SliceAttributes{first, step, size});
}

Tensor take(const Tensor& x, const Tensor& indices, int axis, Where where) {
  const AxisAttributes attributes{normalized_axis(x, axis, "take", where)};
  return call(find<"take">, Operand(x, where), indices, attributes);
}

Tensor embedding(const Tensor& table, const Tensor& ids, Where where) {
  const detail::UserCall scope("embedding", where);
  return take(table, ids, 0);
}

Tensor gather(const Tensor& x, const Tensor& indices, int axis, Where where) {
  const DifferentSizes::Pause pause;
  const AxisAttributes attributes{normalized_axis(x, axis, "gather", where)};
  return call(find<"gather">, Operand(x, where), stretched(x, indices, attributes.axis, where),
              attributes);
}

Tensor scatter(const Tensor& x, const Tensor& indices, const Operand& updates, int axis,
               const ScatterOptions& options) {
  return scattered_rows(x, indices, updates, axis, options);
}

Tensor scatter(Tensor&& x, const Tensor& indices, const Operand& updates, int axis,
               const ScatterOptions& options) {
  return scattered_rows(given(x, indices, updates), indices, updates, axis, options);
}

Tensor put_along_axis(const Tensor& x, const Tensor& indices, const Operand& updates, int axis,
                      const ScatterOptions& options) {
  return scattered_elements(x, indices, updates, axis, options);
}

Tensor put_along_axis(Tensor&& x, const Tensor& indices, const Operand& updates, int axis,
                      const ScatterOptions& options) {
  return scattered_elements(given(x, indices, updates), indices, updates, axis, options);
}

Tensor one_hot(const Tensor& indices, Dim depth, DType dtype, Where where) {
  return call(find<"one_hot">, Operand(indices, where), OneHotAttributes{{depth}, dtype});
}

Tensor checked_index(const Tensor& indices, const Tensor& x, int axis, Where where) {
  return call(find<"index">, Operand(indices, where), x, AxisAttributes{axis});
}

}  // namespace rill
