/// What a plan runs, for people. Invariant: one line per step, in order.
#pragma once

#include <string>

#include <rill/trace/trace_plan.h>

namespace rill {

///     // kernel   in 80 B, out 16 B, 3 op: add tanh -> float32[4] tanh
///     // library  in 128 B, out 64 B: matmul -> float32[4,4] matmul
///     // arena: 64 B
std::string explain(const TracePlan& plan);

}  // namespace rill
