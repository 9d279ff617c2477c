#include <rill/ops/shape.h>

#include <algorithm>
#include <numeric>
#include <string>

#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/index.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/view.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

struct ShapeAttributes {
  Shape shape;
  static constexpr auto fields() { return std::tuple{field("shape", &ShapeAttributes::shape)}; }
};

struct TransposeAttributes {
  Axes order;
  static constexpr auto fields() { return std::tuple{field("order", &TransposeAttributes::order)}; }
};

/// Axes that hold the same elements before and after form groups; a group can be a view when its
/// old axes lie in memory as one. Axes of size 1 take part in none.
void reshape_view(View& v) {
  struct Old {
    std::int64_t size, stride;
  };
  std::array<Old, max_rank> old{};
  std::size_t old_count = 0;
  for (int axis = 0; axis < v.shape().rank(); ++axis) {
    const std::int64_t size = v.shape()[axis].value();
    if (size != 1) old[old_count++] = {size, v.strides()[static_cast<std::size_t>(axis)]};
  }
  const int rank = v.output().rank();
  std::size_t from = 0;
  int to = 0;
  while (to < rank && from < old_count) {
    std::int64_t old_size = old[from].size;
    std::int64_t new_size = v.output()[to].value();
    std::size_t old_end = from + 1;
    int new_end = to + 1;
    while (old_size != new_size) {
      if (new_size < old_size)
        new_size *= v.output()[new_end++].value();
      else
        old_size *= old[old_end++].size;
    }
    for (std::size_t k = from; k + 1 < old_end; ++k) {
      if (old[k].stride != old[k + 1].stride * old[k + 1].size) return v.impossible();
    }
    std::int64_t stride = old[old_end - 1].stride;
    for (int axis = new_end - 1; axis >= to; --axis) {
      v.stride(axis, stride);
      stride *= v.output()[axis].value();
    }
    from = old_end;
    to = new_end;
  }
  for (; to < rank; ++to) v.stride(to, 1);  // sizes of 1
}

/// Strides of an array without elements reach nothing: any will do.
void empty_view(View& v) {
  for (int axis = 0; axis < v.output().rank(); ++axis) v.stride(axis, 1);
}

/// One size that is not known follows from the others; further ones may be those of the input.
void reshape_form(OnnxForm& o, const ShapeAttributes& a) {
  const Shape& from = o.in(0).shape();
  const auto is_empty = [](Dim size) { return size == Dim(0); };
  if (std::any_of(a.shape.begin(), a.shape.end(), is_empty)) {
    return o.out(o.node("Reshape", {o.in(0), o.integers(a.shape)}, {{"allowzero", 1}}));
  }
  Shape to = a.shape;
  auto unknown = std::count_if(to.begin(), to.end(), [](Dim size) { return !size.known(); });
  for (int axis = 0; axis < to.rank(); ++axis) {
    if (to[axis].known()) continue;
    if (unknown == 1)
      to[axis] = -1;
    else if (axis < from.rank() && to[axis] == from[axis])
      to[axis] = 0;
    else
      continue;
    --unknown;
  }
  o.out(o.node("Reshape", {o.in(0), o.integers(unknown == 0 ? to : a.shape)}));
}

Shape resolved(const Tensor& x, const Shape& shape, Where where) {
  const DifferentSizes::Pause pause;
  const auto fail = [&](const std::string& message) {
    throw ShapeError("reshape: " + message + ": " + x.type_text() + " to " + shape.text() +
                     where.suffix());
  };
  int open = -1;
  Dim rest = 1;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == Dim(-1)) {
      if (open >= 0) fail("only one size may be -1");
      open = axis;
    } else {
      if (shape[axis].known() && shape[axis].value() < 0) fail("a size is negative");
      rest = rest * shape[axis];
    }
  }
  const Dim size = x.shape().size();
  Shape result = shape;
  if (open >= 0) {
    if (rest == Dim(0)) fail("-1 beside a size of 0 could be anything");
    result[open] = size / rest;
    if (!is_multiple(size, rest) && size.known() && rest.known()) {
      fail(size.text() + " elements are not a multiple of " + rest.text());
    }
  } else if (size.known() && rest.known() && !(size == rest)) {
    fail(size.text() + " elements do not fill " + rest.text());
  }
  return result;
}

// clang-format off
constexpr Op table[] = {
    {.name = "reshape", .peers = {.numpy = "reshape", .tensorflow = "reshape", .torch = "reshape", .onnx = "Reshape"},
     .rule = [](Infer& i, const ShapeAttributes& a) {
       const Dim size = i.shape(0).size();
       const Dim filled = a.shape.size();
       if (!equal_sizes(size, filled) && size.known() && filled.known()) i.fail<ShapeError>(size.text() + " elements do not fill " + a.shape.text());
       i.out(i.dtype(0), a.shape);
     },
     .body = [](Body& b, const ShapeAttributes&) {
       Value position = b.integer(0);
       for (int axis = 0; axis < b.out_rank(); ++axis) position = position * b.extent(axis) + b.at(axis);
       std::vector<Value> index(static_cast<std::size_t>(b.rank()));
       for (int axis = b.rank() - 1; axis >= 0; --axis) {
         const Value size = b.size(0, axis);
         index[static_cast<std::size_t>(axis)] = axis == 0 ? position : position % size;
         position = position / size;
       }
       b.out(b.in(0, index));
     },
     .view = [](View& v, const ShapeAttributes&) { v.output().size() == Dim(0) ? empty_view(v) : reshape_view(v); },
     .grad = [](Grad& g, const ShapeAttributes&) { g.to(0, reshape(g.dy(), g.shape(0))); },
     .onnx = named<&reshape_form>},
    {.name = "transpose", .peers = {.numpy = "transpose", .tensorflow = "transpose", .torch = "permute", .onnx = "Transpose"},
     .rule = [](Infer& i, const TransposeAttributes& a) {
       i.require_axes(a.order);
       if (a.order.count() != i.rank(0)) i.fail<ShapeError>("the order " + a.order.text() + " does not name every axis");
       Shape shape;
       for (const int axis : a.order) shape.push_back(i.shape(0)[axis]);
       i.out(i.dtype(0), shape);
     },
     .body = [](Body& b, const TransposeAttributes& a) {
       std::vector<Value> index(static_cast<std::size_t>(b.rank()));
       for (int axis = 0; axis < b.rank(); ++axis) index[static_cast<std::size_t>(a.order[axis])] = b.at(axis);
       b.out(b.in(0, index));
     },
     .view = [](View& v, const TransposeAttributes& a) {
       for (int axis = 0; axis < a.order.count(); ++axis) v.stride(axis, v.strides()[static_cast<std::size_t>(a.order[axis])]);
     },
     .grad = [](Grad& g, const TransposeAttributes& a) {
       std::array<int, max_rank> inverse{};
       for (int axis = 0; axis < a.order.count(); ++axis) inverse[static_cast<std::size_t>(a.order[axis])] = axis;
       g.to(0, transpose(g.dy(), Axes(std::span<const int>(inverse).first(static_cast<std::size_t>(a.order.count())))));
     },
     .onnx = [](OnnxForm& o, const TransposeAttributes& a) {
       o.out(o.node("Transpose", {o.in(0)}, {{"perm", std::vector<std::int64_t>(a.order.begin(), a.order.end())}}));
     }},
    {.name = "broadcast_to", .peers = {.numpy = "broadcast_to", .tensorflow = "broadcast_to", .torch = "broadcast_to", .onnx = "Expand"},
     .rule = [](Infer& i, const ShapeAttributes& a) {
       if (!stretches_to(i.shape(0), a.shape)) i.fail<ShapeError>("sizes must be equal or 1 to stretch to " + a.shape.text());
       i.out(i.dtype(0), a.shape);
     },
     .body = [](Body& b, const ShapeAttributes&) { b.out(b.in(0)); },
     .view = [](View& v, const ShapeAttributes&) {
       const int added = v.output().rank() - v.shape().rank();
       for (int axis = 0; axis < v.output().rank(); ++axis) {
         const bool stretched = axis < added || !(v.shape()[axis - added] == v.output()[axis]);
         v.stride(axis, stretched ? 0 : v.strides()[static_cast<std::size_t>(axis - added)]);
       }
     },
     .grad = [](Grad& g, const ShapeAttributes&) { g.to(0, g.dy()); },
     .onnx = [](OnnxForm& o, const ShapeAttributes& a) { o.out(o.node("Expand", {o.in(0), o.integers(a.shape)})); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

/// An axis of a shape that has one more than `x`.
int new_axis(const Tensor& x, int axis, std::string_view operation, Where where) {
  return normalized_axis(axis, x.rank() + 1, operation, x.type_text(), where);
}

}  // namespace

std::span<const Op> families::shape() { return table; }

Tensor reshape(const Tensor& x, const Shape& shape, Where where) try {
  if (!x.defined()) detail::fail_undefined("reshape", where);
  const ShapeAttributes attributes{resolved(x, shape, where)};
  return call(find<"reshape">, Operand(x, where), attributes);
} catch (const detail::Unnamed& error) {
  error.rethrow("reshape", where);
}

Tensor flatten(const Tensor& x, Where where) {
  return detail::in_operation("flatten", where,
                              [&] { return reshape(x, {x.shape().size()}, where); });
}

Tensor transpose(const Tensor& x, const Axes& order, Where where) try {
  TransposeAttributes attributes;
  for (const int axis : order) {
    const int normal = normalized_axis(x, axis, "transpose", where);
    if (attributes.order.contains(normal)) {
      throw IndexError("transpose: axis " + std::to_string(axis) + " is given twice for " +
                       x.type_text() + where.suffix());
    }
    attributes.order.push_back(normal);
  }
  if (order.count() != x.rank()) {
    throw ShapeError("transpose: the order " + order.text() + " does not name every axis of " +
                     x.type_text() + where.suffix());
  }
  return call(find<"transpose">, Operand(x, where), attributes);
} catch (const detail::Unnamed& error) {
  error.rethrow("transpose", where);
}

Tensor transpose(const Tensor& x, Where where) try {
  Axes order;
  for (int axis = x.rank() - 1; axis >= 0; --axis) order.push_back(axis);
  return transpose(x, order, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("transpose", where);
}

Tensor swapaxes(const Tensor& x, int a, int b, Where where) try {
  std::array<int, max_rank> order{};
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<std::size_t>(normalized_axis(x, a, "swapaxes", where))],
            order[static_cast<std::size_t>(normalized_axis(x, b, "swapaxes", where))]);
  return transpose(x, Axes(std::span<const int>(order).first(static_cast<std::size_t>(x.rank()))),
                   where);
} catch (const detail::Unnamed& error) {
  error.rethrow("swapaxes", where);
}

Tensor moveaxis(const Tensor& x, int from, int to, Where where) try {
  const int moved = normalized_axis(x, from, "moveaxis", where);
  const int place = normalized_axis(x, to, "moveaxis", where);
  Axes order;
  for (int axis = 0; order.count() < x.rank(); ++axis) {
    if (order.count() == place) order.push_back(moved);
    if (axis != moved && axis < x.rank()) order.push_back(axis);
  }
  return transpose(x, order, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("moveaxis", where);
}

Tensor expand_dims(const Tensor& x, int axis, Where where) try {
  Shape shape = x.shape();
  shape.insert(new_axis(x, axis, "expand_dims", where), 1);
  return reshape(x, shape, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("expand_dims", where);
}

Tensor squeeze(const Tensor& x, Where where) try {
  if (!x.shape().known()) {
    throw ShapeError("squeeze: whether the axes of " + x.type_text() +
                     " have size 1 is not known here: name those to remove, squeeze(x, {1})" +
                     where.suffix());
  }
  Shape shape;
  for (const Dim size : x.shape()) {
    if (!(size == Dim(1))) shape.push_back(size);
  }
  return reshape(x, shape, where);
} catch (const detail::Unnamed& error) {
  error.rethrow("squeeze", where);
}

Tensor squeeze(const Tensor& x, const Axes& axes, Where where) {
  if (axes.count() == 0) return x;
  const Axes normal = normalized_axes(x, axes, "squeeze", where);
  Shape shape;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!normal.contains(axis)) {
      shape.push_back(x.shape()[axis]);
    } else if (!equal_sizes(x.shape()[axis], 1)) {
      throw ShapeError("squeeze: axis " + std::to_string(axis) +
                       " has not size 1: " + x.type_text() + where.suffix());
    }
  }
  return reshape(x, shape, where);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape, Where where) {
  const ShapeAttributes attributes{shape};
  return call(find<"broadcast_to">, Operand(x, where), attributes);
}

Tensor flip(const Tensor& x, const Axes& axes, Where where) {
  const Axes flipped = normalized_axes(x, axes, "flip", where);
  Shape first;
  Shape step;
  for (int axis = 0; axis < x.rank(); ++axis) {
    first.push_back(flipped.contains(axis) ? x.shape()[axis] - 1 : Dim(0));
    step.push_back(flipped.contains(axis) ? -1 : 1);
  }
  return strided_slice(x, first, step, x.shape(), where);
}

}  // namespace rill
