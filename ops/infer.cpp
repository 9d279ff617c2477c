#include <rill/ops/infer.h>

#include <algorithm>

#include <rill/tensor/elements.h>

namespace rill {

std::string Spec::text() const {
  return std::string(name(dtype)) + (weak ? " number" : shape.text());
}

Tensor Spec::abstract(Device device) const {
  return weak ? Tensor::abstract_weak(dtype) : Tensor::abstract(shape, dtype, device);
}

void Infer::add(const Spec& spec) {
  if (count_ == max_results) throw InternalError(std::string(op_.name) + ": has too many results");
  detail::require_sizes(spec.shape);
  results_[static_cast<std::size_t>(count_++)] = spec;
}

std::string Infer::rule(std::string_view message) const {
  std::string text(message);
  const char* separator = ": ";
  for (const Tensor& input : inputs_) {
    const bool number = input.body().weak && !input.abstract();
    text += separator + (number ? "number " + input.body().scalar.text() : input.type_text());
    separator = ", ";
  }
  return text;
}

void Infer::require_axis(int axis, int input) const {
  if (axis >= 0 && axis < rank(input)) return;
  fail<IndexError>("axis " + std::to_string(axis) + " is outside [0, " +
                   std::to_string(rank(input)) + ")");
}

void Infer::require_axes(const Axes& axes, int input) const {
  std::array<bool, max_rank> seen{};
  for (const int axis : axes) {
    require_axis(axis, input);
    bool& twice = seen[static_cast<std::size_t>(axis)];
    if (twice) fail<IndexError>("axis " + std::to_string(axis) + " is given twice");
    twice = true;
  }
}

DType Infer::promoted() const {
  DType common = bool_;
  bool any = false;
  for (int k = 0; k < inputs(); ++k) {
    if (weak(k)) continue;
    common = any ? promote(common, dtype(k)) : dtype(k);
    any = true;
  }
  bool real = false;
  for (int k = 0; k < inputs(); ++k) {
    if (!weak(k)) continue;
    const Scalar& number = tensor(k).body().scalar;
    common = any ? number.beside(common) : promote(common, number.dtype());
    real = real || number.kind() == Scalar::Kind::real;
  }
  // Numbers by themselves are literals, of which the real ones are float32.
  return real && !any ? float32 : common;
}

Shape Infer::broadcast_shape() const {
  Shape common = shape(0);
  for (int k = 1; k < inputs(); ++k) {
    if (shape(k) == common || rank(k) == 0) continue;
    if (common.rank() == 0) {
      common = shape(k);
      continue;
    }
    try {
      common = broadcast(common, shape(k));
    } catch (const ShapeError&) {
      fail<ShapeError>("shapes do not broadcast (aligned at the right, sizes must be equal or 1)");
    }
  }
  return common;
}

namespace {

template <Kinds kinds>
DType operand_dtype(const Infer& i) {
  const DType common = i.promoted();
  if constexpr (kinds == Kinds::floating) {
    if (is_float(common)) return common;
    // A number by itself is a float like any other literal; integer tensors follow NumPy.
    for (int k = 0; k < i.inputs(); ++k) {
      if (!i.weak(k)) return float64;
    }
    return float32;
  }
  if constexpr (kinds == Kinds::number) {
    i.require_dtype(common != bool_,
                    "takes numbers, not bool: use logical operators, or convert with .to(int64)");
  }
  if constexpr (kinds == Kinds::integer) i.require_dtype(is_integer(common), "takes integers");
  if constexpr (kinds == Kinds::integer_or_bool) {
    i.require_dtype(!is_float(common), "takes integers or bool");
  }
  return common;
}

}  // namespace

template <Kinds kinds>
void same_shape(Infer& i) {
  const DType dtype = operand_dtype<kinds>(i);
  i.convert(dtype);
  i.out(dtype, i.shape(0));
}

template <Kinds kinds>
void broadcast_rule(Infer& i) {
  const DType dtype = operand_dtype<kinds>(i);
  i.convert(dtype);
  i.out(dtype, i.broadcast_shape());
}

void comparison_rule(Infer& i) {
  i.convert(i.promoted());
  i.out(bool_, i.broadcast_shape());
}

template void same_shape<Kinds::any>(Infer&);
template void same_shape<Kinds::number>(Infer&);
template void same_shape<Kinds::floating>(Infer&);
template void same_shape<Kinds::integer>(Infer&);
template void same_shape<Kinds::integer_or_bool>(Infer&);
template void broadcast_rule<Kinds::any>(Infer&);
template void broadcast_rule<Kinds::number>(Infer&);
template void broadcast_rule<Kinds::floating>(Infer&);
template void broadcast_rule<Kinds::integer>(Infer&);
template void broadcast_rule<Kinds::integer_or_bool>(Infer&);

}  // namespace rill
