/// Gradients compared with differences: the test of every gradient rule.
/// Invariant: computes in float64, so what differs is the rule's fault, not rounding's.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

struct CheckGradientsOptions {
  int order = 2;       ///< 1: gradients; 2: gradients of gradients too
  double step = 1e-5;  ///< of the central differences, times max(1, |x|)
  double rtol = 1e-6;
  double atol = 1e-7;
};

/// What `check_gradients` found.
struct GradientCheck {
  bool ok = true;
  /// Where rule and differences are furthest apart: `order 2, input 1, element [0,2]: 0.25 by the
  /// rule, 0.5 by differences`.
  std::string text;
  explicit operator bool() const { return ok; }
};

/// Compares the gradients of `f` with central differences at `inputs`, which are taken in float64
/// where they are floats; other inputs stay as they are. The result is weighted with fixed numbers,
/// so that no two elements can cancel.
///
///     auto product = [](std::span<const Tensor> x) { return x[0] * x[1]; };
///     check_gradients(product, {x, y}).ok      // true
RILL_API GradientCheck check_gradients(const std::function<Tensor(std::span<const Tensor>)>& f,
                                       const std::vector<Tensor>& inputs,
                                       const CheckGradientsOptions& options = {},
                                       Where where = Where::here());

}  // namespace rill
