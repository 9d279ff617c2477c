/// What a step of a plan is about, for those who show it: explanations, pictures, profiles.
/// Invariant: one summary per step, in the plan's order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <rill/tensor/timeline.h>
#include <rill/trace/trace_plan.h>

namespace rill {

struct StepSummary {
  std::string_view kind;         ///< `kernel`, `library`, `read`, `assign` or `node`
  std::vector<int> nodes;        ///< what it computes; of several launches the first one's
  std::vector<Edge> made;        ///< what others need of it; likewise
  std::int64_t read = 0;         ///< bytes from elsewhere, each value once; likewise
  std::int64_t written = 0;      ///< bytes; likewise
  int operations = 0;            ///< of a kernel, for one element, about
  std::vector<int> alike;        ///< the nodes of the other launches
  std::size_t launches = 1;      ///< of a kernel: on how many sets of operands
  std::int64_t moved = 0;        ///< bytes read and written, by all launches
  std::ptrdiff_t variable = -1;  ///< read or assigned: which one of the plan's
  std::size_t beside = 0;        ///< how many of the steps behind it run beside it
  double seconds = 0;            ///< of all launches, estimated: see `trace/step_cost.h`
};

std::vector<StepSummary> summaries(const TracePlan& plan);

/// A step that has run, for whoever profiles: known by its first node.
void note_step(const detail::Stopwatch& watch, const TracePlan& plan, const StepSummary& step);

/// `12,345,678 B`: with commas, as long numbers are read.
std::string bytes_text(std::int64_t bytes);

}  // namespace rill
