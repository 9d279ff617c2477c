// oneDNN and OpenBLAS called directly, with all threads: floors of products and convolutions.
//
// Invariant: nothing of rill's stands between the call and the library, except that rill has loaded
// OpenBLAS with the kernels that fit the machine.
#pragma once

#include <cstdint>
#include <vector>

#include <rill/tensor/dtype.h>

#include "row.h"

namespace rill::bench {

/// n x n matrices of float32 or float64.
std::vector<Floor> direct_matmul(std::int64_t n, DType dtype);

/// `count` float32 products of n x n matrices, shared out over the threads.
std::vector<Floor> direct_batched_matmul(std::int64_t count, std::int64_t n);

enum class ConvolutionPart : std::uint8_t { forward, input_gradient, weight_gradient };

/// oneDNN's 3x3 convolutions with padding 1, in float32: each of its algorithms, with the reorders
/// from and to (batch, height, width, channels).
std::vector<Floor> direct_convolution(ConvolutionPart part, std::int64_t batch,
                                      std::int64_t channels, std::int64_t size);

}  // namespace rill::bench
