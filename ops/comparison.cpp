#include <rill/ops/comparison.h>

#include <concepts>
#include <limits>
#include <utility>

#include <rill/ops/arithmetic.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/conversion.h>
#include <rill/ops/creation.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/operators.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

void logical_rule(Infer& i) {
  i.convert(bool_);
  i.out(bool_, i.broadcast_shape());
}

void classification_rule(Infer& i) { i.out(bool_, i.shape(0)); }

void where_rule(Infer& i) {
  i.require_dtype(i.dtype(0) == bool_, "takes a bool condition");
  // The condition is bool, which promotes to whatever the others are.
  const DType dtype = i.promoted();
  i.convert_from(1, dtype);
  i.out(dtype, i.broadcast_shape());
}

Value no(Body& b) { return b.builder().constant_bits(bool_, 0); }

/// Of bool a logical operator in ONNX; of integers one that operator set 17 does not have.
template <FixedString logical>
constexpr auto bitwise_form = [](OnnxForm& o) {
  if (o.result().dtype != bool_) o.refuse("of integers it comes with operator set 18");
  std::vector<Tensor> inputs;
  for (int k = 0; k < o.inputs(); ++k) inputs.push_back(o.in(k));
  o.out(o.nodes(logical.view(), inputs, {}, {&o.result(), 1})[0]);
};

template <FixedString direction>
constexpr auto shift_form = [](OnnxForm& o) {
  if (!is_unsigned(o.result().dtype)) o.refuse("ONNX shifts unsigned integers only");
  o.out(o.node("BitShift", {o.in(0), o.in(1)}, {{"direction", direction.view()}}));
};

// clang-format off
constexpr Op table[] = {
    {.name = "equal", .peers = {.numpy = "equal", .tensorflow = "math.equal", .torch = "eq", .onnx = "Equal"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) == b.in(1)); }},
    {.name = "not_equal", .peers = {.numpy = "not_equal", .tensorflow = "math.not_equal", .torch = "ne"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) != b.in(1)); },
     .onnx = [](OnnxForm& o) { o.out(logical_not(o.in(0) == o.in(1))); }},
    {.name = "less", .peers = {.numpy = "less", .tensorflow = "math.less", .torch = "lt", .onnx = "Less"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) < b.in(1)); }},
    {.name = "less_equal", .peers = {.numpy = "less_equal", .tensorflow = "math.less_equal", .torch = "le", .onnx = "LessOrEqual"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) <= b.in(1)); }},
    {.name = "greater", .peers = {.numpy = "greater", .tensorflow = "math.greater", .torch = "gt", .onnx = "Greater"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) > b.in(1)); }},
    {.name = "greater_equal", .peers = {.numpy = "greater_equal", .tensorflow = "math.greater_equal", .torch = "ge", .onnx = "GreaterOrEqual"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) >= b.in(1)); }},
    {.name = "logical_and", .peers = {.numpy = "logical_and", .tensorflow = "math.logical_and", .torch = "logical_and", .onnx = "And"},
     .rule = logical_rule, .body = [](Body& b) { b.out(b.in(0) & b.in(1)); }},
    {.name = "logical_or", .peers = {.numpy = "logical_or", .tensorflow = "math.logical_or", .torch = "logical_or", .onnx = "Or"},
     .rule = logical_rule, .body = [](Body& b) { b.out(b.in(0) | b.in(1)); }},
    {.name = "logical_xor", .peers = {.numpy = "logical_xor", .tensorflow = "math.logical_xor", .torch = "logical_xor", .onnx = "Xor"},
     .rule = logical_rule, .body = [](Body& b) { b.out(b.in(0) ^ b.in(1)); }},
    {.name = "logical_not", .peers = {.numpy = "logical_not", .tensorflow = "math.logical_not", .torch = "logical_not", .onnx = "Not"},
     .rule = logical_rule, .body = [](Body& b) { b.out(~b.in(0)); }},
    {.name = "bitwise_and", .peers = {.numpy = "bitwise_and", .tensorflow = "bitwise.bitwise_and", .torch = "bitwise_and"},
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) & b.in(1)); },
     .onnx = bitwise_form<"And">},
    {.name = "bitwise_or", .peers = {.numpy = "bitwise_or", .tensorflow = "bitwise.bitwise_or", .torch = "bitwise_or"},
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) | b.in(1)); },
     .onnx = bitwise_form<"Or">},
    {.name = "bitwise_xor", .peers = {.numpy = "bitwise_xor", .tensorflow = "bitwise.bitwise_xor", .torch = "bitwise_xor"},
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) ^ b.in(1)); },
     .onnx = bitwise_form<"Xor">},
    {.name = "bitwise_not", .peers = {.numpy = "bitwise_not", .tensorflow = "bitwise.invert", .torch = "bitwise_not"},
     .rule = same_shape<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(~b.in(0)); },
     .onnx = bitwise_form<"Not">},
    {.name = "left_shift", .peers = {.numpy = "left_shift", .tensorflow = "bitwise.left_shift", .torch = "bitwise_left_shift"},
     .rule = broadcast_rule<Kinds::integer>, .body = [](Body& b) { b.out(b.in(0) << b.in(1)); },
     .onnx = shift_form<"LEFT">},
    {.name = "right_shift", .peers = {.numpy = "right_shift", .tensorflow = "bitwise.right_shift", .torch = "bitwise_right_shift"},
     .rule = broadcast_rule<Kinds::integer>, .body = [](Body& b) { b.out(b.in(0) >> b.in(1)); },
     .onnx = shift_form<"RIGHT">},
    {.name = "isnan", .peers = {.numpy = "isnan", .tensorflow = "math.is_nan", .torch = "isnan", .onnx = "IsNaN"},
     .rule = classification_rule,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? x != x : no(b)); },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) != o.in(0)); }},
    {.name = "isinf", .peers = {.numpy = "isinf", .tensorflow = "math.is_inf", .torch = "isinf", .onnx = "IsInf"},
     .rule = classification_rule,
     .body = [](Body& b) {
       const Value x = b.in(0);
       b.out(is_float(x.dtype()) ? kernel::abs(x) == std::numeric_limits<double>::infinity() : no(b));
     },
     .onnx = [](OnnxForm& o) {
       const Tensor x = o.in(0);
       o.out(is_float(x.dtype()) ? rill::abs(x) == std::numeric_limits<double>::infinity() : x != x);
     }},
    {.name = "isfinite", .peers = {.numpy = "isfinite", .tensorflow = "math.is_finite", .torch = "isfinite"},
     .rule = classification_rule,
     .body = [](Body& b) {
       const Value x = b.in(0);
       b.out(is_float(x.dtype()) ? kernel::abs(x) < std::numeric_limits<double>::infinity() : ~no(b));
     },
     .onnx = [](OnnxForm& o) {
       const Tensor x = o.in(0);
       o.out(is_float(x.dtype()) ? rill::abs(x) < std::numeric_limits<double>::infinity() : x == x);
     }},
    {.name = "where", .peers = {.numpy = "where", .tensorflow = "where", .torch = "where", .onnx = "Where"},
     .rule = where_rule,
     .body = [](Body& b) { b.out(kernel::select(b.in(0), b.in(1), b.in(2))); },
     .grad = [](Grad& g) {
       if (g.wants(1)) g.to(1, where(g.x(0), g.dy(), 0));
       if (g.wants(2)) g.to(2, where(g.x(0), 0, g.dy()));
     }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

/// False for an integer that an integer `dtype` does not hold.
bool fits(const Scalar& number, DType dtype) {
  if (number.kind() == Scalar::Kind::real || !is_integer(dtype)) return true;
  return visit(dtype, [&]<class T>(T) {
    if constexpr (!std::integral<T> || std::same_as<T, bool>) {
      return true;
    } else if (number.kind() == Scalar::Kind::unsigned_integer) {
      return std::in_range<T>(static_cast<std::uint64_t>(number.integer()));
    } else {
      return std::in_range<T>(number.integer());
    }
  });
}

/// Whether `number` is an integer that each call of a traced function gives anew, and perhaps none
/// that `x` holds.
bool may_not_fit(const Operand& number, const Tensor& x) {
  return number.scalar().is_argument() && number.scalar().kind() == Scalar::Kind::integer &&
         is_integer(x.dtype()) && size_of(x.dtype()) < 8;
}

/// A comparison. A number that no element can be is on one side of all of them, as 1 is of zeros.
Tensor compare(const Op& op, const Operand& a, const Operand& b) {
  if (a.is_tensor() && may_not_fit(b, a.tensor())) return call(op, {cast(a, int64), a.where()}, b);
  if (b.is_tensor() && may_not_fit(a, b.tensor())) return call(op, a, {cast(b, int64), b.where()});
  if (a.is_tensor() == b.is_tensor()) return call(op, a, b);
  const Tensor& x = a.is_tensor() ? a.tensor() : b.tensor();
  const Scalar& number = a.is_tensor() ? b.scalar() : a.scalar();
  if (!x.defined() || !is_integer(x.dtype()) || fits(number, x.dtype())) return call(op, a, b);
  const Tensor zero = zeros(x.shape(), int8, a.where());
  const int side = number.real() > 0 ? 1 : -1;
  return a.is_tensor() ? call(op, {zero, a.where()}, side) : call(op, {side, a.where()}, zero);
}

/// The operand as bool, for a condition.
Tensor truth(const Operand& x) {
  if (!x.is_tensor()) return cast(x, bool_);
  return x.tensor().dtype() == bool_ ? x.tensor() : cast(x, bool_);
}

}  // namespace

std::span<const Op> families::comparison() { return table; }

// clang-format off
Tensor logical_and(const Operand& a, const Operand& b) { return call(find<"logical_and">, a, b); }
Tensor logical_or(const Operand& a, const Operand& b) { return call(find<"logical_or">, a, b); }
Tensor logical_xor(const Operand& a, const Operand& b) { return call(find<"logical_xor">, a, b); }
Tensor logical_not(const Operand& x) { return call(find<"logical_not">, x); }
Tensor isnan(const Operand& x) { return call(find<"isnan">, x); }
Tensor isinf(const Operand& x) { return call(find<"isinf">, x); }
Tensor isfinite(const Operand& x) { return call(find<"isfinite">, x); }

Tensor operator==(const Operand& a, const Operand& b) { return compare(find<"equal">, a, b); }
Tensor operator!=(const Operand& a, const Operand& b) { return compare(find<"not_equal">, a, b); }
Tensor operator<(const Operand& a, const Operand& b) { return compare(find<"less">, a, b); }
Tensor operator<=(const Operand& a, const Operand& b) { return compare(find<"less_equal">, a, b); }
Tensor operator>(const Operand& a, const Operand& b) { return compare(find<"greater">, a, b); }
Tensor operator>=(const Operand& a, const Operand& b) { return compare(find<"greater_equal">, a, b); }
Tensor operator&(const Operand& a, const Operand& b) { return call(find<"bitwise_and">, a, b); }
Tensor operator|(const Operand& a, const Operand& b) { return call(find<"bitwise_or">, a, b); }
Tensor operator^(const Operand& a, const Operand& b) { return call(find<"bitwise_xor">, a, b); }
Tensor operator~(const Operand& x) { return call(find<"bitwise_not">, x); }
Tensor operator<<(const Operand& a, const Operand& b) { return call(find<"left_shift">, a, b); }
Tensor operator>>(const Operand& a, const Operand& b) { return call(find<"right_shift">, a, b); }
// clang-format on

Tensor where(const Operand& condition, const Operand& a, const Operand& b) {
  return detail::in_operation("where", condition.where(), [&] {
    return call(find<"where">, Operand(truth(condition), condition.where()), a, b);
  });
}

Tensor& Tensor::operator&=(const Operand& y) {
  call_in_place(find<"bitwise_and">, *this, y);
  return *this;
}
Tensor& Tensor::operator|=(const Operand& y) {
  call_in_place(find<"bitwise_or">, *this, y);
  return *this;
}
Tensor& Tensor::operator^=(const Operand& y) {
  call_in_place(find<"bitwise_xor">, *this, y);
  return *this;
}
Tensor& Tensor::operator<<=(const Operand& y) {
  call_in_place(find<"left_shift">, *this, y);
  return *this;
}
Tensor& Tensor::operator>>=(const Operand& y) {
  call_in_place(find<"right_shift">, *this, y);
  return *this;
}

}  // namespace rill
