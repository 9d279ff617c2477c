/// Convolution of images.
/// Invariant: which algorithm computes it depends on its shape alone, never on threads.
#pragma once

#include <array>

#include <rill/ops/window.h>
#include <rill/tensor/by_name_only.h>
#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

struct ConvolutionOptions {
  [[no_unique_address]] detail::ByNameOnly by_name{};
  std::array<int, 2> stride{1, 1};
  WindowPadding padding = WindowPadding::valid();
  std::array<int, 2> dilation{1, 1};
  int groups = 1;
  ImageLayout layout = ImageLayout::nhwc;
};

/// The cross-correlation of images with filters. `x` is float[n, h, w, c] (or [n, c, h, w]),
/// `filters` float[kernel_h, kernel_w, c / groups, out_c] in either layout. Takes float16,
/// bfloat16, float32, float64. Throws `ShapeError` naming sizes, strides or groups that do not fit;
/// a window, with its dilation, exceeds the image by 4096 at most.
///
///     Tensor images = ones({2, 28, 28, 1});
///     Tensor filters = ones({5, 5, 1, 6});
///     conv2d(images, filters)                                       // float32[2,24,24,6]
///     conv2d(images, filters, {.padding = WindowPadding::same()})   // float32[2,28,28,6]
RILL_API Tensor conv2d(const Operand& x, const Operand& filters,
                       const ConvolutionOptions& options = {});

}  // namespace rill
