// Custom gradients as nodes: the values that a function has made, under other ids, and the rule by
// which tapes lead gradients to its arguments.
#pragma once

#include <span>
#include <vector>

#include <rill/autograd/custom_gradient.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/function.h>

namespace rill {

/// The call that the node records, on the values of its inputs: what a tape hears.
CustomGradient recorded_call(const Node& node, std::span<const Tensor> inputs);

/// The node's results, for who listens with their gradient.
std::vector<Tensor> with_recorded_gradient(const Node& node, std::span<const Tensor> inputs);

}  // namespace rill
