/// Sizes as values: models compute shapes by operators on small integer tensors (`Shape`, `Gather`,
/// `Concat`), and rill wants to know them before it runs. Invariant: what is said of a value is
/// what its operator would compute.
#pragma once

#include <rill/trace/onnx/imported_node.h>

namespace rill::onnx {

/// Notes the elements of the node's first result, if it is an integer list made of sizes.
void follow_sizes(ImportedNode& node);

}  // namespace rill::onnx
