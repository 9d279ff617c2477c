#include "tests/trace/onnx_rows.h"

#include <algorithm>

namespace rill {

std::vector<OnnxCase> onnx_cases() {
  std::vector<OnnxCase> cases;
  for (const table::Row& row : table::rows()) {
    std::vector<DType> dtypes = {row.dtypes.at(0)};
    if (dtypes[0] != int32 &&
        std::find(row.dtypes.begin(), row.dtypes.end(), int32) != row.dtypes.end())
      dtypes.push_back(int32);
    for (const DType dtype : dtypes) {
      for (std::size_t i = 0; i < row.cases.size(); ++i) {
        const table::Case& c = row.cases[i];
        if (c.floats_only && !is_float(dtype)) continue;
        cases.push_back({row.name + "_" + std::to_string(i) + "_" + std::string(name(dtype)),
                         row.name, table::operands(c.inputs, dtype), c.apply});
      }
    }
  }
  return cases;
}

}  // namespace rill
