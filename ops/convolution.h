/// Convolution and pooling over images.
/// Invariant: computed as (batch, height, width, channels) whatever the layout of the arguments, so
/// both layouts give the same bits.
#pragma once

#include <array>
#include <cstdint>

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Where the channels of an image tensor are.
enum class ImageLayout : std::uint8_t { nhwc, nchw };

/// How far a window reaches over the border.
class RILL_API WindowPadding {
 public:
  enum class Kind : std::uint8_t { valid, same, given };
  /// The window stays inside.
  static constexpr WindowPadding valid() { return {}; }
  /// ceil(size / stride) results: TensorFlow's "SAME", with the odd pixel after.
  static constexpr WindowPadding same() {
    WindowPadding padding;
    padding.kind_ = Kind::same;
    return padding;
  }
  constexpr WindowPadding() = default;
  /// The same number of zeros on all four sides.
  // NOLINTNEXTLINE(google-explicit-constructor): `.padding = 1`
  constexpr WindowPadding(int all) : WindowPadding({all, all}, {all, all}) {}
  /// Zeros before and after, by height and width.
  constexpr WindowPadding(std::array<int, 2> before, std::array<int, 2> after)
      : kind_(Kind::given), before_(before), after_(after) {}

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  [[nodiscard]] constexpr const std::array<int, 2>& before() const { return before_; }
  [[nodiscard]] constexpr const std::array<int, 2>& after() const { return after_; }

 private:
  Kind kind_ = Kind::valid;
  std::array<int, 2> before_{}, after_{};
};

struct ConvolutionOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};  ///< keeps braces from being taken for something else
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

struct PoolOptions {
 private:
  struct Tag {};

 public:
  [[no_unique_address]] Tag tag{};
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
