/// Tensors that stand for one number, in the text of a model: those are written where they are
/// used.
#pragma once

#include <rill/tensor/tensor.h>

namespace rill::onnx {

/// Whether it is a number with a value, not an argument of the function that is written.
inline bool is_number(const Tensor& tensor) {
  return tensor.body().weak && tensor.body().data != nullptr;
}

}  // namespace rill::onnx
