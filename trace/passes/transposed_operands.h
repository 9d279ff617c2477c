/// Products read their operands as they lie: a matrix that was transposed for one product is not.
/// One that several read, as a cell's weights, is transposed once for all of them.
/// Invariant: only where the library's plan says that this keeps every bit.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

///     matmul(transpose(x), y)      // matmul(x, y, transpose_a=true)
Function take_transposed_operands(Function function, Changes& changes);

}  // namespace rill
