/// What is stored between a call and its gradient.
/// Invariant: from what is stored, and numbers and constants, every value that is needed can be
/// computed again by elementwise operators that cost next to nothing.
#pragma once

#include <span>
#include <vector>

#include <rill/trace/function.h>

namespace rill {

/// The values to store so that `needed` can be had: results of products, convolutions, reductions
/// and costly functions themselves, others by what they are made of.
std::vector<Edge> values_to_store(const Function& function, std::span<const Edge> needed);

}  // namespace rill
