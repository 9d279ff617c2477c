/// What a plan runs, for people: bytes read and written, operations for an element, and the share
/// of time that a step takes by an estimate (`trace/step_cost.h`).
/// Invariant: one line per step, in order; the same text on every machine.
#pragma once

#include <string>

#include <rill/trace/trace_plan.h>

namespace rill {

///     // library  in 128 B, out 64 B, 83 %: matmul -> float32[4,4] matmul
///     // kernel   in 80 B, out 16 B, 3 op, 17 %: add tanh -> float32[4] tanh
///     // arena: 64 B
std::string explain(const TracePlan& plan);

}  // namespace rill
