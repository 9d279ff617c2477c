#include <rill/ops/kernels.h>

#include <array>
#include <atomic>
#include <list>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include <rill/ops/body.h>
#include <rill/ops/preparation.h>

namespace rill {

/// A program laid out for one class of strides, and its code.
struct detail::KernelVariant {
  Layout layout;
  Lowered lowered;
  std::shared_ptr<const kernel::Executable> executable;
};

namespace {

constexpr std::size_t max_table_buffers = 16;
constexpr std::size_t max_table_sizes = 4;
constexpr std::size_t max_entries =
    512;  // per operator; beyond, all are dropped and made again as they are needed

using Variant = detail::KernelVariant;

/// One signature of an operator: what it looks like before anything is known of strides, and its
/// variants.
struct Entry {
  Attributes attributes;
  Signature signature;
  Lowered plain;
  std::shared_mutex mutex;
  std::vector<std::shared_ptr<const Variant>> variants;
};

struct OpKernels {
  std::shared_mutex mutex;
  std::unordered_multimap<std::uint64_t, std::shared_ptr<Entry>> entries;
  std::array<std::array<std::atomic<const DenseKernel*>, dtype_count>, 3> dense{};
};

OpKernels& kernels_of(const Op& op) {
  void* known = op.state.kernels.load(std::memory_order_acquire);
  if (known == nullptr) {
    auto made = std::make_unique<OpKernels>();
    if (op.state.kernels.compare_exchange_strong(known, made.get(), std::memory_order_acq_rel)) {
      return *made.release();  // lives as long as the operator: for good
    }
  }
  return *static_cast<OpKernels*>(known);
}

// ---- Signatures -------------------------------------------------------------------------------

void describe(Signature& signature, const Infer& infer, std::span<const Tensor> inputs) {
  signature.inputs.clear();
  signature.outputs.clear();
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

Layout plain_layout(const Signature& signature) {
  Layout layout;
  layout.rank = max_rank;  // whichever domain the body chooses, its axes keep their numbers
  for (int axis = 0; axis < max_rank; ++axis)
    layout.axis[static_cast<std::size_t>(axis)] = static_cast<std::int8_t>(axis);
  (void)signature;
  return layout;
}

std::shared_ptr<Entry> entry_for(const Op& op, const Attributes& attributes,
                                 const Signature& signature) {
  OpKernels& kernels = kernels_of(op);
  const std::uint64_t hash = hash_of(signature, attributes);
  {
    const std::shared_lock lock(kernels.mutex);
    for (auto [at, end] = kernels.entries.equal_range(hash); at != end; ++at) {
      if (at->second->signature == signature && at->second->attributes == attributes)
        return at->second;
    }
  }
  auto entry = std::make_shared<Entry>();
  entry->attributes = attributes.kept();
  entry->signature = signature;
  entry->plain = lower(op, entry->attributes, entry->signature, plain_layout(signature));
  const std::unique_lock lock(kernels.mutex);
  if (kernels.entries.size() >= max_entries) kernels.entries.clear();
  kernels.entries.emplace(hash, entry);
  return entry;
}

// ---- Layout of one call -----------------------------------------------------------------------

/// Extents of the domain, and of every buffer its stride along each axis.
struct Placement {
  int rank = 0;
  std::array<std::int64_t, max_rank> extents{};
  struct Buffer {
    std::array<std::int64_t, max_rank> strides{};
  };
  std::vector<Buffer> buffers;
};

const Tensor& tensor_of(const Lowered::BufferSource& source, std::span<const Tensor> inputs,
                        std::span<const Tensor> outputs) {
  return (source.output ? outputs : inputs)[static_cast<std::size_t>(source.tensor)];
}

/// Strides along the axes of the operator's domain: right-aligned for inputs, 0 where stretched;
/// for an output that lacks the row's axes, in order along the others.
void align(const Lowered::BufferSource& source, const Tensor& tensor, const Shape& domain,
           const Axes& row_axes, std::array<std::int64_t, max_rank>& strides) {
  const int rank = domain.rank();
  const auto own = tensor.strides();
  if (source.output && tensor.rank() != rank) {
    std::size_t at = 0;
    for (int d = 0; d < rank; ++d) {
      strides[static_cast<std::size_t>(d)] = row_axes.contains(d) ? 0 : own[at++];
    }
    return;
  }
  const int missing = rank - tensor.rank();
  for (int d = 0; d < rank; ++d) {
    const int at = d - missing;
    const bool stretched = at < 0 || (tensor.shape()[at] == Dim(1) && !(domain[d] == Dim(1)));
    strides[static_cast<std::size_t>(d)] = stretched ? 0 : own[static_cast<std::size_t>(at)];
  }
}

void place(const Lowered& plain, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
           Layout& layout, Placement& placement) {
  const Shape& domain = plain.domain_input >= 0
                            ? inputs[static_cast<std::size_t>(plain.domain_input)].shape()
                            : outputs[0].shape();
  const std::size_t count = plain.buffers.size();
  placement.buffers.resize(count);
  std::vector<Placement::Buffer> aligned(count);
  for (std::size_t b = 0; b < count; ++b) {
    if (plain.buffers[b].aligned) {
      align(plain.buffers[b], tensor_of(plain.buffers[b], inputs, outputs), domain, plain.row_axes,
            aligned[b].strides);
    }
  }
  int rank = 0;
  bool last_in_row = false;
  int row_axes_left = plain.row_axes.count();
  bool row_present = false;
  for (int d = 0; d < domain.rank(); ++d) {
    const auto at = static_cast<std::size_t>(d);
    const std::int64_t extent = domain[d].value();
    const bool in_row = plain.row_axes.contains(d);
    if (in_row) --row_axes_left;
    // A row keeps at least one axis, a position in general code every axis.
    const bool needed = plain.general || (in_row && row_axes_left == 0 && !row_present);
    if (extent == 1 && !needed) {
      layout.axis[at] = Layout::dropped;
      continue;
    }
    bool merge = !plain.general && rank > 0 && last_in_row == in_row;
    const auto last = static_cast<std::size_t>(rank - 1);
    for (std::size_t b = 0; merge && b < count; ++b) {
      merge = !plain.buffers[b].aligned ||
              placement.buffers[b].strides[last] == aligned[b].strides[at] * extent;
    }
    row_present = row_present || in_row;
    if (merge) {
      placement.extents[last] *= extent;
      for (std::size_t b = 0; b < count; ++b)
        placement.buffers[b].strides[last] = aligned[b].strides[at];
      layout.axis[at] = static_cast<std::int8_t>(rank - 1);
      continue;
    }
    placement.extents[static_cast<std::size_t>(rank)] = extent;
    for (std::size_t b = 0; b < count; ++b)
      placement.buffers[b].strides[static_cast<std::size_t>(rank)] = aligned[b].strides[at];
    layout.axis[at] = static_cast<std::int8_t>(rank);
    last_in_row = in_row;
    ++rank;
  }
  if (rank == 0) {
    // A scalar is a vector of one: it shares the code of longer ones.
    placement.extents[0] = 1;
    for (std::size_t b = 0; b < count; ++b) placement.buffers[b].strides[0] = 1;
    rank = 1;
  }
  layout.rank = rank;
  placement.rank = rank;
  for (std::size_t b = 0; b < count; ++b) {
    if (plain.buffers[b].aligned) continue;
    const auto own = tensor_of(plain.buffers[b], inputs, outputs).strides();
    std::copy(own.begin(), own.end(), placement.buffers[b].strides.begin());
  }
}

/// The class of each stride, dimension by dimension as the body will ask for them.
void classify(const Lowered& plain, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
              const Placement& placement, Layout& layout) {
  layout.classified = true;
  layout.strides.clear();
  std::array<bool, max_rank> in_row{};
  for (int axis : plain.row_axes) {
    const int at = layout.axis[static_cast<std::size_t>(axis)];
    if (at >= 0) in_row[static_cast<std::size_t>(at)] = true;
  }
  for (std::size_t b = 0; b < plain.buffers.size(); ++b) {
    const auto& source = plain.buffers[b];
    std::uint32_t classes = 0;
    unsigned dimension = 0;
    const auto add = [&](std::int64_t stride, bool last) {
      // Only along the last axis does code differ for a value that stays.
      const auto stride_class = stride == 1           ? StrideClass::one
                                : stride == 0 && last ? StrideClass::zero
                                                      : StrideClass::other;
      classes |= static_cast<std::uint32_t>(stride_class) << (2U * dimension++);
    };
    if (source.aligned) {
      for (int axis = 0; axis < placement.rank; ++axis) {
        const auto at = static_cast<std::size_t>(axis);
        if (!source.along_row && in_row[at]) continue;
        add(placement.buffers[b].strides[at], axis == placement.rank - 1);
      }
    } else {
      const int rank = tensor_of(source, inputs, outputs).rank();
      for (int axis = 0; axis < rank; ++axis)
        add(placement.buffers[b].strides[static_cast<std::size_t>(axis)], false);
    }
    layout.strides.push_back(classes);
  }
}

std::shared_ptr<const Variant> variant_for(const Op& op, Entry& entry, const Layout& layout,
                                           Device device) {
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
  auto variant = std::make_shared<Variant>();
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

[[noreturn]] void fail_check(const Op& op, const Lowered& lowered, const kernel::Failure& failure,
                             Where where) {
  if (failure.error == kernel::Failure::bounds) {
    throw InternalError(std::string(op.name) + ": a generated kernel left its buffer" +
                        where.suffix());
  }
  std::string text = std::string(op.name) + ": ";
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
  throw IndexError(text + where.suffix());
}

/// A pointwise call whose operands all are dense makes its kernel known to the short way.
void remember_dense(const Infer& infer, const Entry& entry, const Variant& variant,
                    std::span<const Tensor> inputs) {
  if (entry.plain.general || entry.plain.row_axes.count() > 0 || entry.plain.domain_input >= 0)
    return;
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

}  // namespace

const DenseKernel* find_dense(const Op& op, DenseForm form, DType dtype) {
  const auto* kernels =
      static_cast<const OpKernels*>(op.state.kernels.load(std::memory_order_acquire));
  if (kernels == nullptr) return nullptr;
  return kernels->dense[static_cast<std::size_t>(form)][static_cast<std::size_t>(dtype)].load(
      std::memory_order_acquire);
}

std::uint64_t identity(const Op& op) { return reinterpret_cast<std::uintptr_t>(&kernels_of(op)); }

BodyLaunch::BodyLaunch(const Infer& infer, std::span<const Tensor> inputs,
                       std::span<const Tensor> outputs) {
  const Op& op = infer.op();
  Signature signature;
  describe(signature, infer, inputs);
  const auto entry = entry_for(op, infer.attributes(), signature);
  Layout layout;
  Placement placement;
  place(entry->plain, inputs, outputs, layout, placement);
  classify(entry->plain, inputs, outputs, placement, layout);
  variant_ = variant_for(op, *entry, layout, outputs[0].device());
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

TableKernel::TableKernel(const Infer& infer, std::span<const Tensor> inputs,
                         std::span<const Tensor> outputs) {
  Signature signature;
  describe(signature, infer, inputs);
  const auto entry = entry_for(infer.op(), infer.attributes(), signature);
  if (entry->plain.general || entry->plain.row_axes.count() > 0 || entry->plain.domain_input >= 0)
    return;
  for (const Spec& spec : infer.results()) {
    if (spec.start != Spec::nothing) return;
  }
  Layout layout;
  Placement placement;
  place(entry->plain, inputs, outputs, layout, placement);
  classify(entry->plain, inputs, outputs, placement, layout);
  const auto variant = variant_for(infer.op(), *entry, layout, outputs[0].device());
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
  if (direct_ == nullptr) {
    executable_->execute(buffers.data(), sizes.data(), parameters_.data());
    return;
  }
  kernel::Failure failure;
  const kernel::KernelArguments arguments{buffers.data(), sizes.data(), parameters_.data(),
                                          nullptr,        nullptr,      &failure};
  direct_(&arguments, 0, count);
}

// ---- Plans ------------------------------------------------------------------------------------

namespace {

struct PlanKey {
  const Op* op = nullptr;
  Attributes attributes;
  std::vector<Spec> specs;
  Device device;
};

std::uint64_t hash_of(const Op& op, const Attributes& attributes, std::span<const Spec> inputs) {
  std::uint64_t seed =
      detail::hash_combine(reinterpret_cast<std::uintptr_t>(&op), attributes.hash());
  for (const Spec& spec : inputs) {
    seed = detail::hash_combine(seed, static_cast<std::uint64_t>(spec.dtype));
    for (Dim size : spec.shape)
      seed = detail::hash_combine(seed, static_cast<std::uint64_t>(size.bits()));
  }
  return seed;
}

/// Least recently used plans go first.
class PlanCache {
 public:
  static PlanCache& instance() {
    static PlanCache& cache = *new PlanCache;  // used by threads that outlive static destruction
    return cache;
  }

  std::shared_ptr<const kernel::Plan> find(std::uint64_t hash, const Op& op,
                                           const Attributes& attributes,
                                           std::span<const Spec> inputs, Device device) {
    const std::lock_guard lock(mutex_);
    const auto found = locate(hash, op, attributes, inputs, device);
    if (found == plans_.end()) return nullptr;
    plans_.splice(plans_.begin(), plans_, found);
    return found->plan;
  }

  void keep(std::uint64_t hash, const Op& op, const Attributes& attributes,
            std::span<const Spec> inputs, Device device, std::shared_ptr<const kernel::Plan> plan) {
    const std::lock_guard lock(mutex_);
    plans_.push_front(
        {{&op, attributes.kept(), {inputs.begin(), inputs.end()}, device}, hash, std::move(plan)});
    index_.emplace(hash, plans_.begin());
    if (plans_.size() <= capacity) return;
    const auto last = std::prev(plans_.end());
    for (auto [at, end] = index_.equal_range(last->hash); at != end; ++at) {
      if (at->second == last) {
        index_.erase(at);
        break;
      }
    }
    plans_.pop_back();
  }

 private:
  static constexpr std::size_t capacity = 1024;
  struct Kept {
    PlanKey key;
    std::uint64_t hash;
    std::shared_ptr<const kernel::Plan> plan;
  };
  using Plans = std::list<Kept>;

  Plans::iterator locate(std::uint64_t hash, const Op& op, const Attributes& attributes,
                         std::span<const Spec> inputs, Device device) {
    for (auto [at, end] = index_.equal_range(hash); at != end; ++at) {
      const PlanKey& key = at->second->key;
      const bool same_specs = std::equal(
          key.specs.begin(), key.specs.end(), inputs.begin(), inputs.end(),
          [](const Spec& a, const Spec& b) { return a.dtype == b.dtype && a.shape == b.shape; });
      if (key.op == &op && same_specs && key.device == device && key.attributes == attributes)
        return at->second;
    }
    return plans_.end();
  }

  std::mutex mutex_;
  Plans plans_;
  std::unordered_multimap<std::uint64_t, Plans::iterator> index_;
};

}  // namespace

std::shared_ptr<const kernel::Plan> plan_for(const Op& op, const Attributes& attributes,
                                             std::span<const Spec> inputs,
                                             std::span<const Spec> outputs, Device device) {
  const std::uint64_t hash = hash_of(op, attributes, inputs);
  PlanCache& cache = PlanCache::instance();
  if (auto plan = cache.find(hash, op, attributes, inputs, device)) return plan;
  Preparation preparation(attributes, inputs, outputs, kernel::backend(device));
  op.library(preparation);
  std::shared_ptr<const kernel::Plan> plan = preparation.take();
  if (plan == nullptr) throw InternalError(std::string(op.name) + ": the library gave no plan");
  cache.keep(hash, op, attributes, inputs, device, plan);
  return plan;
}

}  // namespace rill
