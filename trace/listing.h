/// A function as text, a node per line: what people read, and what tests of passes compare.
/// Invariant: everything that decides what the function computes is in it, values of tensors apart.
#pragma once

#include <string>

#include <rill/trace/function.h>

namespace rill {

///     // x: float32[2,3]
///     // w = variable 'w' float32[3,2]
///     // matmul = matmul(x, w) float32[2,2]
///     // sum = sum(matmul, axes=[0], keepdims=false) float32[2]
///     // return sum
std::string listing(const Function& function);

}  // namespace rill
