/// What depends on constants only is computed once, when the function is made ready.
/// Invariant: a value is what its operator gives; draws, variables and what may differ between two
/// calls are never taken for constants.
#pragma once

#include <cstddef>

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Bytes up to which a value is kept whatever it was made of. Larger ones are kept where they are
/// no larger than the constants that they were made of.
inline constexpr std::size_t most_folded_bytes = std::size_t{1} << 16;

/// Fills and ranges, which a kernel makes as cheaply as it reads memory, are left where they are,
/// and so is what throws: it does so when it runs, after what stands before it.
Function fold_constants(Function function, Changes& changes);

}  // namespace rill
