/// Chains of operators that convert, reshape, transpose, stretch or slice become shorter.
/// Invariant: elements are moved, never computed.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

Function shorten_views(Function function, Changes& changes);

}  // namespace rill
