#include <rill/ops/body_launch.h>

#include <array>
#include <string>
#include <string_view>

#include <rill/ops/dense_kernel.h>
#include <rill/ops/kernel_cache.h>
#include <rill/ops/placement.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

[[noreturn]] void fail_check(const Op& op, const Lowered& lowered, const kernel::Failure& failure,
                             Where where) {
  if (failure.error == kernel::Failure::bounds) kernel::fail_bounds();
  std::string text;
  const std::string_view message = lowered.errors[failure.error - 1];
  std::size_t shown = 0;
  for (std::size_t i = 0; i < message.size();) {
    constexpr std::string_view plain = "{}", without_sign = "{unsigned}";
    const bool is_unsigned = message.substr(i).starts_with(without_sign);
    if (shown < failure.shown_count && (is_unsigned || message.substr(i).starts_with(plain))) {
      const std::int64_t number = failure.shown[shown++];
      text +=
          is_unsigned ? std::to_string(static_cast<std::uint64_t>(number)) : std::to_string(number);
      i += (is_unsigned ? without_sign : plain).size();
    } else {
      text += message[i++];
    }
  }
  throw detail::UnnamedError<IndexError>(op.name, text, where);
}

}  // namespace

BodyLaunch::BodyLaunch(const Infer& infer, std::span<const Tensor> inputs,
                       std::span<const Tensor> outputs) {
  const Op& op = infer.op();
  const auto entry = kernel_entry(infer, inputs);
  const auto [placement, layout] = place(entry->plain, inputs, outputs);
  variant_ = kernel_variant(op, *entry, layout, outputs[0].device());
  const Lowered& lowered = variant_->lowered;
  if (lowered.buffers.size() > most_operands || lowered.parameters.size() > most_operands)
    throw InternalError(std::string(op.name) + ": has too many operands for one kernel");
  sizes_.reserve(lowered.sizes.size());
  for (const auto& source : lowered.sizes) {
    const auto index = static_cast<std::size_t>(source.index);
    const auto axis = static_cast<std::size_t>(source.axis);
    switch (source.kind) {
      case Lowered::SizeSource::Kind::domain:
        sizes_.push_back(placement.extents[index]);
        break;
      case Lowered::SizeSource::Kind::extent:
        sizes_.push_back((source.output ? outputs : inputs)[index].shape()[source.axis].value());
        break;
      case Lowered::SizeSource::Kind::stride: {
        const auto& buffer = lowered.buffers[index];
        const auto at = buffer.aligned ? static_cast<std::size_t>(buffer.axes[axis]) : axis;
        sizes_.push_back(placement.buffers[index].strides[at]);
      }
    }
  }
  for (const int k : lowered.parameters) parameters_.push_back({k, infer.operand_dtype(k)});
  measure_ = variant_->executable->measure(sizes_.data());
  remember_dense(infer, *entry, *variant_, inputs);
}

void BodyLaunch::run(const Op& op, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                     Where where) const {
  const Lowered& lowered = variant_->lowered;
  std::array<std::byte*, most_operands> buffers;        // NOLINT: set as far as it is read
  std::array<std::uint64_t, most_operands> parameters;  // NOLINT: likewise
  for (std::size_t b = 0; b < lowered.buffers.size(); ++b)
    buffers[b] = tensor_of(lowered.buffers[b], inputs, outputs).body().data;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& number = inputs[static_cast<std::size_t>(parameters_[i].input)].body().scalar;
    parameters[i] = number.bits(parameters_[i].dtype);
  }
  const kernel::Failure failure =
      variant_->executable->execute(measure_, buffers.data(), sizes_.data(), parameters.data());
  if (failure.error != 0) fail_check(op, lowered, failure, where);
}

}  // namespace rill
