/// Operands of a concatenation become copies where they cannot be made in their place in it,
/// see trace/fusion/parts.h.
/// Invariant: a copy is read by the concatenation only.
#pragma once

#include <rill/trace/function.h>

namespace rill {

Function separate_parts(Function function);

}  // namespace rill
