#include <rill/ops/plans.h>

#include <algorithm>
#include <iterator>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <rill/ops/preparation.h>

namespace rill {
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
