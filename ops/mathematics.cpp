#include <rill/ops/mathematics.h>

#include <numbers>

#include <rill/kernel/math.h>
#include <rill/ops/arithmetic.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/comparison.h>
#include <rill/ops/creation.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/onnx_form.h>
#include <rill/ops/operators.h>

namespace rill {
namespace {

namespace math = kernel::math;

Tensor tanh_gradient(const Operand& dy, const Operand& y);

// ---- In ONNX ----------------------------------------------------------------------------------

/// log(1 + x), with what rounding 1 + x has lost put back where it counts (Goldberg 1991, theorem
/// 4).
Tensor log1p_form(const Tensor& x) {
  const Tensor u = 1 + x;
  const Tensor small = (abs(x) < 0.5) & (u != 1);
  return where(u == 1, x, where(small, log(u) * x / where(small, u - 1, 1), log(u)));
}

/// By quadrants. A zero counts as positive.
Tensor atan2_form(const Tensor& y, const Tensor& x) {
  const double pi = std::numbers::pi;
  const Tensor upright = where(y > 0, pi / 2, where(y < 0, -pi / 2, x * 0));
  const Tensor slope = atan(y / x);
  return where(x == 0, upright, where(x > 0, slope, where(y < 0, slope - pi, slope + pi)));
}

// clang-format off
constexpr Op table[] = {
    // ---- Exponentials and logarithms ----------------------------------------------------------
    {.name = "exp", .peers = {.numpy = "exp", .tensorflow = "math.exp", .torch = "exp", .onnx = "Exp"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::exp(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * g.y()); }},
    {.name = "exp2", .peers = {.numpy = "exp2", .torch = "exp2"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::exp2(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * g.y() * std::numbers::ln2); },
     .onnx = [](OnnxForm& o) { o.out(pow(full({}, 2, o.in(0).dtype()), o.in(0))); }},
    {.name = "expm1", .peers = {.numpy = "expm1", .tensorflow = "math.expm1", .torch = "expm1"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::expm1(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (g.y() + 1)); },
     .onnx = [](OnnxForm& o) { o.out(tanh(0.5 * o.in(0)) * (exp(o.in(0)) + 1)); }},
    {.name = "log", .peers = {.numpy = "log", .tensorflow = "math.log", .torch = "log", .onnx = "Log"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / g.x(0)); }},
    {.name = "log2", .peers = {.numpy = "log2", .torch = "log2"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log2(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (g.x(0) * std::numbers::ln2)); },
     .onnx = [](OnnxForm& o) { o.out(log(o.in(0)) * std::numbers::log2e); }},
    {.name = "log10", .peers = {.numpy = "log10", .torch = "log10"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log10(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (g.x(0) * std::numbers::ln10)); },
     .onnx = [](OnnxForm& o) { o.out(log(o.in(0)) * std::numbers::log10e); }},
    {.name = "log1p", .peers = {.numpy = "log1p", .tensorflow = "math.log1p", .torch = "log1p"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::log1p(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (1 + g.x(0))); },
     .onnx = [](OnnxForm& o) { o.out(log1p_form(o.in(0))); }},
    {.name = "sqrt", .peers = {.numpy = "sqrt", .tensorflow = "math.sqrt", .torch = "sqrt", .onnx = "Sqrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(kernel::sqrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (2 * g.y())); }},
    {.name = "rsqrt", .peers = {.tensorflow = "math.rsqrt", .torch = "rsqrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::rsqrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (-0.5 * g.y() * g.y() * g.y())); },
     .onnx = [](OnnxForm& o) { o.out(1 / sqrt(o.in(0))); }},
    {.name = "cbrt", .peers = {.numpy = "cbrt"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::cbrt(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() / (3 * square(g.y()))); },
     .onnx = [](OnnxForm& o) { o.out(sign(o.in(0)) * pow(abs(o.in(0)), 1.0 / 3)); }},

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
     },
     .onnx = [](OnnxForm& o) { o.out(atan2_form(o.in(0), o.in(1))); }},
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

    // ---- Error functions ----------------------------------------------------------------------
    {.name = "erf", .peers = {.tensorflow = "math.erf", .torch = "erf", .onnx = "Erf"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erf(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (2 * std::numbers::inv_sqrtpi) * exp(-square(g.x(0)))); }},
    {.name = "erfc", .peers = {.tensorflow = "math.erfc", .torch = "special.erfc"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erfc(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (-2 * std::numbers::inv_sqrtpi) * exp(-square(g.x(0)))); },
     .onnx = [](OnnxForm& o) { o.out(1 - erf(o.in(0))); }},
    {.name = "erfinv", .peers = {.tensorflow = "math.erfinv", .torch = "erfinv"},
     .rule = same_shape<Kinds::floating>,
     .body = [](Body& b) { b.out(math::erfinv(b.in(0))); },
     .grad = [](Grad& g) { g.to(0, g.dy() * (0.5 / std::numbers::inv_sqrtpi) * exp(square(g.y()))); }},

    // ---- Gradients of their own, computed in one pass --------------------------------------------
    {.name = "tanh_gradient",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) * (1.0 - b.in(1) * b.in(1))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, tanh_gradient(g.dy(), g.x(1)));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0) * (-2 * g.x(1)));
     },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) * (1 - o.in(1) * o.in(1))); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor tanh_gradient(const Operand& dy, const Operand& y) {
  return call(find<"tanh_gradient">, dy, y);
}

}  // namespace

std::span<const Op> families::mathematics() { return table; }

// clang-format off
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
// clang-format on

}  // namespace rill
