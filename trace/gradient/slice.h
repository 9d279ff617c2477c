/// The part of a function that makes some of its values from others.
/// Invariant: nodes keep their order and names; what is given is never computed, or read, again.
#pragma once

#include <cstddef>
#include <span>

#include <rill/trace/function.h>

namespace rill {

/// The function from `given`, in this order, to `results`. Effects are kept from node
/// `first_effect` on only: the others have happened.
Function slice(const Function& function, std::span<const Edge> given,
               std::span<const Function::Output> results, std::size_t first_effect);

}  // namespace rill
