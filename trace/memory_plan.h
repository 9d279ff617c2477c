/// Places in one block of memory for values that do not live at the same time.
/// Invariant: two values whose lives overlap do not overlap in memory; every place is 64-byte
/// aligned.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace rill {

/// A value lives from the step that makes it to the last one that reads it.
struct Lifetime {
  std::size_t bytes = 0;
  int first = 0;
  int last = 0;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  ///< by value
  std::size_t bytes = 0;
};

/// Largest values first, each at the lowest offset that is free for its life.
MemoryPlan plan_memory(std::span<const Lifetime> values);

}  // namespace rill
