#include <rill/ops/elementwise.h>

#include <cmath>
#include <concepts>
#include <limits>
#include <numbers>
#include <utility>

#include <rill/kernel/math.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/view.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

namespace math = kernel::math;

struct CastAttributes {
  DType dtype = float32;
  static constexpr auto fields() { return std::tuple{field("dtype", &CastAttributes::dtype)}; }
};

struct GeluAttributes {
  bool approximate = false;
  static constexpr auto fields() {
    return std::tuple{field("approximate", &GeluAttributes::approximate)};
  }
};

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

Value sign_of(const Value& v) {
  const Value one = kernel::constant(v, 1);
  if (is_unsigned(v.dtype())) return kernel::select(v == 0, v, one);
  return kernel::select(v > 0, one, kernel::select(v < 0, -one, kernel::select(v == 0, 0, v)));
}

/// floor(a / b), as NumPy's `//`. The quotient may round up to an integer; a - q * b, which fma
/// gives exactly, tells.
Value floor_quotient(const Value& a, const Value& b) {
  const Value near = kernel::floor(a / b);
  const Value rest = kernel::fma(-near, b, a);
  const Value above = (rest < 0 && b > 0) || (rest > 0 && b < 0);
  return kernel::select(above, near - 1, near);
}

Value gelu_value(const Value& x, bool approximate) {
  if (approximate) {
    const double scale = std::sqrt(2 / std::numbers::pi);
    return 0.5 * x * (1.0 + math::tanh(scale * (x + 0.044715 * x * x * x)));
  }
  return 0.5 * x * math::erfc(x * -(std::numbers::sqrt2 / 2));
}

Value gelu_slope(const Value& x, bool approximate) {
  if (approximate) {
    const double scale = std::sqrt(2 / std::numbers::pi);
    const Value t = math::tanh(scale * (x + 0.044715 * x * x * x));
    return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * (scale * (1.0 + 3 * 0.044715 * x * x));
  }
  const double density = std::numbers::inv_sqrtpi * (std::numbers::sqrt2 / 2);  // 1 / sqrt(2 pi)
  return 0.5 * math::erfc(x * -(std::numbers::sqrt2 / 2)) + x * density * math::exp(-0.5 * x * x);
}

Tensor relu_gradient(const Operand& dy, const Operand& y);
Tensor tanh_gradient(const Operand& dy, const Operand& y);
Tensor sigmoid_gradient(const Operand& dy, const Operand& y);
Tensor silu_gradient(const Operand& dy, const Operand& x);
Tensor gelu_gradient(const Operand& dy, const Operand& x, const GeluAttributes& attributes);

/// d/db a^b = a^b log(a), and 0 where a^b stays 0 or a is negative.
Tensor power_slope(const Tensor& a, const Tensor& y) {
  const Tensor positive = a > 0;
  return where(positive, y * log(where(positive, a, 1)), 0);
}

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
    {.name = "floor_divide", .peers = {.numpy = "floor_divide", .tensorflow = "math.floordiv", .torch = "floor_divide"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) {
       const Value x = b.in(0), y = b.in(1);
       b.out(is_float(x.dtype()) ? floor_quotient(x, y) : x / y);
     }},
    {.name = "remainder", .peers = {.numpy = "remainder", .tensorflow = "math.floormod", .torch = "remainder", .onnx = "Mod"},
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) {
       const Value x = b.in(0), y = b.in(1);
       b.out(is_float(x.dtype()) ? math::modulo(x, y) : x % y);
     },
     .grad = [](Grad& g) {
       g.to(0, g.dy());
       if (g.wants(1)) g.to(1, -(g.dy() * floor_divide(g.x(0), g.x(1))));
     }},
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
     .grad = [](Grad& g) { g.to(0, g.dy() * (2 * g.x(0))); }},
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
     }},

    // ---- Rounding -----------------------------------------------------------------------------
    {.name = "floor", .peers = {.numpy = "floor", .tensorflow = "math.floor", .torch = "floor", .onnx = "Floor"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::floor(x) : x); }},
    {.name = "ceil", .peers = {.numpy = "ceil", .tensorflow = "math.ceil", .torch = "ceil", .onnx = "Ceil"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::ceil(x) : x); }},
    {.name = "trunc", .peers = {.numpy = "trunc", .torch = "trunc"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::trunc(x) : x); }},
    {.name = "round", .peers = {.numpy = "round", .tensorflow = "math.round", .torch = "round", .onnx = "Round"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? kernel::round_even(x) : x); }},

    // ---- Exponentials and logarithms ----------------------------------------------------------
    {.name = "exp", .peers = {.numpy = "exp", .tensorflow = "math.exp", .torch = "exp", .onnx = "Exp"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::exp(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * g.y()); }},
    {.name = "exp2", .peers = {.numpy = "exp2", .torch = "exp2"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::exp2(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * g.y() * std::numbers::ln2); }},
    {.name = "expm1", .peers = {.numpy = "expm1", .tensorflow = "math.expm1", .torch = "expm1"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::expm1(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (g.y() + 1)); }},
    {.name = "log", .peers = {.numpy = "log", .tensorflow = "math.log", .torch = "log", .onnx = "Log"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / g.x(0)); }},
    {.name = "log2", .peers = {.numpy = "log2", .torch = "log2"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log2(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (g.x(0) * std::numbers::ln2)); }},
    {.name = "log10", .peers = {.numpy = "log10", .torch = "log10"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log10(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (g.x(0) * std::numbers::ln10)); }},
    {.name = "log1p", .peers = {.numpy = "log1p", .tensorflow = "math.log1p", .torch = "log1p"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log1p(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (1 + g.x(0))); }},
    {.name = "sqrt", .peers = {.numpy = "sqrt", .tensorflow = "math.sqrt", .torch = "sqrt", .onnx = "Sqrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(kernel::sqrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (2 * g.y())); }},
    {.name = "rsqrt", .peers = {.tensorflow = "math.rsqrt", .torch = "rsqrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::rsqrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (-0.5 * g.y() * g.y() * g.y())); }},
    {.name = "cbrt", .peers = {.numpy = "cbrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::cbrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (3 * square(g.y()))); }},

    // ---- Trigonometry -------------------------------------------------------------------------
    {.name = "sin", .peers = {.numpy = "sin", .tensorflow = "math.sin", .torch = "sin", .onnx = "Sin"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::sin(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * cos(g.x(0))); }},
    {.name = "cos", .peers = {.numpy = "cos", .tensorflow = "math.cos", .torch = "cos", .onnx = "Cos"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::cos(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, -(g.dy() * sin(g.x(0)))); }},
    {.name = "tan", .peers = {.numpy = "tan", .tensorflow = "math.tan", .torch = "tan", .onnx = "Tan"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::tan(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (1 + square(g.y()))); }},
    {.name = "asin", .peers = {.numpy = "arcsin", .tensorflow = "math.asin", .torch = "asin", .onnx = "Asin"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::asin(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * rsqrt(1 - square(g.x(0)))); }},
    {.name = "acos", .peers = {.numpy = "arccos", .tensorflow = "math.acos", .torch = "acos", .onnx = "Acos"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::acos(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, -(g.dy() * rsqrt(1 - square(g.x(0))))); }},
    {.name = "atan", .peers = {.numpy = "arctan", .tensorflow = "math.atan", .torch = "atan", .onnx = "Atan"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::atan(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (1 + square(g.x(0)))); }},
    {.name = "atan2", .peers = {.numpy = "arctan2", .tensorflow = "math.atan2", .torch = "atan2"},
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(math::atan2(b.in(0), b.in(1))); },
     .grad = [](Grad& g) {
       const Tensor scaled = g.dy() / (square(g.x(0)) + square(g.x(1)));
       if (g.wants(0)) g.to(0, scaled * g.x(1));
       if (g.wants(1)) g.to(1, -(scaled * g.x(0)));
     }},
    {.name = "sinh", .peers = {.numpy = "sinh", .tensorflow = "math.sinh", .torch = "sinh", .onnx = "Sinh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::sinh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * cosh(g.x(0))); }},
    {.name = "cosh", .peers = {.numpy = "cosh", .tensorflow = "math.cosh", .torch = "cosh", .onnx = "Cosh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::cosh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * sinh(g.x(0))); }},
    {.name = "tanh", .peers = {.numpy = "tanh", .tensorflow = "math.tanh", .torch = "tanh", .onnx = "Tanh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::tanh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, tanh_gradient(g.dy(), g.y())); }},
    {.name = "asinh", .peers = {.numpy = "arcsinh", .tensorflow = "math.asinh", .torch = "asinh", .onnx = "Asinh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::asinh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * rsqrt(square(g.x(0)) + 1)); }},
    {.name = "acosh", .peers = {.numpy = "arccosh", .tensorflow = "math.acosh", .torch = "acosh", .onnx = "Acosh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::acosh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * rsqrt(square(g.x(0)) - 1)); }},
    {.name = "atanh", .peers = {.numpy = "arctanh", .tensorflow = "math.atanh", .torch = "atanh", .onnx = "Atanh"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::atanh(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (1 - square(g.x(0)))); }},

    // ---- Error functions and activations. The most used have gradients of their own, computed in one pass. 
    {.name = "erf", .peers = {.tensorflow = "math.erf", .torch = "erf", .onnx = "Erf"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erf(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (2 * std::numbers::inv_sqrtpi) * exp(-square(g.x(0)))); }},
    {.name = "erfc", .peers = {.tensorflow = "math.erfc", .torch = "special.erfc"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erfc(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (-2 * std::numbers::inv_sqrtpi) * exp(-square(g.x(0)))); }},
    {.name = "erfinv", .peers = {.tensorflow = "math.erfinv", .torch = "erfinv"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erfinv(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (0.5 / std::numbers::inv_sqrtpi) * exp(square(g.y()))); }},
    {.name = "sigmoid", .peers = {.tensorflow = "math.sigmoid", .torch = "sigmoid", .onnx = "Sigmoid"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::sigmoid(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, sigmoid_gradient(g.dy(), g.y())); }},
    {.name = "softplus", .peers = {.tensorflow = "math.softplus", .torch = "nn.functional.softplus", .onnx = "Softplus"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::softplus(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * sigmoid(g.x(0))); }},
    {.name = "relu", .peers = {.tensorflow = "nn.relu", .torch = "relu", .onnx = "Relu"},
     .rule = same_shape<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::maximum(b.in(0), 0)); },
     .grad = [](Grad& g) { g.to(0, relu_gradient(g.dy(), g.y())); }},
    {.name = "silu", .peers = {.tensorflow = "nn.silu", .torch = "nn.functional.silu"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) * math::sigmoid(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, silu_gradient(g.dy(), g.x(0))); }},
    {.name = "gelu", .peers = {.tensorflow = "nn.gelu", .torch = "nn.functional.gelu"},
     .rule = [](Infer& i, const GeluAttributes&) { same_shape<Kinds::floating>(i); },
     .body = [](Body& b, const GeluAttributes& a) { b.out(gelu_value(b.in(0), a.approximate)); },
     .grad = [](Grad& g, const GeluAttributes& a) { g.to(0, gelu_gradient(g.dy(), g.x(0), a)); }},
    {.name = "relu_gradient",
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::select(b.in(1) > 0, b.in(0), 0)); },
     .grad = [](Grad& g) { g.to(0, relu_gradient(g.dy(), g.x(1))); }},
    {.name = "tanh_gradient",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) * (1.0 - b.in(1) * b.in(1))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, tanh_gradient(g.dy(), g.x(1)));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0) * (-2 * g.x(1)));
     }},
    {.name = "sigmoid_gradient",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) * (b.in(1) * (1.0 - b.in(1)))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, sigmoid_gradient(g.dy(), g.x(1)));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0) * (1 - 2 * g.x(1)));
     }},
    {.name = "silu_gradient",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) {
       const Value s = math::sigmoid(b.in(1));
       b.out(b.in(0) * (s * (1.0 + b.in(1) * (1.0 - s))));
     },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, silu_gradient(g.dy(), g.x(1)));
       if (g.wants(1)) {
         const Tensor& x = g.x(1);
         const Tensor s = sigmoid(x);
         g.to(1, g.dy() * g.x(0) * (s * (1 - s) * (2 + x * (1 - 2 * s))));
       }
     }},
    {.name = "gelu_gradient",
     .rule = [](Infer& i, const GeluAttributes&) { broadcast_rule<Kinds::floating>(i); },
     .body = [](Body& b, const GeluAttributes& a) { b.out(b.in(0) * gelu_slope(b.in(1), a.approximate)); },
     .grad = [](Grad& g, const GeluAttributes& a) {
       if (g.wants(0)) g.to(0, gelu_gradient(g.dy(), g.x(1), a));
       if (!g.wants(1)) return;
       const Tensor& x = g.x(1);
       const Tensor scaled = g.dy() * g.x(0);
       if (a.approximate) {
         // t = tanh(u): the second derivative is t' u' + x/2 (t'' u'^2 + t' u''), with t' = 1 - t^2, t'' = -2 t t'.
         const double scale = std::sqrt(2 / std::numbers::pi);
         const Tensor t = tanh(scale * (x + 0.044715 * pow(x, 3)));
         const Tensor slope = scale * (1 + 3 * 0.044715 * square(x));
         const Tensor s = 1 - square(t);
         g.to(1, scaled * (s * slope + 0.5 * x * (s * (6 * 0.044715 * scale) * x - 2 * t * s * square(slope))));
       } else {
         const double density = std::numbers::inv_sqrtpi * (std::numbers::sqrt2 / 2);
         g.to(1, scaled * (density * exp(-0.5 * square(x)) * (2 - square(x))));
       }
     }},

    // ---- Comparisons, logic and bits ----------------------------------------------------------
    {.name = "equal", .peers = {.numpy = "equal", .tensorflow = "math.equal", .torch = "eq", .onnx = "Equal"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) == b.in(1)); }},
    {.name = "not_equal", .peers = {.numpy = "not_equal", .tensorflow = "math.not_equal", .torch = "ne"},
     .rule = comparison_rule, .body = [](Body& b) { b.out(b.in(0) != b.in(1)); }},
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
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) & b.in(1)); }},
    {.name = "bitwise_or", .peers = {.numpy = "bitwise_or", .tensorflow = "bitwise.bitwise_or", .torch = "bitwise_or"},
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) | b.in(1)); }},
    {.name = "bitwise_xor", .peers = {.numpy = "bitwise_xor", .tensorflow = "bitwise.bitwise_xor", .torch = "bitwise_xor"},
     .rule = broadcast_rule<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(b.in(0) ^ b.in(1)); }},
    {.name = "bitwise_not", .peers = {.numpy = "bitwise_not", .tensorflow = "bitwise.invert", .torch = "bitwise_not"},
     .rule = same_shape<Kinds::integer_or_bool>, .body = [](Body& b) { b.out(~b.in(0)); }},
    {.name = "left_shift", .peers = {.numpy = "left_shift", .tensorflow = "bitwise.left_shift", .torch = "bitwise_left_shift"},
     .rule = broadcast_rule<Kinds::integer>, .body = [](Body& b) { b.out(b.in(0) << b.in(1)); }},
    {.name = "right_shift", .peers = {.numpy = "right_shift", .tensorflow = "bitwise.right_shift", .torch = "bitwise_right_shift"},
     .rule = broadcast_rule<Kinds::integer>, .body = [](Body& b) { b.out(b.in(0) >> b.in(1)); }},
    {.name = "isnan", .peers = {.numpy = "isnan", .tensorflow = "math.is_nan", .torch = "isnan", .onnx = "IsNaN"},
     .rule = classification_rule,
     .body = [](Body& b) { const Value x = b.in(0); b.out(is_float(x.dtype()) ? x != x : no(b)); }},
    {.name = "isinf", .peers = {.numpy = "isinf", .tensorflow = "math.is_inf", .torch = "isinf", .onnx = "IsInf"},
     .rule = classification_rule,
     .body = [](Body& b) {
       const Value x = b.in(0);
       b.out(is_float(x.dtype()) ? kernel::abs(x) == std::numeric_limits<double>::infinity() : no(b));
     }},
    {.name = "isfinite", .peers = {.numpy = "isfinite", .tensorflow = "math.is_finite", .torch = "isfinite"},
     .rule = classification_rule,
     .body = [](Body& b) {
       const Value x = b.in(0);
       b.out(is_float(x.dtype()) ? kernel::abs(x) < std::numeric_limits<double>::infinity() : ~no(b));
     }},
    {.name = "where", .peers = {.numpy = "where", .tensorflow = "where", .torch = "where", .onnx = "Where"},
     .rule = where_rule,
     .body = [](Body& b) { b.out(kernel::select(b.in(0), b.in(1), b.in(2))); },
     .grad = [](Grad& g) {
       if (g.wants(1)) g.to(1, where(g.x(0), g.dy(), 0));
       if (g.wants(2)) g.to(2, where(g.x(0), 0, g.dy()));
     }},

    // ---- Conversion ---------------------------------------------------------------------------
    {.name = "cast", .peers = {.numpy = "ndarray.astype", .tensorflow = "cast", .torch = "Tensor.to", .onnx = "Cast"},
     .rule = [](Infer& i, const CastAttributes& a) { i.out(a.dtype, i.shape(0)); },
     .body = [](Body& b, const CastAttributes&) { b.out(b.in(0)); },
     .grad = [](Grad& g, const CastAttributes&) { if (is_float(g.dtype(0))) g.to(0, g.dy().to(g.dtype(0))); }},
    {.name = "copy", .peers = {.numpy = "copy", .tensorflow = "identity", .torch = "clone", .onnx = "Identity"},
     .rule = same_shape<Kinds::any>,
     .body = [](Body& b) { b.out(b.in(0)); },
     .grad = [](Grad& g) { g.to(0, g.dy()); }},
    {.name = "stop_gradient", .peers = {.tensorflow = "stop_gradient", .torch = "Tensor.detach"},
     .rule = same_shape<Kinds::any>,
     .body = [](Body& b) { b.out(b.in(0)); },
     .view = [](View& v) {
       for (int axis = 0; axis < v.output().rank(); ++axis) v.stride(axis, v.strides()[static_cast<std::size_t>(axis)]);
     }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor relu_gradient(const Operand& dy, const Operand& y) {
  return call(find<"relu_gradient">, dy, y);
}
Tensor tanh_gradient(const Operand& dy, const Operand& y) {
  return call(find<"tanh_gradient">, dy, y);
}
Tensor sigmoid_gradient(const Operand& dy, const Operand& y) {
  return call(find<"sigmoid_gradient">, dy, y);
}
Tensor silu_gradient(const Operand& dy, const Operand& x) {
  return call(find<"silu_gradient">, dy, x);
}
Tensor gelu_gradient(const Operand& dy, const Operand& x, const GeluAttributes& attributes) {
  return call(find<"gelu_gradient">, dy, x, attributes);
}

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

/// A comparison. A number that no element can be is on one side of all of them, as 1 is of zeros.
Tensor compare(const Op& op, const Operand& a, const Operand& b) {
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

std::span<const Op> families::elementwise() { return table; }

// clang-format off
Tensor add(const Operand& a, const Operand& b) { return call(find<"add">, a, b); }
Tensor subtract(const Operand& a, const Operand& b) { return call(find<"subtract">, a, b); }
Tensor multiply(const Operand& a, const Operand& b) { return call(find<"multiply">, a, b); }
Tensor divide(const Operand& a, const Operand& b) { return call(find<"divide">, a, b); }
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
Tensor exp(const Operand& x) { return call(find<"exp">, x); }
Tensor exp2(const Operand& x) { return call(find<"exp2">, x); }
Tensor expm1(const Operand& x) { return call(find<"expm1">, x); }
Tensor log(const Operand& x) { return call(find<"log">, x); }
Tensor log2(const Operand& x) { return call(find<"log2">, x); }
Tensor log10(const Operand& x) { return call(find<"log10">, x); }
Tensor log1p(const Operand& x) { return call(find<"log1p">, x); }
Tensor sqrt(const Operand& x) { return call(find<"sqrt">, x); }
Tensor rsqrt(const Operand& x) { return call(find<"rsqrt">, x); }
Tensor cbrt(const Operand& x) { return call(find<"cbrt">, x); }
Tensor sin(const Operand& x) { return call(find<"sin">, x); }
Tensor cos(const Operand& x) { return call(find<"cos">, x); }
Tensor tan(const Operand& x) { return call(find<"tan">, x); }
Tensor asin(const Operand& x) { return call(find<"asin">, x); }
Tensor acos(const Operand& x) { return call(find<"acos">, x); }
Tensor atan(const Operand& x) { return call(find<"atan">, x); }
Tensor atan2(const Operand& y, const Operand& x) { return call(find<"atan2">, y, x); }
Tensor sinh(const Operand& x) { return call(find<"sinh">, x); }
Tensor cosh(const Operand& x) { return call(find<"cosh">, x); }
Tensor tanh(const Operand& x) { return call(find<"tanh">, x); }
Tensor asinh(const Operand& x) { return call(find<"asinh">, x); }
Tensor acosh(const Operand& x) { return call(find<"acosh">, x); }
Tensor atanh(const Operand& x) { return call(find<"atanh">, x); }
Tensor erf(const Operand& x) { return call(find<"erf">, x); }
Tensor erfc(const Operand& x) { return call(find<"erfc">, x); }
Tensor erfinv(const Operand& x) { return call(find<"erfinv">, x); }
Tensor sigmoid(const Operand& x) { return call(find<"sigmoid">, x); }
Tensor softplus(const Operand& x) { return call(find<"softplus">, x); }
Tensor relu(const Operand& x) { return call(find<"relu">, x); }
Tensor silu(const Operand& x) { return call(find<"silu">, x); }
Tensor gelu(const Operand& x, const GeluOptions& options) { return call(find<"gelu">, x, GeluAttributes{options.approximate}); }
Tensor logical_and(const Operand& a, const Operand& b) { return call(find<"logical_and">, a, b); }
Tensor logical_or(const Operand& a, const Operand& b) { return call(find<"logical_or">, a, b); }
Tensor logical_xor(const Operand& a, const Operand& b) { return call(find<"logical_xor">, a, b); }
Tensor logical_not(const Operand& x) { return call(find<"logical_not">, x); }
Tensor isnan(const Operand& x) { return call(find<"isnan">, x); }
Tensor isinf(const Operand& x) { return call(find<"isinf">, x); }
Tensor isfinite(const Operand& x) { return call(find<"isfinite">, x); }
Tensor where(const Operand& condition, const Operand& a, const Operand& b) {
  return detail::in_operation("where", condition.where(), [&] {
    return call(find<"where">, Operand(truth(condition), condition.where()), a, b);
  });
}
Tensor cast(const Operand& x, DType dtype) { return call(find<"cast">, x, CastAttributes{dtype}); }
Tensor copy(const Operand& x) { return call(find<"copy">, x); }
Tensor stop_gradient(const Operand& x) { return call(find<"stop_gradient">, x); }

Tensor operator+(const Operand& a, const Operand& b) { return call(find<"add">, a, b); }
Tensor operator-(const Operand& a, const Operand& b) { return call(find<"subtract">, a, b); }
Tensor operator*(const Operand& a, const Operand& b) { return call(find<"multiply">, a, b); }
Tensor operator/(const Operand& a, const Operand& b) { return call(find<"divide">, a, b); }
Tensor operator%(const Operand& a, const Operand& b) { return call(find<"remainder">, a, b); }
Tensor operator-(const Operand& x) { return call(find<"negative">, x); }
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

Tensor pow(const Operand& a, const Operand& b) {
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

}  // namespace rill
