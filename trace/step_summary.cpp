#include <rill/trace/step_summary.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include <rill/trace/step_cost.h>

namespace rill {
namespace {

class Summary {
 public:
  explicit Summary(const TracePlan& plan) : plan_(plan) {}

  StepSummary operator()(const KernelStep& step) const {
    const Group& group = plan_.groups[step.launches[0].group];
    StepSummary made = of("kernel", group.nodes, group.outputs);
    made.operations = group.operations;
    made.launches = step.launches.size();
    for (std::size_t i = 1; i < step.launches.size(); ++i) {
      const Group& other = plan_.groups[step.launches[i].group];
      made.alike.insert(made.alike.end(), other.nodes.begin(), other.nodes.end());
      made.moved += of("kernel", other.nodes, other.outputs).moved;
    }
    return made;
  }
  StepSummary operator()(const LibraryStep& step) const {
    if (!step.epilogue) return of("library", step.node);
    // What the library makes is among the results: others may need it too.
    const Group& group = plan_.groups[step.epilogue->launches[0].group];
    std::vector<int> nodes{step.node};
    nodes.insert(nodes.end(), group.nodes.begin(), group.nodes.end());
    std::vector<Edge> outputs = group.outputs;
    if (step.needed) outputs.insert(outputs.begin(), {step.node, 0});
    StepSummary made = of("library", std::move(nodes), std::move(outputs));
    made.operations = group.operations;
    return made;
  }
  StepSummary operator()(const ReadStep& step) const {
    StepSummary made;
    made.kind = "read";
    made.variable = static_cast<std::ptrdiff_t>(step.variable);
    return made;
  }
  StepSummary operator()(const AssignStep& step) const {
    StepSummary made;
    made.kind = "assign";
    made.nodes = {step.node};
    made.variable = static_cast<std::ptrdiff_t>(step.variable);
    return made;
  }
  StepSummary operator()(const NodeStep& step) const { return of("node", step.node); }

 private:
  [[nodiscard]] StepSummary of(std::string_view kind, int node) const {
    std::vector<Edge> made;
    for (int k = 0; k < std::ssize(plan_.node(node).results); ++k) made.push_back({node, k});
    return of(kind, {node}, std::move(made));
  }
  [[nodiscard]] StepSummary of(std::string_view kind, std::vector<int> nodes,
                               std::vector<Edge> made) const {
    StepSummary summary;
    summary.kind = kind;
    summary.read = read(nodes);
    for (const Edge& edge : made)
      summary.written += static_cast<std::int64_t>(bytes_of(plan_.spec(edge)));
    summary.moved = summary.read + summary.written;
    summary.nodes = std::move(nodes);
    summary.made = std::move(made);
    return summary;
  }
  /// What a set of nodes reads from elsewhere, each value once.
  [[nodiscard]] std::int64_t read(std::span<const int> nodes) const {
    std::set<std::pair<int, int>> seen;
    std::int64_t bytes = 0;
    for (const int n : nodes) {
      for (const Edge& edge : plan_.node(n).inputs) {
        const bool inside = std::find(nodes.begin(), nodes.end(), edge.node) != nodes.end();
        if (inside || plan_.node(edge.node).kind == Node::Kind::number) continue;
        if (seen.insert({edge.node, edge.result}).second)
          bytes += static_cast<std::int64_t>(bytes_of(plan_.spec(edge)));
      }
    }
    return bytes;
  }

  const TracePlan& plan_;
};

}  // namespace

std::vector<StepSummary> summaries(const TracePlan& plan) {
  std::vector<StepSummary> all;
  all.reserve(plan.steps.size());
  const Summary summary(plan);
  for (const Step& step : plan.steps) {
    all.push_back(std::visit(summary, step));
    all.back().seconds = estimated_seconds(plan, step);
  }
  for (const Stage& stage : plan.stages) all[stage.first].beside = stage.steps - 1;
  return all;
}

void note_step(const detail::Stopwatch& watch, const TracePlan& plan, const StepSummary& step) {
  if (step.nodes.empty()) return watch.end(step.kind, step.kind);
  std::string operators;
  std::string names;
  Where where;
  for (const int n : step.nodes) {
    const Node& node = plan.node(n);
    if (node.kind == Node::Kind::op)
      operators.append(operators.empty() ? "" : " ").append(node.op->name);
    names.append(names.empty() ? "" : " ").append(node.name);
    if (!where.known()) where = node.where;
  }
  std::string made;
  for (const Edge& edge : step.made)
    made.append(made.empty() ? "" : ", ").append(plan.spec(edge).text());
  const Node& first = plan.node(step.nodes[0]);
  watch.end(step.kind, operators.empty() ? first.name : operators,
            {{"node", first.name},
             {"nodes", std::move(names)},
             {"outputs", std::move(made)},
             {"bytes", step.moved},
             {"launches", static_cast<std::int64_t>(step.launches)},
             {"line", where.text()}});
}

std::string bytes_text(std::int64_t bytes) {
  std::string digits = std::to_string(bytes);
  for (std::ptrdiff_t at = std::ssize(digits) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits + " B";
}

}  // namespace rill
