// Operators of ONNX's that fold axes.
#include <rill/ops/conversion.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/ops/sort.h>
#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {
namespace {

/// The axes that a node folds; `as_input` says from which operator set on they are an input.
template <class Fold>
void reduction(ImportedNode& n, std::int64_t as_input, const Fold& fold) {
  const Tensor& x = n.in(0);
  std::vector<std::int64_t> given;
  const bool none_means_none = n.integer("noop_with_empty_axes", 0) != 0;
  if (n.operator_set() < as_input) {
    given = n.integers("axes").value_or(std::vector<std::int64_t>());
  } else if (n.has(1)) {
    given = n.integers(1);
  }
  const bool keepdims = n.integer("keepdims", 1) != 0;
  if (given.empty() && none_means_none) return n.out(x);
  const Axes axes = n.axes(given, x.rank());
  const Tensor result = fold(x, axes, ReduceOptions{.keepdims = keepdims});
  n.out(result.dtype() == x.dtype() ? result : cast(result, x.dtype()));
}

using Reduce = Tensor (*)(const Tensor&, const Axes&, const ReduceOptions&, Where);

template <Reduce reduce, std::int64_t as_input = 18>
void plain(ImportedNode& n) {
  reduction(n, as_input, [](const Tensor& x, const Axes& axes, const ReduceOptions& options) {
    return reduce(x, axes, options, {});
  });
}

Tensor total(const Tensor& x, const Axes& axes, const ReduceOptions& options) {
  return sum(x, axes, options);
}

template <Tensor (*before)(const Tensor&), Tensor (*after)(const Tensor&)>
void around_sum(ImportedNode& n) {
  reduction(n, 18, [](const Tensor& x, const Axes& axes, const ReduceOptions& options) {
    return after(total(before(x), axes, options));
  });
}

Tensor same(const Tensor& x) { return x; }
Tensor absolute(const Tensor& x) { return abs(x); }
Tensor squared(const Tensor& x) { return square(x); }
Tensor root(const Tensor& x) { return sqrt(x); }
Tensor logarithm(const Tensor& x) { return log(x); }

template <Tensor (*position)(const Tensor&, int, const ReduceOptions&, Where)>
void extreme_position(ImportedNode& n) {
  n.only("select_last_index", 0);
  const Tensor& x = n.in(0);
  const int axis = n.axis(n.integer("axis", 0), x.rank());
  n.out(position(x, axis, {.keepdims = n.integer("keepdims", 1) != 0}, {}));
}

void running_sum(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const auto axis = n.integers(1);
  if (axis.size() != 1) n.fail("sums along one axis");
  const bool reverse = n.integer("reverse", 0) != 0;
  Tensor result = cumsum(x, n.axis(axis[0], x.rank()), {.reverse = reverse});
  if (result.dtype() != x.dtype()) result = cast(result, x.dtype());
  n.out(n.integer("exclusive", 0) != 0 ? result - x : result);
}

/// The largest or smallest elements along an axis, and where they are.
void top(ImportedNode& n) {
  const Tensor& x = n.in(0);
  const int axis = n.axis(n.integer("axis", -1), x.rank());
  const auto count = n.operator_set() < 10 ? std::vector{n.integer("k", 0)} : n.integers(1);
  if (count.size() != 1 || count[0] < 0) n.fail("takes one number of elements");
  n.ignore("sorted");  // they are
  const bool largest = n.integer("largest", 1) != 0;
  const Tensor order = argsort(x, axis, {.descending = largest});
  Shape first, step;
  for (int d = 0; d < x.rank(); ++d) {
    first.push_back(0);
    step.push_back(1);
  }
  Shape size = x.shape();
  size[axis] = count[0];
  const Tensor places = strided_slice(order, first, step, size);
  if (n.wants(0)) n.out(0, gather(x, places, axis));
  n.out(1, places);
}

constexpr Conversion reduction_table[] = {
    {"ReduceSum", &plain<&sum, 13>},
    {"ReduceMean", &plain<&mean>},
    {"ReduceProd", &plain<&prod>},
    {"ReduceMax", &plain<&max>},
    {"ReduceMin", &plain<&min>},
    {"ReduceLogSumExp", &plain<&logsumexp>},
    {"ReduceL1", &around_sum<&absolute, &same>},
    {"ReduceL2", &around_sum<&squared, &root>},
    {"ReduceSumSquare", &around_sum<&squared, &same>},
    {"ReduceLogSum", &around_sum<&same, &logarithm>},
    {"ArgMax", &extreme_position<&argmax>},
    {"ArgMin", &extreme_position<&argmin>},
    {"CumSum", &running_sum},
    {"TopK", &top},
};

}  // namespace

std::span<const Conversion> reduction_conversions() { return reduction_table; }

}  // namespace rill::onnx
