/// Arithmetic is simplified by the rules of `trace/passes/rules.h`.
/// Invariant: with the exact rules every element keeps its bits.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// The exact rules, and those of `fast_math` where the function says so.
Function simplify(Function function, Changes& changes);

}  // namespace rill
