/// Models of ONNX as functions: operator sets 7 to 24. Invariant: what a model says is checked
/// before it is used; what rill cannot express is a `FormatError` that names the node.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <rill/trace/function.h>
#include <rill/trace/onnx/model.h>

namespace rill::onnx {

/// `path` is the model's file, of `bytes` bytes: tensors that lie in other files are looked for in
/// its folder only.
std::shared_ptr<const Function> imported(Model&& model, const std::string& path,
                                         std::uint64_t bytes);

}  // namespace rill::onnx
