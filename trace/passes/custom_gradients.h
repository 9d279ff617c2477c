/// Values under other ids are values: who runs a plan asks for no gradient by it.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/passes/changes.h>

namespace rill {

/// Leaves out the nodes of custom gradients; what they were made of stands for them.
Function remove_custom_gradients(Function function, Changes& changes);

}  // namespace rill
