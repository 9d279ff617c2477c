#include <rill/trace/relaxation.h>

namespace rill {

const Spec& input_spec(const Function& record, std::size_t input) {
  return record.nodes[static_cast<std::size_t>(record.inputs[input])].results[0];
}

bool alike(const Function& record, std::span<const TensorSpec> inputs) {
  if (record.inputs.size() != inputs.size()) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Spec& spec = input_spec(record, i);
    if (spec.dtype != inputs[i].dtype || spec.shape.rank() != inputs[i].shape.rank()) return false;
  }
  return true;
}

bool as_open(const Function& record, std::span<const TensorSpec> inputs) {
  if (!alike(record, inputs)) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = input_spec(record, i).shape;
    for (int d = 0; d < shape.rank(); ++d) {
      const bool known = inputs[i].shape[d].known();
      if (known != shape[d].known() || (known && !(shape[d] == inputs[i].shape[d]))) return false;
    }
  }
  return true;
}

void open_differences(const Function& record, std::span<TensorSpec> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Shape& shape = input_spec(record, i).shape;
    for (int d = 0; d < shape.rank(); ++d) {
      if (!(shape[d] == inputs[i].shape[d])) inputs[i].shape[d] = unknown;
    }
  }
}

}  // namespace rill
