// For each element, the product of those that are folded with it: the gradient of `prod`.
// Invariant: nothing is divided, so that derivatives of any order are right where there are zeros;
// one operator with unknown sizes as well, so that a trace multiplies in the order that eager
// execution has.
#pragma once

#include <span>
#include <tuple>

#include <rill/ops/attributes.h>
#include <rill/ops/composition.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>
#include <rill/tensor/axes.h>

namespace rill {

struct ProductAttributes {
  Axes axes;
  static constexpr auto fields() { return std::tuple{field("axes", &ProductAttributes::axes)}; }
};

/// Takes x, and tensors like it: directions in which the products are derived, one after the other.
void products_of_others_rule(Infer& i, const ProductAttributes& a);
void products_of_others_composition(Composition& c, const ProductAttributes& a);
/// The sum over k of u[k] * d/dx[k] of a product's derivatives is symmetric in the directions and
/// u: the gradient of x takes u as one more direction, that of a direction takes u in its place.
void products_of_others_gradient(Grad& g, const Op& op, const ProductAttributes& a);
/// Calls the operator that these make.
Tensor products_of_others(const Op& op, std::span<const Tensor> inputs, const Axes& axes);

}  // namespace rill
