#include <rill/ops/plans.h>

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <rill/cpu/recently_used.h>
#include <rill/ops/kernel_cache.h>
#include <rill/ops/preparation.h>

namespace rill {
namespace {

constexpr std::size_t plans_kept = 1024;

struct PlanKey {
  std::uint64_t op = 0;  // by identity: another may have come to the same address
  Attributes attributes;
  std::vector<Spec> inputs;
  Device device;

  friend bool operator==(const PlanKey& a, const PlanKey& b) {
    return a.op == b.op && a.device == b.device && a.attributes == b.attributes &&
           std::equal(a.inputs.begin(), a.inputs.end(), b.inputs.begin(), b.inputs.end(),
                      [](const Spec& x, const Spec& y) {
                        return x.dtype == y.dtype && x.shape == y.shape;
                      });
  }
};

struct PlanHash {
  std::size_t operator()(const PlanKey& key) const {
    std::uint64_t seed = detail::hash_combine(key.op, key.attributes.hash());
    for (const Spec& spec : key.inputs) {
      seed = detail::hash_combine(seed, static_cast<std::uint64_t>(spec.dtype));
      for (Dim size : spec.shape)
        seed = detail::hash_combine(seed, static_cast<std::uint64_t>(size.bits()));
    }
    return seed;
  }
};

struct PlanCache {
  std::mutex mutex;
  cpu::RecentlyUsed<std::shared_ptr<const kernel::Plan>, PlanKey, PlanHash> plans{plans_kept};
};

}  // namespace

std::shared_ptr<const kernel::Plan> plan_for(const Op& op, const Attributes& attributes,
                                             std::span<const Spec> inputs,
                                             std::span<const Spec> outputs, Device device) {
  static PlanCache& cache = *new PlanCache;  // used by threads that outlive static destruction
  PlanKey key{identity(op), attributes, {inputs.begin(), inputs.end()}, device};
  {
    const std::lock_guard lock(cache.mutex);
    if (const auto* known = cache.plans.find(key)) return *known;
  }
  Preparation preparation(attributes, inputs, outputs, kernel::backend(device));
  op.library(preparation);
  std::shared_ptr<const kernel::Plan> plan = preparation.take();
  if (plan == nullptr) throw InternalError(std::string(op.name) + ": the library gave no plan");
  key.attributes = attributes.kept();
  const std::lock_guard lock(cache.mutex);
  if (const auto* known = cache.plans.find(key)) return *known;  // another thread was first
  return cache.plans.keep(key, std::move(plan));
}

}  // namespace rill
