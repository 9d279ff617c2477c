#include <rill/ops/products_of_others.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <utility>
#include <vector>

#include <rill/ops/axes.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/join.h>
#include <rill/ops/shape.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/index.h>

namespace rill {
namespace {

constexpr int most_directions = 8;  // each doubles the work

/// A value and its mixed derivatives in several directions: entry s is that in the directions
/// whose bits are set in s; an undefined tensor is zero.
using Derivatives = std::vector<Tensor>;

template <class F>
Derivatives map(const Derivatives& of, const F& f) {
  Derivatives made(of.size());
  for (std::size_t s = 0; s < of.size(); ++s) {
    if (of[s].defined()) made[s] = f(of[s]);
  }
  return made;
}

/// The product rule: the directions are shared out between the factors in all ways.
Derivatives multiplied(const Derivatives& a, const Derivatives& b) {
  Derivatives product(a.size());
  for (std::size_t s = 0; s < a.size(); ++s) {
    for (std::size_t t = s;; t = (t - 1) & s) {
      if (a[t].defined() && b[s ^ t].defined()) {
        const Tensor term = a[t] * b[s ^ t];
        product[s] = product[s].defined() ? product[s] + term : term;
      }
      if (t == 0) break;
    }
  }
  return product;
}

/// Of rows, (rows, n). Pairs are multiplied up to the whole row, and what stands beside each of
/// them down again: 3n products in 2 log2(n) steps.
Derivatives products_in_rows(const Derivatives& x) {
  const Dim rows = x[0].dim(0);
  const std::int64_t count = x[0].dim(1).value();
  auto length = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(count)));
  std::vector<Derivatives> levels;
  Derivatives products(x.size());
  for (std::size_t s = 0; s < x.size(); ++s) {
    if (x[s].defined())
      products[s] = pad(x[s], {{0, 0}, {0, length - count}}, {.value = s == 0 ? 1 : 0});
  }
  for (; length > 1; length /= 2) {
    levels.push_back(map(products, [&](const Tensor& of) {
      return reshape(of, {rows, length / 2, 2});  // (rows, pairs, 2)
    }));
    products = multiplied(map(levels.back(), [](const Tensor& of) { return of(ellipsis, 0); }),
                          map(levels.back(), [](const Tensor& of) { return of(ellipsis, 1); }));
  }
  Derivatives others(x.size());
  others[0] = ones_like(products[0]);  // (rows, 1)
  for (; !levels.empty(); levels.pop_back()) {
    length *= 2;
    const Derivatives wide = map(others, [](const Tensor& of) { return expand_dims(of, 2); });
    const Derivatives beside = map(levels.back(), [](const Tensor& of) { return flip(of, 2); });
    others = map(multiplied(wide, beside),
                 [&](const Tensor& of) { return reshape(of, {rows, length}); });
  }
  return map(others, [&](const Tensor& of) { return of(slice(), slice(0, count)); });
}

}  // namespace

Tensor products_of_others(const Op& op, std::span<const Tensor> inputs, const Axes& axes) {
  return call_for<1>(op, inputs, ProductAttributes{axes}, {})[0];
}

void products_of_others_rule(Infer& i, const ProductAttributes& a) {
  i.require_axes(a.axes);
  if (!is_float(i.dtype(0)) || i.inputs() > 1 + most_directions)
    i.fail<DTypeError>("takes floats, and " + std::to_string(most_directions) +
                       " directions at most");
  for (int k = 1; k < i.inputs(); ++k) {
    if (i.dtype(k) != i.dtype(0) || i.rank(k) != i.rank(0) || !equal_sizes(i.shape(k), i.shape(0)))
      i.fail<ShapeError>("a direction is not like what is multiplied");
  }
  i.out(i.dtype(0), i.shape(0));
}

void products_of_others_composition(Composition& c, const ProductAttributes& a) {
  const Tensor& x = c.in(0);
  if (x.size() == 0) return c.out(0, copy(x));
  Axes order;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (!a.axes.contains(axis)) order.push_back(axis);
  }
  const Dim rows = size_along(x.shape(), order);
  for (const int axis : a.axes) order.push_back(axis);
  Axes back;
  for (int axis = 0; axis < x.rank(); ++axis)
    back.push_back(static_cast<int>(std::find(order.begin(), order.end(), axis) - order.begin()));
  const Tensor moved = transpose(x, order);
  Derivatives given(std::size_t{1} << (c.inputs() - 1));
  given[0] = x;
  for (int k = 1; k < c.inputs(); ++k) given[std::size_t{1} << (k - 1)] = c.in(k);
  const Derivatives rowwise = map(given, [&](const Tensor& of) {
    return reshape(transpose(of, order), {rows, size_along(x.shape(), a.axes)});
  });
  const Tensor others = products_in_rows(rowwise).back();
  c.out(0, others.defined() ? transpose(reshape(others, moved.shape()), back) : zeros_like(x));
}

void products_of_others_gradient(Grad& g, const Op& op, const ProductAttributes& a) {
  std::vector<Tensor> inputs;
  for (int k = 0; k < g.inputs(); ++k) inputs.push_back(g.x(k));
  for (int k = 1; k < g.inputs(); ++k) {
    if (!g.wants(k)) continue;
    std::vector<Tensor> replaced = inputs;
    replaced[static_cast<std::size_t>(k)] = g.dy();
    g.to(k, products_of_others(op, replaced, a.axes));
  }
  if (!g.wants(0)) return;
  inputs.push_back(g.dy());
  g.to(0, products_of_others(op, inputs, a.axes));
}

}  // namespace rill
