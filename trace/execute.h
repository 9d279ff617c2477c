/// Running a plan. Invariant: allocates the arena and the results, nothing else; results never lie
/// in an arena. Safe to call from several threads.
#pragma once

#include <span>
#include <vector>

#include <rill/tensor/tensor.h>
#include <rill/trace/trace_plan.h>

namespace rill {

/// The arguments have the dtypes and shapes of the plan's function. Errors are those of its nodes,
/// at the lines where these were recorded, or of the call as a whole, which is at `where`.
std::vector<Tensor> execute(const TracePlan& plan, std::span<const Tensor* const> arguments,
                            Where where = {});

}  // namespace rill
