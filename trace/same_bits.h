/// Equality as the numerics contract means it. Invariant: signed zeros differ, and two NaNs are the
/// same whatever their payloads.
#pragma once

#include <rill/tensor/tensor.h>

namespace rill {

/// Same dtype, same shape, same bits. Tells no listener.
bool same_bits(const Tensor& a, const Tensor& b);

}  // namespace rill
