#include <rill/trace/memory_plan.h>

#include <algorithm>
#include <numeric>

namespace rill {
namespace {

constexpr std::size_t alignment = 64;

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> values) {
  MemoryPlan plan;
  plan.offsets.resize(values.size());
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return values[a].bytes != values[b].bytes ? values[a].bytes > values[b].bytes : a < b;
  });
  struct Taken {
    std::size_t begin, end;
    int first, last;
  };
  std::vector<Taken> taken;  // by begin
  for (const std::size_t v : order) {
    const Lifetime& value = values[v];
    const std::size_t bytes = (value.bytes + alignment - 1) / alignment * alignment;
    std::size_t offset = 0;
    for (const Taken& other : taken) {
      if (other.last < value.first || value.last < other.first) continue;
      if (offset + bytes <= other.begin) break;
      offset = std::max(offset, other.end);
    }
    plan.offsets[v] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const Taken own{offset, offset + bytes, value.first, value.last};
    taken.insert(std::upper_bound(taken.begin(), taken.end(), own,
                                  [](const Taken& a, const Taken& b) { return a.begin < b.begin; }),
                 own);
  }
  return plan;
}

}  // namespace rill
