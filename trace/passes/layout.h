/// Operators that work point by point take the order of axes in which less is moved: a transpose
/// meets its inverse behind them, and both go.
/// Invariant: exact, see `trace/passes/turned.h`; every change moves fewer bytes than before.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Between convolutions of images (n, c, h, w), which compute in (n, h, w, c), all is computed in
/// that order:
///
///     transpose(relu(transpose(x, [0,3,1,2])), [0,2,3,1])      // relu(x)
Function choose_layouts(Function function, Changes& changes);

}  // namespace rill
