#include <rill/trace/memory_plan.h>

#include "tests/catch.h"

namespace rill {
namespace {

using Offsets = std::vector<std::size_t>;

TEST_CASE("values that live one after the other share memory") {
  const Lifetime values[] = {{64, 0, 1}, {64, 1, 2}, {64, 2, 3}};
  const MemoryPlan plan = plan_memory(values);
  CHECK(plan.offsets == Offsets{0, 64, 0});
  CHECK(plan.bytes == 128);
}

TEST_CASE("a small value takes the gap that large ones leave") {
  const Lifetime values[] = {{256, 0, 1}, {128, 0, 5}, {64, 2, 3}, {192, 2, 5}};
  const MemoryPlan plan = plan_memory(values);
  CHECK(plan.offsets == Offsets{0, 256, 192, 0});
  CHECK(plan.bytes == 384);
}

TEST_CASE("places are 64-byte aligned, and a value of no bytes has one") {
  const Lifetime values[] = {{1, 0, 0}, {0, 0, 0}, {65, 0, 0}};
  const MemoryPlan plan = plan_memory(values);
  CHECK(plan.offsets == Offsets{128, 0, 0});
  CHECK(plan.bytes == 192);
}

TEST_CASE("no values need no memory") { CHECK(plan_memory({}).bytes == 0); }

}  // namespace
}  // namespace rill
