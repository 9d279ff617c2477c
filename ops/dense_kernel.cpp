#include <rill/ops/dense_kernel.h>

#include <atomic>

#include <rill/ops/kernel_cache.h>

namespace rill {

const DenseKernel* find_dense(const Op& op, DenseForm form, DType dtype) {
  const OpKernels* kernels = op.state.kernels.load(std::memory_order_acquire);
  if (kernels == nullptr) return nullptr;
  return kernels->dense[static_cast<std::size_t>(form)][static_cast<std::size_t>(dtype)].load(
      std::memory_order_acquire);
}

void remember_dense(const Infer& infer, const KernelEntry& entry, const KernelVariant& variant,
                    std::span<const Tensor> inputs) {
  if (!entry.pointwise()) return;
  if (infer.results().size() != 1 || inputs.size() > 2 || entry.attributes.type() != nullptr)
    return;
  if (variant.layout.rank != 1 || infer.results()[0].start != Spec::nothing) return;
  const Tensor* tensor = nullptr;
  for (const Tensor& input : inputs) {
    if (!input.body().weak) {
      if (tensor != nullptr && tensor->dtype() != input.dtype()) return;
      tensor = &input;
    }
  }
  if (tensor == nullptr) return;
  for (std::uint32_t classes : variant.layout.strides) {
    if (classes != static_cast<std::uint32_t>(StrideClass::one)) return;
  }
  if (variant.lowered.buffers.size() != inputs.size() - variant.lowered.parameters.size() + 1)
    return;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    // A number that changes the dtype (an integer tensor times 0.5) takes the long way.
    if (inputs[k].body().weak && infer.operand_dtype(static_cast<int>(k)) != tensor->dtype())
      return;
  }
  const bool first_weak = inputs[0].body().weak;
  const bool second_weak = inputs.size() > 1 && inputs[1].body().weak;
  const auto form = first_weak    ? DenseForm::number_tensor
                    : second_weak ? DenseForm::tensor_number
                                  : DenseForm::tensors;
  std::array<std::uint8_t, 3> operands{};
  for (std::size_t b = 0; b < variant.lowered.buffers.size(); ++b) {
    const auto& source = variant.lowered.buffers[b];
    operands[b] =
        source.output ? std::uint8_t{2} : static_cast<std::uint8_t>(first_weak ? 0 : source.tensor);
  }
  auto& slot =
      kernels_of(infer.op())
          .dense[static_cast<std::size_t>(form)][static_cast<std::size_t>(tensor->dtype())];
  if (slot.load(std::memory_order_acquire) != nullptr) return;
  auto dense = std::make_unique<DenseKernel>();
  dense->operands = operands;
  dense->executable = variant.executable;
  dense->direct = variant.executable->direct();
  dense->out = infer.results()[0].dtype;
  const DenseKernel* expected = nullptr;
  if (slot.compare_exchange_strong(expected, dense.get(), std::memory_order_acq_rel))
    (void)dense.release();
}

}  // namespace rill
