/// How long a step of a plan takes, by a simple model.
/// Invariant: depends on the plan alone and not on the machine, so that a share of time is the same
/// wherever it is shown: an estimate, never a measurement.
#pragma once

#include <rill/trace/trace_plan.h>

namespace rill {

/// Seconds: the step's start, and the longer of moving its bytes and of doing its operations, as
/// two cores of a server of these years do (`step_cost.cpp` has the numbers). Steps without an
/// estimate, such as assignments, cost nothing.
double estimated_seconds(const TracePlan& plan, const Step& step);

}  // namespace rill
