/// ONNX's numbers of element types. Invariant: those that some `DType` is, and no others.
#pragma once

namespace rill::onnx {

enum class ElementType : int {
  float32 = 1,
  uint8 = 2,
  int8 = 3,
  uint16 = 4,
  int16 = 5,
  int32 = 6,
  int64 = 7,
  bool_ = 9,
  float16 = 10,
  float64 = 11,
  uint32 = 12,
  uint64 = 13,
  bfloat16 = 16,
};

}  // namespace rill::onnx
