#include <rill/ops/arithmetic.h>

#include <limits>

#include <rill/kernel/math.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/comparison.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/mathematics.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/operators.h>

namespace rill {
namespace {

namespace math = kernel::math;

constexpr double infinity = std::numeric_limits<double>::infinity();

Value sign_of(const Value& v) {
  const Value one = kernel::constant(v, 1);
  if (is_unsigned(v.dtype())) return kernel::select(v == 0, v, one);
  return kernel::select(v > 0, one, kernel::select(v < 0, -one, kernel::select(v == 0, 0, v)));
}

/// floor(a / b). The quotient may round up to an integer; a - q * b, which fma gives exactly,
/// tells: except of an infinite b, by which a quotient below zero is one that vanished.
Value floor_quotient(const Value& a, const Value& b) {
  const Value near = kernel::floor(a / b);
  const Value rest = kernel::fma(-near, b, a);
  const Value vanished = kernel::abs(b) == infinity && kernel::abs(a) < infinity;
  const Value left = kernel::select(vanished, a, rest);
  const Value above = (left < 0 && b > 0) || (left > 0 && b < 0);
  return kernel::select(above, near - 1, near);
}

/// d/db a^b = a^b log(a), and 0 where a^b stays 0 or a is negative.
Tensor power_slope(const Tensor& a, const Tensor& y) {
  const Tensor positive = a > 0;
  return where(positive, y * log(where(positive, a, 1)), 0);
}

// ---- In ONNX ----------------------------------------------------------------------------------

/// A divisor that is nowhere 0, for integers: what ONNX does with 0 is not defined.
Tensor safe_divisor(OnnxForm& o) {
  const auto number = o.uniform(1);
  const bool safe = number && number->real() != 0;
  return safe ? o.in(1) : where(o.in(1) == 0, 1, o.in(1));
}

/// True where a remainder that has the sign of the dividend is not the one that rill means.
Tensor wrong_sign(const Tensor& rest, const Tensor& divisor) {
  return (rest != 0) & ((rest < 0) != (divisor < 0));
}

void remainder_form(OnnxForm& o) {
  const Tensor x = o.in(0), y = o.in(1);
  if (is_float(y.dtype())) {
    const Tensor rest = o.node("Mod", {x, y}, {{"fmod", 1}});
    return o.out(where(wrong_sign(rest, y), rest + y, rest));
  }
  const Tensor divisor = safe_divisor(o);
  const Tensor rest = o.node("Mod", {x, divisor});
  o.out(divisor.id() == y.id() ? rest : where(y == 0, 0, rest));
}

/// ONNX's division of integers rounds towards zero.
void floor_divide_form(OnnxForm& o) {
  const Tensor x = o.in(0), y = o.in(1);
  if (is_float(y.dtype())) return o.out(where(y == 0, x / y, round((x - remainder(x, y)) / y)));
  const Tensor divisor = safe_divisor(o);
  Tensor quotient = o.node("Div", {x, divisor});
  if (!is_unsigned(y.dtype()))
    quotient = where(wrong_sign(x - quotient * divisor, divisor), quotient - 1, quotient);
  o.out(divisor.id() == y.id() ? quotient : where(y == 0, 0, quotient));
}

void clip_form(OnnxForm& o) {
  const Tensor low = o.in(1), high = o.in(2);
  const bool scalars = low.rank() == 0 && high.rank() == 0;
  o.out(scalars ? o.node("Clip", {o.in(0), low, high}) : minimum(maximum(o.in(0), low), high));
}

/// Integers stay as they are, and ONNX rounds floats only.
template <FixedString type>
constexpr auto rounding_form = [](OnnxForm& o) {
  o.out(is_float(o.in(0).dtype()) ? o.node(type.view(), {o.in(0)}) : o.in(0));
};

// clang-format off
constexpr Op table[] = {
    // ---- Arithmetic ---------------------------------------------------------------------------
    {.name = "add", .peers = {.numpy = "add", .tensorflow = "math.add", .torch = "add", .onnx = "Add"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(b.in(0) + b.in(1)); },
     .grad = [](Grad& g) { g.to(0, g.dy()); g.to(1, g.dy()); }},
    {.name = "subtract", .peers = {.numpy = "subtract", .tensorflow = "math.subtract", .torch = "sub", .onnx = "Sub"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(b.in(0) - b.in(1)); },
     .grad = [](Grad& g) { g.to(0, g.dy()); if (g.wants(1)) g.to(1, -g.dy()); }},
    {.name = "multiply", .peers = {.numpy = "multiply", .tensorflow = "math.multiply", .torch = "mul", .onnx = "Mul"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(b.in(0) * b.in(1)); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, g.dy() * g.x(1));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0));
     }},
    {.name = "divide", .peers = {.numpy = "divide", .tensorflow = "math.divide", .torch = "div", .onnx = "Div"},
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) / b.in(1)); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, g.dy() / g.x(1));
       if (g.wants(1)) g.to(1, -(g.dy() * g.y() / g.x(1)));
     }},
    {.name = "fma",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(kernel::fma(b.in(0), b.in(1), b.in(2))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, g.dy() * g.x(1));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0));
       g.to(2, g.dy());
     },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) * o.in(1) + o.in(2)); }},
    {.name = "floor_divide", .peers = {.numpy = "floor_divide", .tensorflow = "math.floordiv", .torch = "floor_divide"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) {
       const Value x = b.in(0), y = b.in(1);
       b.out(is_float(x.dtype()) ? floor_quotient(x, y) : x / y);
     },
     .onnx = &floor_divide_form},
    {.name = "remainder", .peers = {.numpy = "remainder", .tensorflow = "math.floormod", .torch = "remainder", .onnx = "Mod"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) {
       const Value x = b.in(0), y = b.in(1);
       b.out(is_float(x.dtype()) ? math::modulo(x, y) : x % y);
     },
     .grad = [](Grad& g) {
       g.to(0, g.dy());
       if (g.wants(1)) g.to(1, -(g.dy() * floor_divide(g.x(0), g.x(1))));
     },
     .onnx = &remainder_form},
    {.name = "negative", .peers = {.numpy = "negative", .tensorflow = "math.negative", .torch = "neg", .onnx = "Neg"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { b.out(-b.in(0)); },
     .grad = [](Grad& g) { g.to(0, -g.dy()); }},
    {.name = "pow", .peers = {.numpy = "power", .tensorflow = "math.pow", .torch = "pow", .onnx = "Pow"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(math::pow(b.in(0), b.in(1))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) {
         // x^0 is constant, at 0 too, where the formula would multiply 0 by infinity.
         const Tensor constant = g.x(1) == 0;
         g.to(0, g.dy() * g.x(1) * pow(where(constant, 1, g.x(0)), g.x(1) - 1));
       }
       if (g.wants(1)) g.to(1, g.dy() * power_slope(g.x(0), g.y()));
     }},
    {.name = "square", .peers = {.numpy = "square", .tensorflow = "math.square", .torch = "square"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { b.out(b.in(0) * b.in(0)); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (2 * g.x(0))); },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) * o.in(0)); }},
    {.name = "abs", .peers = {.numpy = "absolute", .tensorflow = "math.abs", .torch = "abs", .onnx = "Abs"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::abs(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * sign(g.x(0))); }},
    {.name = "sign", .peers = {.numpy = "sign", .tensorflow = "math.sign", .torch = "sign", .onnx = "Sign"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { b.out(sign_of(b.in(0))); }},
    {.name = "maximum", .peers = {.numpy = "maximum", .tensorflow = "math.maximum", .torch = "maximum", .onnx = "Max"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::maximum(b.in(0), b.in(1))); },
     .grad = [](Grad& g) {
       const Tensor first = g.x(0) >= g.x(1);
       if (g.wants(0)) g.to(0, where(first, g.dy(), 0));
       if (g.wants(1)) g.to(1, where(first, 0, g.dy()));
     }},
    {.name = "minimum", .peers = {.numpy = "minimum", .tensorflow = "math.minimum", .torch = "minimum", .onnx = "Min"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::minimum(b.in(0), b.in(1))); },
     .grad = [](Grad& g) {
       const Tensor first = g.x(0) <= g.x(1);
       if (g.wants(0)) g.to(0, where(first, g.dy(), 0));
       if (g.wants(1)) g.to(1, where(first, 0, g.dy()));
     }},
    {.name = "clip", .peers = {.numpy = "clip", .tensorflow = "clip_by_value", .torch = "clamp", .onnx = "Clip"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::minimum(kernel::maximum(b.in(0), b.in(1)), b.in(2))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, where((g.x(0) >= g.x(1)) & (g.x(0) <= g.x(2)), g.dy(), 0));
       if (g.wants(1)) g.to(1, where((g.x(0) < g.x(1)) & (g.x(1) <= g.x(2)), g.dy(), 0));
       if (g.wants(2)) g.to(2, where(maximum(g.x(0), g.x(1)) > g.x(2), g.dy(), 0));
     },
     .onnx = &clip_form},

    // ---- Rounding -----------------------------------------------------------------------------
    {.name = "floor", .peers = {.numpy = "floor", .tensorflow = "math.floor", .torch = "floor", .onnx = "Floor"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::floor(x) : x); },
     .onnx = rounding_form<"Floor">},
    {.name = "ceil", .peers = {.numpy = "ceil", .tensorflow = "math.ceil", .torch = "ceil", .onnx = "Ceil"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::ceil(x) : x); },
     .onnx = rounding_form<"Ceil">},
    {.name = "trunc", .peers = {.numpy = "trunc", .torch = "trunc"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::trunc(x) : x); },
     .onnx = [](OnnxForm& o) { o.out(where(o.in(0) < 0, ceil(o.in(0)), floor(o.in(0)))); }},
    {.name = "round", .peers = {.numpy = "round", .tensorflow = "math.round", .torch = "round", .onnx = "Round"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::round_even(x) : x); },
     .onnx = rounding_form<"Round">},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

}  // namespace

std::span<const Op> families::arithmetic() { return table; }

// clang-format off
Tensor add(const Operand& a, const Operand& b) { return call(find<"add">, a, b); }
Tensor subtract(const Operand& a, const Operand& b) { return call(find<"subtract">, a, b); }
Tensor multiply(const Operand& a, const Operand& b) { return call(find<"multiply">, a, b); }
Tensor divide(const Operand& a, const Operand& b) { return call(find<"divide">, a, b); }
Tensor fma(const Operand& a, const Operand& b, const Operand& c) { return call(find<"fma">, a, b, c); }
Tensor floor_divide(const Operand& a, const Operand& b) { return call(find<"floor_divide">, a, b); }
Tensor remainder(const Operand& a, const Operand& b) { return call(find<"remainder">, a, b); }
Tensor negative(const Operand& x) { return call(find<"negative">, x); }
Tensor square(const Operand& x) { return call(find<"square">, x); }
Tensor abs(const Operand& x) { return call(find<"abs">, x); }
Tensor sign(const Operand& x) { return call(find<"sign">, x); }
Tensor maximum(const Operand& a, const Operand& b) { return call(find<"maximum">, a, b); }
Tensor minimum(const Operand& a, const Operand& b) { return call(find<"minimum">, a, b); }
Tensor clip(const Operand& x, const Operand& low, const Operand& high) { return call(find<"clip">, x, low, high); }
Tensor floor(const Operand& x) { return call(find<"floor">, x); }
Tensor ceil(const Operand& x) { return call(find<"ceil">, x); }
Tensor trunc(const Operand& x) { return call(find<"trunc">, x); }
Tensor round(const Operand& x) { return call(find<"round">, x); }

Tensor operator+(const Operand& a, const Operand& b) { return call(find<"add">, a, b); }
Tensor operator-(const Operand& a, const Operand& b) { return call(find<"subtract">, a, b); }
Tensor operator*(const Operand& a, const Operand& b) { return call(find<"multiply">, a, b); }
Tensor operator/(const Operand& a, const Operand& b) { return call(find<"divide">, a, b); }
Tensor operator%(const Operand& a, const Operand& b) { return call(find<"remainder">, a, b); }
Tensor operator-(const Operand& x) { return call(find<"negative">, x); }
// clang-format on

Tensor pow(const Operand& a, const Operand& b) {
  // Which numbers are squares and cubes is seen before anything runs.
  if (b.scalar().is_argument()) detail::refuse_value(b.where());
  // Of an unknown size: a call in which it is one of these is captured for itself.
  for (const int multiplied : {1, 2, 3}) (void)(b.unknown_size() == Dim(multiplied));
  if (!b.is_tensor() && a.is_tensor() && a.tensor().dtype() != bool_) {
    const Scalar& exponent = b.scalar();
    const bool keeps_dtype = exponent.beside(a.tensor().dtype()) == a.tensor().dtype();
    if (keeps_dtype && exponent.real() == 2) return square(a);
    if (keeps_dtype && exponent.real() == 3) return multiply(Operand(square(a), a.where()), a);
    if (keeps_dtype && exponent.real() == 1) return a.tensor();
  }
  return call(find<"pow">, a, b);
}

Tensor& Tensor::operator+=(const Operand& y) {
  call_in_place(find<"add">, *this, y);
  return *this;
}
Tensor& Tensor::operator-=(const Operand& y) {
  call_in_place(find<"subtract">, *this, y);
  return *this;
}
Tensor& Tensor::operator*=(const Operand& y) {
  call_in_place(find<"multiply">, *this, y);
  return *this;
}
Tensor& Tensor::operator/=(const Operand& y) {
  call_in_place(find<"divide">, *this, y);
  return *this;
}
Tensor& Tensor::operator%=(const Operand& y) {
  call_in_place(find<"remainder">, *this, y);
  return *this;
}

}  // namespace rill
