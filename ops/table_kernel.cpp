#include <rill/ops/table_kernel.h>

#include <array>

#include <rill/ops/kernel_cache.h>
#include <rill/ops/placement.h>

namespace rill {
namespace {

constexpr std::size_t max_table_buffers = 16;
constexpr std::size_t max_table_sizes = 4;

}  // namespace

TableKernel::TableKernel(const Infer& infer, std::span<const Tensor> inputs,
                         std::span<const Tensor> outputs) {
  const auto entry = kernel_entry(infer, inputs);
  if (!entry->pointwise()) return;
  for (const Spec& spec : infer.results()) {
    if (spec.start != Spec::nothing) return;
  }
  const Layout layout = place(entry->plain, inputs, outputs).layout;
  const auto variant = kernel_variant(infer.op(), *entry, layout, outputs[0].device());
  const Lowered& lowered = variant->lowered;
  for (const auto& size : lowered.sizes) {
    if (size.kind != Lowered::SizeSource::Kind::domain) return;
  }
  executable_ = variant->executable;
  direct_ = executable_->direct();
  for (const auto& source : lowered.buffers) {
    const Tensor& tensor = tensor_of(source, inputs, outputs);
    const bool stays = tensor.rank() == 0;
    buffers_.push_back({.output = source.output,
                        .tensor = static_cast<std::size_t>(source.tensor),
                        .bytes = stays ? 0 : static_cast<std::int64_t>(size_of(tensor.dtype())),
                        .shared = stays ? tensor.body().data : nullptr});
  }
  sizes_ = lowered.sizes.size();
  for (int k : lowered.parameters) {
    parameters_.push_back(
        inputs[static_cast<std::size_t>(k)].body().scalar.bits(infer.operand_dtype(k)));
  }
  pointwise_ = buffers_.size() <= max_table_buffers && sizes_ <= max_table_sizes;
}

void TableKernel::run(std::byte* const* row, std::size_t width, std::int64_t first,
                      std::int64_t count) const {
  std::array<std::byte*, max_table_buffers> buffers;
  for (std::size_t b = 0; b < buffers_.size(); ++b) {
    const Source& source = buffers_[b];
    buffers[b] =
        source.shared != nullptr
            ? source.shared
            : row[source.output ? width + source.tensor : source.tensor] + first * source.bytes;
  }
  std::array<std::int64_t, max_table_sizes> sizes;
  sizes.fill(count);
  const kernel::Operands operands{buffers.data(), sizes.data(), parameters_.data()};
  if (direct_ != nullptr) return kernel::run_direct(direct_, operands, 0, count);
  kernel::require_inside(
      executable_->execute(operands.buffers, operands.sizes, operands.parameters));
}

}  // namespace rill
