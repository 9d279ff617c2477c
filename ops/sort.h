/// Sorting. Invariant: stable; NaN stands last.
#pragma once

#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct ArgsortOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  bool descending = false;  ///< largest first; equal elements keep their order, and NaN stays last
};

/// The positions, int64, that sort `x` along `axis`.
///
///     argsort(tensor({3, 1, 2}))      // [1, 2, 0]
RILL_API Tensor argsort(const Operand& x, int axis = -1, const ArgsortOptions& options = {});

}  // namespace rill
