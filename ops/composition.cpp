#include <rill/ops/composition.h>

#include <rill/ops/conversion.h>

namespace rill {

Composition::Composition(const Infer& infer, std::span<const Tensor> inputs,
                         std::span<Tensor> outputs)
    : attributes_(infer.attributes()), inputs_(inputs), outputs_(outputs) {
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const DType dtype = infer.operand_dtype(static_cast<int>(k));
    if (inputs[k].dtype() == dtype) continue;
    if (converted_.empty()) converted_.assign(inputs.begin(), inputs.end());
    converted_[k] = cast(inputs[k], dtype);
  }
  if (!converted_.empty()) inputs_ = converted_;
}

}  // namespace rill
