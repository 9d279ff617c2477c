/// The largest or mean element of windows over images.
/// Invariant: what lies outside an image takes no part.
#pragma once

#include <array>

#include <rill/ops/window.h>
#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct PoolOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  std::array<int, 2> stride{0, 0};  ///< 0 stands for the window's size
  WindowPadding padding = WindowPadding::valid();
  ImageLayout layout = ImageLayout::nhwc;
};

/// The largest element of each window; the gradient goes to the first of equals. Padding never
/// wins. Throws `ShapeError` for windows that do not fit, by the rule of `conv2d`.
///
///     max_pool2d(ones({2, 28, 28, 6}), {2, 2})      // float32[2,14,14,6]
RILL_API Tensor max_pool2d(const Operand& x, std::array<int, 2> window,
                           const PoolOptions& options = {});
/// The mean of each window; padding does not count.
RILL_API Tensor avg_pool2d(const Operand& x, std::array<int, 2> window,
                           const PoolOptions& options = {});

}  // namespace rill
