/// Operators that take tensors apart and put them together.
/// Invariant: a part is a view of the whole, and elements keep their values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

// ---- Taking apart -----------------------------------------------------------------------------
/// `count` parts of equal size along an axis.
///
///     auto parts = split(tensor({{1, 2, 3}, {4, 5, 6}}), 3, 1);
///     parts[0]      // [[1], [4]]
RILL_API std::vector<Tensor> split(const Tensor& x, std::int64_t count, int axis = 0,
                                   Where where = Where::here());
/// Parts of the given sizes, which add up to the size of the axis.
RILL_API std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes,
                                   int axis = 0, Where where = Where::here());
RILL_API std::vector<Tensor> split(const Tensor& x, std::initializer_list<std::int64_t> sizes,
                                   int axis = 0, Where where = Where::here());

// ---- Putting together -------------------------------------------------------------------------
/// One after the other along an axis; the other sizes are equal. Dtypes are promoted.
///
///     Tensor x = tensor({{1, 2}});
///     concat({x, x})         // [[1, 2], [1, 2]]
///     concat({x, x}, 1)      // [[1, 2, 1, 2]]
RILL_API Tensor concat(std::span<const Tensor> tensors, int axis = 0, Where where = Where::here());
RILL_API Tensor concat(std::initializer_list<Tensor> tensors, int axis = 0,
                       Where where = Where::here());
/// One beside the other along a new axis; shapes are equal.
RILL_API Tensor stack(std::span<const Tensor> tensors, int axis = 0, Where where = Where::here());
RILL_API Tensor stack(std::initializer_list<Tensor> tensors, int axis = 0,
                      Where where = Where::here());
/// The whole repeated `counts[i]` times along axis i; missing counts in front are 1.
///
///     tile(tensor({1, 2}), {2})       // [1, 2, 1, 2]
RILL_API Tensor tile(const Tensor& x, std::initializer_list<std::int64_t> counts,
                     Where where = Where::here());
RILL_API Tensor tile(const Tensor& x, std::span<const std::int64_t> counts,
                     Where where = Where::here());
/// Each element `count` times along an axis.
///
///     repeat(tensor({1, 2}), 2, 0)    // [1, 1, 2, 2]
RILL_API Tensor repeat(const Tensor& x, std::int64_t count, int axis, Where where = Where::here());
/// Elements moved `shift` places along an axis; those pushed out come in at the other end.
RILL_API Tensor roll(const Tensor& x, std::int64_t shift, int axis, Where where = Where::here());

/// How many elements are added to an axis.
struct Padding {
  std::int64_t before = 0;
  std::int64_t after = 0;
};
enum class PadMode : std::uint8_t {
  constant,
  edge,     ///< the outermost element
  reflect,  ///< mirrored at the outermost element, which is not repeated
};
struct PadOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  PadMode mode = PadMode::constant;
  Scalar value = 0;  ///< of PadMode::constant
};
/// Adds elements around `x`: one `Padding` per axis, or one for all. Negative amounts are a
/// `ValueError`.
///
///     pad(tensor({1, 2}), {{1, 2}})                               // [0, 1, 2, 0, 0]
///     pad(tensor({1, 2, 3}), {{2, 0}}, {.mode = PadMode::reflect}) // [3, 2, 1, 2, 3]
RILL_API Tensor pad(const Tensor& x, std::initializer_list<Padding> amounts,
                    const PadOptions& options = {}, Where where = Where::here());
RILL_API Tensor pad(const Tensor& x, std::span<const Padding> amounts,
                    const PadOptions& options = {}, Where where = Where::here());

}  // namespace rill
