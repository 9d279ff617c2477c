// What a size is called where users read of it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>

#include <rill/tensor/dim.h>
#include <rill/trace/signatures.h>

namespace rill {

/// The name of an input and an axis of it that has this size.
std::optional<std::pair<std::string, int>> axis_of(Dim size, std::span<const TensorSpec> inputs);
/// `batch`, or `x.dim(0)` for a size without a name, `2*x.dim(0)+1` for what is computed of it.
std::string size_text(Dim size, std::span<const TensorSpec> inputs);

/// `(float32[unknown,3] x)`, where only the first of equal sizes without names is `unknown`.
std::string specs_text(std::span<const TensorSpec> inputs);

}  // namespace rill
