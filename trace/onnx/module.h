/// Files of ONNX as models and back, by the module librill-onnx.so, which knows protobuf and is
/// loaded when the first one is met. Invariant: a program that meets none needs neither the module
/// nor protobuf.
#pragma once

#include <string_view>

#include <rill/trace/onnx/model.h>

namespace rill::onnx {

/// Throws `FormatError` for bytes that are no model, naming the file's `path`, and `FileError`
/// where the module is missing.
Model read(std::string_view file, std::string_view path);
/// Hands the model's bytes to `sink`. Throws `ValueError` when they are more than a file holds,
/// `FileError` where the module is missing.
void write(const Model& model, const Sink& sink);

}  // namespace rill::onnx
