#include <rill/ops/onnx_window.h>

#include <rill/ops/shape.h>

namespace rill {

Tensor to_nchw(const Tensor& x) { return transpose(x, {0, 3, 1, 2}); }
Tensor to_nhwc(const Tensor& x) { return transpose(x, {0, 2, 3, 1}); }
Shape nchw(const Shape& nhwc) { return {nhwc[0], nhwc[3], nhwc[1], nhwc[2]}; }

std::vector<std::int64_t> onnx_pair(const OnnxForm& o, const Shape& pair) {
  if (!pair.known()) o.refuse("its windows depend on sizes that are not known: " + pair.text());
  return {pair[0].value(), pair[1].value()};
}

std::vector<std::int64_t> onnx_pads(const OnnxForm& o, const WindowAttributes& a) {
  const auto before = onnx_pair(o, a.pad_before);
  const auto after = onnx_pair(o, a.pad_after);
  return {before[0], before[1], after[0], after[1]};
}

}  // namespace rill
