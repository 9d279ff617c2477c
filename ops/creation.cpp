#include <rill/ops/creation.h>

#include <cmath>
#include <limits>

#include <rill/ops/arithmetic.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/comparison.h>
#include <rill/ops/composition.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/operators.h>
#include <rill/ops/shape.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

struct CreationAttributes {
  Shape shape;
  DType dtype = float32;
  static constexpr auto fields() {
    return std::tuple{field("shape", &CreationAttributes::shape),
                      field("dtype", &CreationAttributes::dtype)};
  }
};

struct EyeAttributes {
  Shape shape;
  DType dtype = float32;
  std::int64_t offset = 0;
  static constexpr auto fields() {
    return std::tuple{field("shape", &EyeAttributes::shape), field("dtype", &EyeAttributes::dtype),
                      field("offset", &EyeAttributes::offset)};
  }
};

struct SizeAttributes {
  Shape size;  ///< one, which may be symbolic
  static constexpr auto fields() { return std::tuple{field("size", &SizeAttributes::size)}; }
};

/// Sequences are computed wider than they are stored, and round once.
DType sequence_dtype(DType dtype) {
  return is_float(dtype) ? float64 : is_unsigned(dtype) ? uint64 : int64;
}

/// Numbers along one axis, made of two.
void require_sequence(const Infer& i, const Shape& shape) {
  if (i.rank(0) != 0 || i.rank(1) != 0) i.fail<ShapeError>("counts with scalars");
  if (shape.rank() != 1) i.fail<ShapeError>("makes one axis, not " + shape.text());
}

// clang-format off
constexpr Op table[] = {
    {.name = "full", .peers = {.numpy = "full", .tensorflow = "fill", .torch = "full"},
     .rule = [](Infer& i, const CreationAttributes& a) {
       if (i.rank(0) != 0) i.fail<ShapeError>("fills with a scalar");
       i.convert(a.dtype);
       i.out(a.dtype, a.shape);
     },
     .body = [](Body& b, const CreationAttributes&) { b.out(b.in(0)); },
     .grad = [](Grad& g, const CreationAttributes&) { g.to(0, g.dy()); },
     .onnx = [](OnnxForm& o, const CreationAttributes& a) { o.out(o.node("Expand", {o.in(0), o.integers(a.shape)})); }},
    {.name = "arange", .peers = {.numpy = "arange", .tensorflow = "range", .torch = "arange", .onnx = "Range"},
     .rule = [](Infer& i, const CreationAttributes& a) {
       i.require_dtype(a.dtype != bool_, "makes numbers, not bool");
       require_sequence(i, a.shape);
       i.convert(sequence_dtype(a.dtype));
       i.out(a.dtype, a.shape);
     },
     .body = [](Body& b, const CreationAttributes&) {
       const Value first = b.in(0);
       b.out(first + kernel::cast(b.at(0), first.dtype()) * b.in(1));
     },
     .onnx = [](OnnxForm& o, const CreationAttributes& a) {
       const Tensor count = reshape(o.integers(a.shape), {});
       const Tensor places = o.node("Range", {full({}, 0, int64), count, full({}, 1, int64)}, {}, {int64, a.shape});
       o.out((o.in(0) + places.to(o.in(0).dtype()) * o.in(1)).to(a.dtype));
     }},
    {.name = "linspace", .peers = {.numpy = "linspace", .tensorflow = "linspace", .torch = "linspace"},
     .rule = [](Infer& i, const CreationAttributes& a) {
       i.require_dtype(is_float(a.dtype), "makes floats");
       require_sequence(i, a.shape);
       i.convert(float64);
       i.out(a.dtype, a.shape);
     },
     .body = [](Body& b, const CreationAttributes&) {
       const Value first = b.in(0), last = b.in(1), at = b.at(0);
       const Value steps = b.extent(0) - 1;
       const Value inside = first + kernel::cast(at, float64) * ((last - first) / kernel::cast(steps, float64));
       // Rounding must not move the ends.
       b.out(kernel::select(at == 0, first, kernel::select(at == steps, last, inside)));
     }},
    {.name = "eye", .peers = {.numpy = "eye", .tensorflow = "eye", .torch = "eye", .onnx = "EyeLike"},
     .rule = [](Infer& i, const EyeAttributes& a) {
       if (a.shape.rank() != 2) i.fail<ShapeError>("makes a matrix, not " + a.shape.text());
       i.out(a.dtype, a.shape);
     },
     .body = [](Body& b, const EyeAttributes& a) {
       b.out(kernel::select(b.at(0) + a.offset == b.at(1), b.constant(a.dtype, 1), b.constant(a.dtype, 0)));
     },
     .onnx = [](OnnxForm& o, const EyeAttributes& a) {
       o.out((expand_dims(arange(a.shape[0]), 1) + a.offset == arange(a.shape[1])).to(a.dtype));
     }},
    {.name = "size", .peers = {.numpy = "size", .tensorflow = "size", .torch = "numel", .onnx = "Size"},
     .rule = [](Infer& i, const SizeAttributes& a) {
       if (a.size.rank() != 1) i.fail<ShapeError>("is one number, not " + a.size.text());
       i.out_weak(int64);
     },
     .composition = [](Composition& c, const SizeAttributes& a) { c.out(0, Tensor::weak(a.size[0].value())); },
     .onnx = [](OnnxForm& o, const SizeAttributes& a) { o.out(reshape(o.integers(a.size), {})); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor sequence(const Tensor& first, const Tensor& step, Dim count, DType dtype, Where where) {
  const CreationAttributes attributes{.shape = {count}, .dtype = dtype};
  return call(find<"arange">, Operand(first, where), Operand(step, where), attributes);
}

Tensor make_eye(Dim rows, Dim columns, int offset, DType dtype, Where where) {
  const EyeAttributes attributes{.shape = {rows, columns}, .dtype = dtype, .offset = offset};
  return call_for<1>(find<"eye">, std::span<const Tensor>(), attributes, where)[0];
}

/// How many steps lead from `first` to before `last`.
std::int64_t steps_between(const Scalar& first, const Scalar& last, const Scalar& step,
                           Where where) {
  const bool real = first.kind() == Scalar::Kind::real || last.kind() == Scalar::Kind::real ||
                    step.kind() == Scalar::Kind::real;
  for (const Scalar& number : {first, last, step}) {  // how many elements is no matter of a call
    if (number.is_argument()) detail::refuse_value(where);
  }
  if (step.real() == 0) throw ValueError("arange: the step is zero" + where.suffix());
  if (real) {
    const double count = std::ceil((last.real() - first.real()) / step.real());
    if (!(count < 0x1p61)) {  // NaN too
      throw ValueError("arange: from " + first.text() + " to " + last.text() + " by " +
                       step.text() + " is no finite sequence" + where.suffix());
    }
    return count > 0 ? static_cast<std::int64_t>(count) : 0;
  }
  std::int64_t distance = 0;
  if (__builtin_sub_overflow(last.integer(), first.integer(), &distance) ||
      distance == std::numeric_limits<std::int64_t>::min()) {  // which has no opposite
    throw ValueError("arange: from " + first.text() + " to " + last.text() + " is too far" +
                     where.suffix());
  }
  const std::int64_t by = step.integer();
  if ((distance > 0) != (by > 0) || distance == 0) return 0;
  return distance / by + (distance % by != 0 ? 1 : 0);
}

}  // namespace

std::span<const Op> families::creation() { return table; }

Tensor full(const Shape& shape, const Operand& value, DType dtype) {
  const CreationAttributes attributes{.shape = shape, .dtype = dtype};
  return call(find<"full">, value, attributes);
}
Tensor full(const Shape& shape, const Operand& value) {
  return detail::in_operation("full", value.where(), [&] {
    return full(shape, value, value.is_tensor() ? value.tensor().dtype() : value.scalar().dtype());
  });
}
Tensor zeros(const Shape& shape, DType dtype, Where where) {
  return detail::in_operation("zeros", where,
                              [&] { return full(shape, Operand(0, where), dtype); });
}
Tensor ones(const Shape& shape, DType dtype, Where where) {
  return detail::in_operation("ones", where, [&] { return full(shape, Operand(1, where), dtype); });
}
Tensor zeros_like(const Tensor& x, DType dtype, Where where) {
  return detail::in_operation("zeros_like", where, [&] { return zeros(x.shape(), dtype, where); });
}
Tensor zeros_like(const Tensor& x, Where where) {
  return detail::in_operation("zeros_like", where,
                              [&] { return zeros(x.shape(), x.dtype(), where); });
}
Tensor ones_like(const Tensor& x, DType dtype, Where where) {
  return detail::in_operation("ones_like", where, [&] { return ones(x.shape(), dtype, where); });
}
Tensor ones_like(const Tensor& x, Where where) {
  return detail::in_operation("ones_like", where,
                              [&] { return ones(x.shape(), x.dtype(), where); });
}
Tensor full_like(const Tensor& x, const Operand& value) {
  return detail::in_operation("full_like", value.where(),
                              [&] { return full(x.shape(), value, x.dtype()); });
}

Tensor eye(Dim rows, DType dtype, Where where) { return make_eye(rows, rows, 0, dtype, where); }
Tensor eye(Dim rows, Dim columns, int offset, DType dtype, Where where) {
  return make_eye(rows, columns, offset, dtype, where);
}

Tensor arange(Scalar first, Scalar last, Scalar step, DType dtype, Where where) {
  return detail::in_operation("arange", where, [&] {
    return sequence(Tensor::weak(first), Tensor::weak(step),
                    steps_between(first, last, step, where), dtype, where);
  });
}
Tensor arange(Scalar first, Scalar last, Scalar step, Where where) {
  const bool real = first.kind() == Scalar::Kind::real || last.kind() == Scalar::Kind::real ||
                    step.kind() == Scalar::Kind::real;
  return arange(first, last, step, real ? float32 : int64, where);
}
Tensor arange(Scalar last, Where where) { return arange(0, last, 1, where); }
Tensor detail::arange(Dim size, Where where) {
  return sequence(Tensor::weak(0), Tensor::weak(1), size, int64, where);
}

Tensor linspace(double first, double last, std::int64_t count, DType dtype, Where where) {
  return detail::in_operation("linspace", where, [&] {
    const CreationAttributes attributes{.shape = {count}, .dtype = dtype};
    return call(find<"linspace">, Operand(first, where), Operand(last, where), attributes);
  });
}

Tensor size_tensor(Dim size, Where where) {
  return size.known() ? Tensor::weak(size.value()) : detail::symbolic_number(size, where);
}
Tensor detail::symbolic_number(Dim size, Where where) {
  const SizeAttributes attributes{{size}};
  return call_for<1>(find<"size">, std::span<const Tensor>(), attributes, where)[0];
}

}  // namespace rill
