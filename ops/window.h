/// How images lie in memory, and how windows lie on images: what convolution and pooling are told
/// alike. Invariant: whatever the layout of the arguments, both are computed as (batch, height,
/// width, channels), so both layouts give the same bits.
#pragma once

#include <array>
#include <cstdint>

#include <rill/tensor/export.h>

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

}  // namespace rill
