/// From a recorded function to a plan: which nodes share a kernel, in which order they run, and
/// where their values are. Invariant: running the plan gives the bits that the function's nodes
/// give one by one, and leaves the same state behind, also when it fails.
#pragma once

#include <memory>

#include <rill/trace/function.h>
#include <rill/trace/trace_plan.h>

namespace rill {

/// All sizes of the function must be known, and all of its nodes needed: see `optimized`, which
/// has made it of `record`.
TracePlan compile(const std::shared_ptr<const Function>& function, const Function& record,
                  const StageLimits& limits = {});
inline TracePlan compile(const std::shared_ptr<const Function>& function) {
  return compile(function, *function);
}

}  // namespace rill
