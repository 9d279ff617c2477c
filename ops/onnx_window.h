/// Windows over images in ONNX, whose images are (n, c, h, w) and whose filters (out, in, h, w).
/// Invariant: what is not known (the padding of images of unknown sizes) is refused, not guessed.
#pragma once

#include <rill/ops/onnx_form.h>
#include <rill/ops/window_attributes.h>

namespace rill {

Tensor to_nchw(const Tensor& x);
Tensor to_nhwc(const Tensor& x);
Shape nchw(const Shape& nhwc);
/// Numbers by height and width, as an attribute.
std::vector<std::int64_t> onnx_pair(const OnnxForm& o, const Shape& pair);
/// Padding before height and width, then after them.
std::vector<std::int64_t> onnx_pads(const OnnxForm& o, const WindowAttributes& a);

}  // namespace rill
