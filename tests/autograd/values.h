// What tests of gradients compare with.
#pragma once

#include <vector>

#include <rill/tensor/tensor.h>

namespace rill::test {

using Floats = std::vector<float>;

inline Floats values(const Tensor& tensor) { return tensor.to_vector<float>(); }

}  // namespace rill::test
