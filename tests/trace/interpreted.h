// Plans for tests whose kernels are interpreted.
#pragma once

#include <rill/trace/trace_plan.h>

namespace rill {

/// The same plan: each kernel is run by the reference interpreter in place of compiled code.
TracePlan interpreted(TracePlan plan);

}  // namespace rill
