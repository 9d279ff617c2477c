/// Under which ids a plan's results are returned.
/// Invariant: values that were two when the function was recorded are two tensors, wherever passes
/// have found them to be equal; values that were one are one, and an argument is itself.
#pragma once

#include <vector>

#include <rill/trace/trace_plan.h>

namespace rill {

/// `record` is what passes have made the plan's function of.
std::vector<PlanResult> plan_results(const TracePlan& plan, const Function& record);

}  // namespace rill
