// Tensors of numbers that differ, for results whose bits are compared.
#pragma once

#include <rill/rill.h>

namespace rill::test {

/// 0, 1/7, 2/7 ... as float32.
inline Tensor numbers(const Shape& shape) {
  return reshape(arange(shape.size()).to(float32), shape) / 7.0;
}

}  // namespace rill::test
