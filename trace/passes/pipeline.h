/// The passes in their order: from a function as it was recorded to the one that is planned.
/// Invariant: the function gives the same bits, has the same effects in the same order, and names
/// the user's lines as before; unless it is fast_math, see docs/numerics.md.
#pragma once

#include <string>

#include <rill/trace/function.h>

namespace rill {

/// All sizes of the function must be known. Every node of the result is needed. `told`, where
/// given, receives a block of text per pass that changed something: what `RILL_LOG=passes` shows.
Function optimized(Function function, std::string* told = nullptr);

}  // namespace rill
