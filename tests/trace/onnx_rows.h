// The rows of the operators' table as files of ONNX.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/ops/table.h"

namespace rill {

/// One case of a row with operands.
struct OnnxCase {
  std::string name;  ///< `softmax_2_float32`
  std::string row;
  std::vector<Tensor> inputs;
  std::function<Tensor(std::span<const Tensor>)> apply;
};

/// Every case of every row, in the row's first dtype, and in int32 where the row takes it.
std::vector<OnnxCase> onnx_cases();

}  // namespace rill
