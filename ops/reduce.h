/// Operators that fold axes: sums, extremes, positions of extremes, and running sums.
/// Invariant: the order of folding follows the logical array (numerics contract, rule 3), so
/// results do not depend on layout or threads. Half types accumulate in float32 and round once.
///
/// Without axes everything is folded. Axes that are folded disappear, or stay with size 1 where
/// `keepdims` is set:
///
///     Tensor x = arange(6.0f).reshape({2, 3});
///     sum(x)                            // 15
///     sum(x, 0)                         // [3, 5, 7]
///     mean(x, -1, {.keepdims = true})   // [[1], [4]]
///
/// An axis out of range, or given twice, is an `IndexError`. C++ numbers are refused: `sum(3)` does
/// not compile.
#pragma once

#include <rill/tensor/axes.h>
#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

struct ReduceOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool keepdims = false;
};

struct VarianceOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool keepdims = false;
  /// Divides by one less than the count: the estimate of the variance that samples come from.
  bool unbiased = false;
};

struct ScanOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool reverse = false;  ///< from the last element to the first
};

/// Integers and bool widen to int64 or uint64, as in NumPy.
RILL_API Tensor sum(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor sum(const Tensor& x, const ReduceOptions& options = {},
                    Where where = Where::here());
/// The product; widens as `sum` does. Its second derivative at elements that are 0 is not defined.
RILL_API Tensor prod(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                     Where where = Where::here());
RILL_API Tensor prod(const Tensor& x, const ReduceOptions& options = {},
                     Where where = Where::here());
/// Of integers a float64. NaN of nothing.
RILL_API Tensor mean(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                     Where where = Where::here());
RILL_API Tensor mean(const Tensor& x, const ReduceOptions& options = {},
                     Where where = Where::here());
/// The mean of the squared distances from the mean, computed in two passes.
RILL_API Tensor var(const Tensor& x, const Axes& axes, const VarianceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor var(const Tensor& x, const VarianceOptions& options = {},
                    Where where = Where::here());
/// The square root of `var`. (`std` would hide the standard library's namespace.)
RILL_API Tensor stddev(const Tensor& x, const Axes& axes, const VarianceOptions& options = {},
                       Where where = Where::here());
RILL_API Tensor stddev(const Tensor& x, const VarianceOptions& options = {},
                       Where where = Where::here());

/// The largest element: NaN if any is. Of nothing a `ValueError`. Elements that share the extreme
/// share its gradient.
RILL_API Tensor max(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor max(const Tensor& x, const ReduceOptions& options = {},
                    Where where = Where::here());
/// The smallest element, likewise.
RILL_API Tensor min(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor min(const Tensor& x, const ReduceOptions& options = {},
                    Where where = Where::here());
/// The int64 position of the first largest element along `axis`, or in row-major order of all. The
/// first NaN counts as the largest. Of nothing a `ValueError`.
RILL_API Tensor argmax(const Tensor& x, int axis, const ReduceOptions& options = {},
                       Where where = Where::here());
RILL_API Tensor argmax(const Tensor& x, const ReduceOptions& options = {},
                       Where where = Where::here());
/// The position of the first smallest element, likewise; the first NaN counts as the smallest.
RILL_API Tensor argmin(const Tensor& x, int axis, const ReduceOptions& options = {},
                       Where where = Where::here());
RILL_API Tensor argmin(const Tensor& x, const ReduceOptions& options = {},
                       Where where = Where::here());

/// True where some element is not zero.
RILL_API Tensor any(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor any(const Tensor& x, const ReduceOptions& options = {},
                    Where where = Where::here());
/// True where no element is zero.
RILL_API Tensor all(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                    Where where = Where::here());
RILL_API Tensor all(const Tensor& x, const ReduceOptions& options = {},
                    Where where = Where::here());
/// How many elements are not zero, int64.
RILL_API Tensor count_nonzero(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                              Where where = Where::here());
RILL_API Tensor count_nonzero(const Tensor& x, const ReduceOptions& options = {},
                              Where where = Where::here());

/// log(sum(exp(x))) without overflow.
RILL_API Tensor logsumexp(const Tensor& x, const Axes& axes, const ReduceOptions& options = {},
                          Where where = Where::here());
RILL_API Tensor logsumexp(const Tensor& x, const ReduceOptions& options = {},
                          Where where = Where::here());

/// Running sums along an axis; widens as `sum` does.
///
///     cumsum(tensor({1, 2, 3}), 0)     // [1, 3, 6]
RILL_API Tensor cumsum(const Tensor& x, int axis, const ScanOptions& options = {},
                       Where where = Where::here());

// `max(a, b)` of tensors would silently compare them with the standard library's `max`; `maximum(a,
// b)` is meant.
struct UseMaximumForTheLargerOfTwoTensors {};
struct UseMinimumForTheSmallerOfTwoTensors {};
UseMaximumForTheLargerOfTwoTensors max(const Tensor& a, const Tensor& b) = delete;
UseMinimumForTheSmallerOfTwoTensors min(const Tensor& a, const Tensor& b) = delete;
template <TensorLike T>
UseMaximumForTheLargerOfTwoTensors max(const T& a, const T& b) = delete;
template <TensorLike T>
UseMinimumForTheSmallerOfTwoTensors min(const T& a, const T& b) = delete;

}  // namespace rill
