/// Functions as models of ONNX: operator set 17. Invariant: every operator is written by its own
/// form, its name or its composition; what has none of them, and what changes state, is refused by
/// name and with the user's line.
#pragma once

#include <rill/trace/function.h>
#include <rill/trace/onnx/model.h>

namespace rill::onnx {

inline constexpr std::int64_t operator_set = 17;

/// What the function's results are, as a model. Variables are written with the values that they
/// have now. Throws `TraceError` for what ONNX cannot say.
Model exported(const Function& function);

}  // namespace rill::onnx
