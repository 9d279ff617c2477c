// Elementwise operators of ONNX's that are more than a name of rill's.
#include <cmath>
#include <limits>
#include <numbers>

#include <rill/ops/conversion.h>
#include <rill/ops/elementwise.h>
#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {
namespace {

/// All inputs, two at a time.
void variadic(ImportedNode& n, Tensor (*combine)(const Operand&, const Operand&)) {
  const auto inputs = n.all();
  Tensor result = inputs[0];
  for (std::size_t k = 1; k < inputs.size(); ++k) result = combine(result, inputs[k]);
  n.out(result);
}

/// Towards zero, as in C; and 0 where the divisor is.
Tensor truncated_quotient(const Tensor& x, const Tensor& y) {
  if (is_unsigned(x.dtype())) return floor_divide(x, y);
  const Tensor below = floor_divide(x, y);
  const Tensor inexact = (below * y != x) & (y != 0);
  return where(inexact & (below < 0), below + 1, below);
}

void divide_node(ImportedNode& n) {
  const Tensor &x = n.in(0), &y = n.in(1);
  n.out(is_float(x.dtype()) ? divide(x, y) : truncated_quotient(x, y));
}

void mod(ImportedNode& n) {
  const Tensor &x = n.in(0), &y = n.in(1);
  const bool like_c = n.integer("fmod", 0) != 0;
  if (!like_c && is_float(x.dtype())) n.fail("of floats takes fmod = 1");
  const Tensor rest = remainder(x, y);
  if (!like_c || is_unsigned(x.dtype())) return n.out(rest);
  // The sign of the dividend, where rill gives that of the divisor.
  n.out(where((rest != 0) & ((x < 0) != (rest < 0)), rest - y, rest));
}

void power(ImportedNode& n) {
  // The exponent may be of another type; the result is of the base's.
  const Tensor &x = n.in(0), &y = n.in(1);
  const Tensor result = pow(x, y);
  n.out(result.dtype() == x.dtype() ? result : cast(result, x.dtype()));
}

void clip_node(ImportedNode& n) {
  Tensor result = n.in(0);
  if (n.operator_set() < 11) {
    if (n.has("min")) result = maximum(result, n.real("min", 0));
    if (n.has("max")) result = minimum(result, n.real("max", 0));
  } else if (n.has(1) && n.has(2)) {
    result = clip(result, n.in(1), n.in(2));
  } else {
    if (n.has(1)) result = maximum(result, n.in(1));
    if (n.has(2)) result = minimum(result, n.in(2));
  }
  n.out(result);
}

void cast_node(ImportedNode& n) {
  n.ignore("saturate");  // of float8 only
  n.out(cast(n.in(0), n.dtype(n.integer("to", 0))));
}

void shift(ImportedNode& n) {
  const std::string direction = n.text("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") n.fail("shifts neither LEFT nor RIGHT");
  n.out(direction == "LEFT" ? n.in(0) << n.in(1) : n.in(0) >> n.in(1));
}

void isinf_node(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const double infinity = std::numeric_limits<double>::infinity();
  const bool negative = n.integer("detect_negative", 1) != 0;
  const bool positive = n.integer("detect_positive", 1) != 0;
  if (!negative && !positive) n.fail("looks for no infinity");
  n.out(negative && positive ? isinf(x) : negative ? x == -infinity : x == infinity);
}

void gelu_node(ImportedNode& n) {
  const std::string approximate = n.text("approximate", "none");
  if (approximate != "none" && approximate != "tanh") n.fail("approximates by " + approximate);
  n.out(gelu(n.in(0), {.approximate = approximate == "tanh"}));
}

Tensor exponential_unit(const Tensor& x, double alpha) {
  return where(x > 0, x, alpha * expm1(minimum(x, 0)));
}

Tensor hard_sigmoid(const Tensor& x, double alpha, double beta) {
  return clip(alpha * x + beta, 0, 1);
}

constexpr Conversion elementwise_table[] = {
    {"Max", [](ImportedNode& n) { variadic(n, &maximum); }},
    {"Min", [](ImportedNode& n) { variadic(n, &minimum); }},
    {"Sum", [](ImportedNode& n) { variadic(n, &add); }},
    {"Mean",
     [](ImportedNode& n) {
       const auto inputs = n.all();
       Tensor total = inputs[0];
       for (std::size_t k = 1; k < inputs.size(); ++k) total = total + inputs[k];
       n.out(total / static_cast<double>(inputs.size()));
     }},
    {"Div", &divide_node},
    {"Mod", &mod},
    {"Pow", &power},
    {"Reciprocal", [](ImportedNode& n) { n.out(1 / n.in(0)); }},
    {"Clip", &clip_node},
    {"Cast", &cast_node},
    {"CastLike",
     [](ImportedNode& n) {
       n.ignore("saturate");
       n.out(cast(n.in(0), n.in(1).dtype()));
     }},
    {"Identity", [](ImportedNode& n) { n.out(n.in(0)); }},
    {"BitShift", &shift},
    {"BitwiseAnd", [](ImportedNode& n) { n.out(n.in(0) & n.in(1)); }},
    {"BitwiseOr", [](ImportedNode& n) { n.out(n.in(0) | n.in(1)); }},
    {"BitwiseXor", [](ImportedNode& n) { n.out(n.in(0) ^ n.in(1)); }},
    {"BitwiseNot", [](ImportedNode& n) { n.out(~n.in(0)); }},
    {"IsInf", &isinf_node},

    // ---- Activations --------------------------------------------------------------------------
    {"Gelu", &gelu_node},
    {"LeakyRelu",
     [](ImportedNode& n) {
       const Tensor& x = n.in(0);
       n.out(where(x < 0, n.real("alpha", 0.01) * x, x));
     }},
    {"PRelu",
     [](ImportedNode& n) {
       const Tensor& x = n.in(0);
       n.out(where(x < 0, n.in(1) * x, x));
     }},
    {"ThresholdedRelu",
     [](ImportedNode& n) {
       const Tensor& x = n.in(0);
       n.out(where(x > n.real("alpha", 1), x, 0));
     }},
    {"Elu", [](ImportedNode& n) { n.out(exponential_unit(n.in(0), n.real("alpha", 1))); }},
    {"Celu",
     [](ImportedNode& n) {
       const double alpha = n.real("alpha", 1);
       const Tensor& x = n.in(0);
       n.out(maximum(x, 0) + minimum(alpha * expm1(x / alpha), 0));
     }},
    {"Selu",
     [](ImportedNode& n) {
       const double alpha = n.real("alpha", 1.67326319217681884765625);
       n.out(n.real("gamma", 1.05070102214813232421875) * exponential_unit(n.in(0), alpha));
     }},
    {"HardSigmoid",
     [](ImportedNode& n) {
       n.out(hard_sigmoid(n.in(0), n.real("alpha", 0.2), n.real("beta", 0.5)));
     }},
    {"HardSwish", [](ImportedNode& n) { n.out(n.in(0) * hard_sigmoid(n.in(0), 1.0 / 6, 0.5)); }},
    {"Mish", [](ImportedNode& n) { n.out(n.in(0) * tanh(softplus(n.in(0)))); }},
    {"Softsign", [](ImportedNode& n) { n.out(n.in(0) / (1 + abs(n.in(0)))); }},
    {"Swish", [](ImportedNode& n) { n.out(n.in(0) * sigmoid(n.real("alpha", 1) * n.in(0))); }},
};

}  // namespace

std::span<const Conversion> elementwise_conversions() { return elementwise_table; }

}  // namespace rill::onnx
