/// Functions in files of ONNX. Invariant: a file is written as a whole or not at all; what is read
/// is checked.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <rill/tensor/where.h>
#include <rill/trace/function.h>

namespace rill::onnx {

/// By its ending.
[[nodiscard]] bool is_model(std::string_view path);

/// Throws `TraceError` for what ONNX cannot say.
void save(const Function& function, const std::string& path, Where where);

/// Of the content of the file at `path`. Throws `FormatError`.
std::shared_ptr<const Function> load(std::string content, const std::string& path);

}  // namespace rill::onnx
