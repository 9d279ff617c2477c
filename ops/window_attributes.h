/// `WindowAttributes`: what the operators over windows keep of their options, and the rules that
/// convolution and pooling share. Invariant: paddings are numbers of elements, one per side,
/// whatever the options called them; a rule that has passed `require_pairs` may read two of each.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>

#include <rill/ops/attributes.h>
#include <rill/ops/infer.h>
#include <rill/ops/window.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// By height and width.
using DimPair = std::array<Dim, 2>;

/// What a window does along height and width. The sizes of the images are attributes of the
/// gradients only.
struct WindowAttributes {
  Shape window;  ///< of pooling
  Shape stride;
  Shape dilation;
  Shape pad_before;
  Shape pad_after;
  Shape image;  ///< of the input whose gradient is asked for
  std::int64_t groups = 1;
  static constexpr auto fields() {
    return std::tuple{field("window", &WindowAttributes::window),
                      field("stride", &WindowAttributes::stride),
                      field("dilation", &WindowAttributes::dilation),
                      field("pad_before", &WindowAttributes::pad_before),
                      field("pad_after", &WindowAttributes::pad_after),
                      field("image", &WindowAttributes::image),
                      field("groups", &WindowAttributes::groups)};
  }
};

/// The most rows and columns that a padded image has: the backend counts them in this many bits.
inline constexpr std::int64_t longest_side = std::numeric_limits<std::int32_t>::max();

// ---- For rules --------------------------------------------------------------------------------
/// Places that a window of `extent` (with its dilation) takes along axis `d` of an image.
Dim places(Dim size, Dim extent, const WindowAttributes& a, int d);
/// Throws unless windows of these extents over images of these sizes can be computed.
void require_extents(const Infer& i, const DimPair& image, const DimPair& window,
                     const WindowAttributes& a);
/// Throws unless the attributes are such as the functions below make: a graph's file may say
/// anything. `window` and `image` tell which of the two there must be.
void require_pairs(const Infer& i, const WindowAttributes& a, bool window, bool image);
/// Throws where a window has no place.
void require_places(const Infer& i, Dim count);

// ---- For gradients ----------------------------------------------------------------------------
/// Height and width of images, or of filters, whose height is axis 0.
Shape image_of(const Shape& x, int first = 1);
WindowAttributes with_image(WindowAttributes a, const Shape& image);

// ---- From options -----------------------------------------------------------------------------
/// Throws a `ShapeError` about images.
[[noreturn]] void fail_images(std::string_view operation, const std::string& rule, const Tensor& x,
                              Where where);
/// `window` and `image` by height and width.
WindowAttributes window_attributes(std::string_view operation, const Tensor& x,
                                   const DimPair& image, const DimPair& window,
                                   std::array<int, 2> stride, std::array<int, 2> dilation,
                                   const WindowPadding& padding, Where where);
/// The images as (n, h, w, c), checked.
Tensor images_of(std::string_view operation, const Operand& x, ImageLayout layout);
Tensor from_nhwc(const Tensor& x, ImageLayout layout, Where where);

}  // namespace rill
