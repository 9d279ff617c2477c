#include <rill/ops/window_attributes.h>

namespace rill {
namespace {

/// How far a window, with its dilation, may exceed an image: far enough for every model, and near
/// enough that the places outside cost little.
constexpr std::int64_t overhang = 4096;

Tensor to_nhwc(const Tensor& x, ImageLayout layout, Where where) {
  return layout == ImageLayout::nhwc ? x : x.transpose({0, 2, 3, 1}, where);
}

}  // namespace

Dim places(Dim size, Dim extent, const WindowAttributes& a, int d) {
  const Dim reach = (extent - 1) * a.dilation[d] + 1;
  return (size + a.pad_before[d] + a.pad_after[d] - reach) / a.stride[d] + 1;
}

void require_extents(const Infer& i, const DimPair& image, const DimPair& window,
                     const WindowAttributes& a) {
  for (int d = 0; d < 2; ++d) {
    const auto at = static_cast<std::size_t>(d);
    if (!image[at].known() || !window[at].known() || !a.pad_before[d].known() ||
        !a.pad_after[d].known()) {
      continue;
    }
    const Dim reach = (window[at] - 1) * a.dilation[d] + 1;
    if (reach.value() - image[at].value() > overhang) {
      i.fail<ShapeError>("a window, with its dilation, is at most " + std::to_string(overhang) +
                         " larger than the image, not " + reach.text() + " over " +
                         image[at].text());
    }
    const Dim padded = image[at] + a.pad_before[d] + a.pad_after[d];
    if (padded.value() > longest_side) {
      i.fail<ShapeError>("a padded image has at most " + std::to_string(longest_side) +
                         " rows and columns, not " + padded.text());
    }
  }
}

void require_pairs(const Infer& i, const WindowAttributes& a, bool window, bool image) {
  const auto at_least = [&](const Shape& list, std::int64_t least) {
    if (list.rank() != 2) i.fail<ValueError>("windows have two axes");
    for (Dim size : list) {
      if (size.known() && size.value() < least)
        i.fail<ValueError>("a window's attribute is too small");
      if (size.known() && size.value() > longest_side) {
        i.fail<ShapeError>("a window's sizes are at most " + std::to_string(longest_side) +
                           ", not " + size.text());
      }
    }
  };
  at_least(a.stride, 1);
  at_least(a.dilation, 1);
  at_least(a.pad_before, 0);
  at_least(a.pad_after, 0);
  if (window) at_least(a.window, 1);
  if (image) at_least(a.image, 0);
  if (a.groups < 1) i.fail<ValueError>("there is at least one group");
}

void require_places(const Infer& i, Dim count) {
  if (count.known() && count.value() <= 0)
    i.fail<ShapeError>("the window is larger than the padded image");
}

Shape image_of(const Shape& x, int first) { return {x[first], x[first + 1]}; }

WindowAttributes with_image(WindowAttributes a, const Shape& image) {
  a.image = image;
  return a;
}

void fail_images(std::string_view operation, const std::string& rule, const Tensor& x,
                 Where where) {
  throw ShapeError(std::string(operation) + ": " + rule + ": " + x.type_text() + where.suffix());
}

WindowAttributes window_attributes(std::string_view operation, const Tensor& x,
                                   const DimPair& image, const DimPair& window,
                                   std::array<int, 2> stride, std::array<int, 2> dilation,
                                   const WindowPadding& padding, Where where) {
  WindowAttributes a;
  for (std::size_t d = 0; d < 2; ++d) {
    if (window[d].known() && window[d].value() < 1)  // first: a pool's stride may be its window
      fail_images(operation, "the window has at least one element", x, where);
    if (stride[d] < 1 || dilation[d] < 1)
      fail_images(operation, "strides and dilations are at least 1", x, where);
    if (padding.before()[d] < 0 || padding.after()[d] < 0)
      fail_images(operation, "padding is not negative", x, where);
    a.stride.push_back(stride[d]);
    a.dilation.push_back(dilation[d]);
    if (padding.kind() == WindowPadding::Kind::same) {
      // ceil(size / stride) places: TensorFlow's rule.
      const Dim reach = (window[d] - 1) * dilation[d] + 1;
      const Dim count = (image[d] + (stride[d] - 1)) / stride[d];
      const Dim total = Dim::max((count - 1) * stride[d] + reach - image[d], 0);
      a.pad_before.push_back(total / 2);
      a.pad_after.push_back(total - total / 2);
    } else {
      a.pad_before.push_back(padding.before()[d]);
      a.pad_after.push_back(padding.after()[d]);
    }
  }
  return a;
}

Tensor from_nhwc(const Tensor& x, ImageLayout layout, Where where) {
  return layout == ImageLayout::nhwc ? x : x.transpose({0, 3, 1, 2}, where);
}

Tensor images_of(std::string_view operation, const Operand& x, ImageLayout layout) {
  const Tensor& t = x.tensor();
  if (!t.defined()) detail::fail_undefined(operation.data(), x.where());
  if (t.rank() != 4)
    fail_images(operation, "takes images of four axes, (n, h, w, c) or (n, c, h, w)", t, x.where());
  return to_nhwc(t, layout, x.where());
}

}  // namespace rill
