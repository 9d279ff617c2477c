/// Which steps of a plan run side by side: those that are too small to be cut up for several
/// threads, do not need one another, and together are worth another thread.
/// Invariant: a stage's steps, in any order, leave the memory that the plan's order leaves, and
/// none of them can fail.
#pragma once

#include <cstddef>
#include <limits>
#include <vector>

#include <rill/trace/trace_plan.h>

namespace rill {

/// The memory that a step works on.
struct Access {
  struct Extent {
    std::size_t place;  ///< never a part: that is some bytes of its whole
    std::size_t begin = 0;
    std::size_t end = std::numeric_limits<std::size_t>::max();
  };
  std::vector<Extent> reads;
  std::vector<Extent> writes;
  bool stays = true;  ///< has an effect or can fail: no step passes it
};

/// Brings the steps of each stage together, and tells the plan of them. `accesses` are the steps',
/// and move with them.
void find_stages(TracePlan& plan, std::vector<Access>& accesses, const StageLimits& limits);

}  // namespace rill
