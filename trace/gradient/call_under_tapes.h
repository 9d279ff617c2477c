/// A call of a graph that only gradient tapes hear: it runs as a plan, and is recorded as a whole.
/// Invariant: results and gradients are those of the nodes run one by one, bit for bit.
#pragma once

#include <span>
#include <vector>

#include <rill/tensor/tensor.h>
#include <rill/trace/prepared.h>

namespace rill {

std::vector<Tensor> call_under_tapes(const Prepared::Ready& ready,
                                     std::span<const Tensor* const> arguments, Where where);

}  // namespace rill
