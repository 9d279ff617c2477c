#include <rill/trace/explain.h>

#include <cmath>

#include <rill/trace/step_summary.h>

namespace rill {
namespace {

std::string line(const TracePlan& plan, const StepSummary& step, double all_seconds) {
  std::string text(step.kind);
  text.resize(9, ' ');
  if (step.variable >= 0) {
    const VariableUse& use = plan.variables[static_cast<std::size_t>(step.variable)];
    text += "variable '" + use.variable.name() + "'";
    if (step.kind == "read") return text;
    const Edge& value = plan.node(step.nodes[0]).inputs[0];
    return text + (use.in_place ? ", in place" : "") + ": " + plan.function->reference(value);
  }
  text += "in " + bytes_text(step.read) + ", out " + bytes_text(step.written);
  if (step.operations > 0) text += ", " + std::to_string(step.operations) + " op";
  text += ", " + std::to_string(std::lround(100 * step.seconds / all_seconds)) + " %:";
  for (const int n : step.nodes) text += " " + plan.node(n).name;
  if (!step.made.empty()) text += " ->";
  for (const Edge& edge : step.made)
    text += " " + plan.spec(edge).text() + " " + plan.node(edge.node).name;
  if (step.launches > 1) text += " (and " + std::to_string(step.launches - 1) + " alike)";
  if (step.beside == 1) text += " (beside the next)";
  if (step.beside > 1) text += " (beside the next " + std::to_string(step.beside) + ")";
  return text;
}

}  // namespace

std::string explain(const TracePlan& plan) {
  const std::vector<StepSummary> steps = summaries(plan);
  double seconds = 0;
  for (const StepSummary& step : steps) seconds += step.seconds;
  std::string text;
  for (const StepSummary& step : steps) text += line(plan, step, seconds) + "\n";
  return text + "arena: " + bytes_text(static_cast<std::int64_t>(plan.arena)) + "\n";
}

}  // namespace rill
