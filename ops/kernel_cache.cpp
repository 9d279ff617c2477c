#include <rill/ops/kernel_cache.h>

#include <atomic>
#include <mutex>

#include <rill/ops/body.h>

namespace rill {
namespace {

/// Per operator; beyond, all are dropped and made again as they are needed.
constexpr std::size_t max_entries = 512;

Signature signature_of(const Infer& infer, std::span<const Tensor> inputs) {
  Signature signature;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto& body = inputs[k].body();
    signature.inputs.push_back(
        {.dtype = body.weak ? infer.operand_dtype(static_cast<int>(k)) : body.dtype,
         .operand = infer.operand_dtype(static_cast<int>(k)),
         .rank = body.shape.rank(),
         .weak = body.weak});
  }
  for (const Spec& spec : infer.results()) {
    signature.outputs.push_back(
        {.dtype = spec.dtype, .rank = spec.shape.rank(), .started = spec.start != Spec::nothing});
  }
  return signature;
}

std::uint64_t hash_of(const Signature& signature, const Attributes& attributes) {
  std::uint64_t seed = attributes.hash();
  for (const auto& input : signature.inputs) {
    seed = detail::hash_combine(seed, static_cast<std::uint64_t>(input.dtype) |
                                          static_cast<std::uint64_t>(input.operand) << 8U |
                                          static_cast<std::uint64_t>(input.rank) << 16U |
                                          static_cast<std::uint64_t>(input.weak) << 24U);
  }
  for (const auto& output : signature.outputs) {
    seed = detail::hash_combine(seed, static_cast<std::uint64_t>(output.dtype) |
                                          static_cast<std::uint64_t>(output.rank) << 16U);
  }
  return seed;
}

Lowered lower(const Op& op, const Attributes& attributes, const Signature& signature,
              const Layout& layout) {
  Body body(attributes, signature, layout);
  op.body(body);
  return body.finish();
}

/// Nothing is known: whichever domain the body chooses, its axes keep their numbers.
Layout plain_layout() {
  Layout layout;
  layout.rank = max_rank;
  for (int axis = 0; axis < max_rank; ++axis)
    layout.axis[static_cast<std::size_t>(axis)] = static_cast<std::int8_t>(axis);
  return layout;
}

}  // namespace

OpKernels& kernels_of(const Op& op) {
  OpKernels* known = op.state.kernels.load(std::memory_order_acquire);
  if (known == nullptr) {
    auto made = std::make_unique<OpKernels>();
    if (op.state.kernels.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      return *made.release();  // lives as long as the operator: for good
    }
  }
  return *known;
}

std::shared_ptr<KernelEntry> kernel_entry(const Infer& infer, std::span<const Tensor> inputs) {
  const Op& op = infer.op();
  const Attributes& attributes = infer.attributes();
  const Signature signature = signature_of(infer, inputs);
  OpKernels& kernels = kernels_of(op);
  const std::uint64_t hash = hash_of(signature, attributes);
  {
    const std::shared_lock lock(kernels.mutex);
    for (auto [at, end] = kernels.entries.equal_range(hash); at != end; ++at) {
      if (at->second->signature == signature && at->second->attributes == attributes)
        return at->second;
    }
  }
  auto entry = std::make_shared<KernelEntry>();
  entry->attributes = attributes.kept();
  entry->signature = signature;
  entry->plain = lower(op, entry->attributes, entry->signature, plain_layout());
  const std::unique_lock lock(kernels.mutex);
  if (kernels.entries.size() >= max_entries) kernels.entries.clear();
  kernels.entries.emplace(hash, entry);
  return entry;
}

std::shared_ptr<const KernelVariant> kernel_variant(const Op& op, KernelEntry& entry,
                                                    const Layout& layout, Device device) {
  const auto same = [&](const Layout& other) {
    return other.rank == layout.rank && other.axis == layout.axis &&
           other.strides == layout.strides;
  };
  {
    const std::shared_lock lock(entry.mutex);
    for (const auto& variant : entry.variants) {
      if (same(variant->layout)) return variant;
    }
  }
  auto variant = std::make_shared<KernelVariant>();
  variant->layout = layout;
  variant->lowered = lower(op, entry.attributes, entry.signature, variant->layout);
  variant->executable = kernel::backend(device).prepare(variant->lowered.program);
  const std::unique_lock lock(entry.mutex);
  for (const auto& other : entry.variants) {
    if (same(other->layout)) return other;
  }
  entry.variants.push_back(variant);
  return variant;
}

std::uint64_t identity(const Op& op) { return reinterpret_cast<std::uintptr_t>(&kernels_of(op)); }

}  // namespace rill
