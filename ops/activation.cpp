#include <rill/ops/activation.h>

#include <cmath>
#include <numbers>
#include <tuple>

#include <rill/kernel/math.h>
#include <rill/ops/arithmetic.h>
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

struct GeluAttributes {
  bool approximate = false;
  static constexpr auto fields() {
    return std::tuple{field("approximate", &GeluAttributes::approximate)};
  }
};

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

/// The exact one by way of erf, which ONNX has.
Tensor gelu_form(const Tensor& x, bool approximate) {
  if (!approximate) return 0.5 * x * (1 + erf(x * (std::numbers::sqrt2 / 2)));
  const double scale = std::sqrt(2 / std::numbers::pi);
  return 0.5 * x * (1 + tanh(scale * (x + 0.044715 * x * x * x)));
}

Tensor gelu_slope_form(const Tensor& x, bool approximate) {
  if (approximate) {
    const double scale = std::sqrt(2 / std::numbers::pi);
    const Tensor t = tanh(scale * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (scale * (1 + 3 * 0.044715 * x * x));
  }
  const double density = std::numbers::inv_sqrtpi * (std::numbers::sqrt2 / 2);
  return 0.5 * (1 + erf(x * (std::numbers::sqrt2 / 2))) + x * density * exp(-0.5 * x * x);
}

Tensor relu_gradient(const Operand& dy, const Operand& y);
Tensor sigmoid_gradient(const Operand& dy, const Operand& y);
Tensor silu_gradient(const Operand& dy, const Operand& x);
Tensor gelu_gradient(const Operand& dy, const Operand& x, const GeluAttributes& attributes);

// clang-format off
constexpr Op table[] = {
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
     .grad = [](Grad& g) { g.to(0, silu_gradient(g.dy(), g.x(0))); },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) * sigmoid(o.in(0))); }},
    {.name = "gelu", .peers = {.tensorflow = "nn.gelu", .torch = "nn.functional.gelu"},
     .rule = [](Infer& i, const GeluAttributes&) { same_shape<Kinds::floating>(i); },
     .body = [](Body& b, const GeluAttributes& a) { b.out(gelu_value(b.in(0), a.approximate)); },
     .grad = [](Grad& g, const GeluAttributes& a) { g.to(0, gelu_gradient(g.dy(), g.x(0), a)); },
     .onnx = [](OnnxForm& o, const GeluAttributes& a) { o.out(gelu_form(o.in(0), a.approximate)); }},

    // ---- Gradients of their own, computed in one pass --------------------------------------------
    {.name = "relu_gradient",
     .rule = broadcast_rule<Kinds::number>,
     .body = [](Body& b) { b.out(kernel::select(b.in(1) > 0, b.in(0), 0)); },
     .grad = [](Grad& g) { g.to(0, relu_gradient(g.dy(), g.x(1))); },
     .onnx = [](OnnxForm& o) { o.out(where(o.in(1) > 0, o.in(0), 0)); }},
    {.name = "sigmoid_gradient",
     .rule = broadcast_rule<Kinds::floating>,
     .body = [](Body& b) { b.out(b.in(0) * (b.in(1) * (1.0 - b.in(1)))); },
     .grad = [](Grad& g) {
       if (g.wants(0)) g.to(0, sigmoid_gradient(g.dy(), g.x(1)));
       if (g.wants(1)) g.to(1, g.dy() * g.x(0) * (1 - 2 * g.x(1)));
     },
     .onnx = [](OnnxForm& o) { o.out(o.in(0) * (o.in(1) * (1 - o.in(1)))); }},
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
     },
     .onnx = [](OnnxForm& o) {
       const Tensor s = sigmoid(o.in(1));
       o.out(o.in(0) * (s * (1 + o.in(1) * (1 - s))));
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
     },
     .onnx = [](OnnxForm& o, const GeluAttributes& a) { o.out(o.in(0) * gelu_slope_form(o.in(1), a.approximate)); }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

Tensor relu_gradient(const Operand& dy, const Operand& y) {
  return call(find<"relu_gradient">, dy, y);
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

}  // namespace

std::span<const Op> families::activation() { return table; }

// clang-format off
Tensor sigmoid(const Operand& x) { return call(find<"sigmoid">, x); }
Tensor softplus(const Operand& x) { return call(find<"softplus">, x); }
Tensor relu(const Operand& x) { return call(find<"relu">, x); }
Tensor silu(const Operand& x) { return call(find<"silu">, x); }
Tensor gelu(const Operand& x, const GeluOptions& options) { return call(find<"gelu">, x, GeluAttributes{options.approximate}); }
// clang-format on

}  // namespace rill
