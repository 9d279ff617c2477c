#include <rill/trace/picture/scene.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include <rill/trace/step_summary.h>

namespace rill::picture {
namespace {

using Kind = rill::Node::Kind;

std::string_view kind_name(Kind kind) {
  constexpr std::string_view names[] = {"input", "constant", "number", "variable",        "assign",
                                        "draw",  "check",    "print",  "custom_gradient", "op"};
  return names[static_cast<std::size_t>(kind)];
}

std::string label_of(const rill::Node& node) {
  switch (node.kind) {
    case Kind::number:
      return node.value.body().scalar.text();
    case Kind::variable:
    case Kind::assign:
      return node.variable.name();
    case Kind::check:
      return node.message;
    case Kind::print:
      return node.words[0];
    case Kind::op:
      return std::string(node.op->name);
    default:
      return std::string(kind_name(node.kind));
  }
}

View view_of(std::string_view title, const Function& function,
             const std::unordered_map<std::string_view, int>& step_of) {
  View view{.title = title, .nodes = {}, .outputs = {}};
  view.nodes.reserve(function.nodes.size());
  for (const rill::Node& node : function.nodes) {
    Node made{.name = node.name,
              .kind = kind_name(node.kind),
              .label = label_of(node),
              .attributes = node.kind == Kind::op ? node.attributes.text() : "",
              .where = node.where.known() ? node.where.text() : "",
              .results = {},
              .inputs = node.inputs};
    for (const Spec& result : node.results) made.results.push_back(result.text());
    if (const auto at = step_of.find(node.name); at != step_of.end()) made.step = at->second;
    view.nodes.push_back(std::move(made));
  }
  for (const Function::Output& output : function.outputs)
    view.outputs.push_back({output.name, output.edge});
  return view;
}

std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.size() * static_cast<std::int64_t>(size_of(tensor.dtype()));
}

/// Whether passes changed nothing that a picture shows.
bool alike(const Function& a, const Function& b) {
  return std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(),
                    [](const rill::Node& x, const rill::Node& y) {
                      return x.name == y.name && x.op == y.op && x.inputs == y.inputs;
                    });
}

Scene scene(Prepared& prepared, const Timings& timings) {
  Scene scene;
  const Function& record = *prepared.record();
  scene.signature = record.text();
  std::set<std::uint64_t> variables;
  for (const rill::Node& node : record.nodes) {
    if (node.kind == Kind::constant) scene.constants += bytes_of(node.value);
    const bool names = node.kind == Kind::variable || node.kind == Kind::assign;
    if (names && variables.insert(node.variable.id()).second)
      scene.variables += bytes_of(node.variable.value({}));
  }
  std::unordered_map<std::string_view, int> step_of;
  const auto ready = prepared.any();
  if (ready != nullptr) {
    const TracePlan& plan = ready->plan;
    scene.arena = static_cast<std::int64_t>(plan.arena);
    for (const StepSummary& step : summaries(plan)) {
      const int at = static_cast<int>(scene.steps.size());
      for (const int n : step.nodes) step_of.try_emplace(plan.node(n).name, at);
      for (const int n : step.alike) step_of.try_emplace(plan.node(n).name, at);
      scene.steps.push_back({.kind = step.kind,
                             .read = step.read,
                             .written = step.written,
                             .operations = step.operations,
                             .launches = step.launches});
      if (!step.nodes.empty())
        scene.steps.back().microseconds = timings.microseconds(plan.node(step.nodes[0]).name);
    }
  }
  scene.views.push_back(view_of("recorded", record, step_of));
  if (ready != nullptr && !alike(record, *ready->plan.function))
    scene.views.push_back(view_of("as it runs", *ready->plan.function, step_of));
  return scene;
}

}  // namespace

std::vector<Scene> scenes(std::span<const std::shared_ptr<Prepared>> functions,
                          const Timings& timings) {
  std::vector<Scene> all;
  for (const auto& function : functions) all.push_back(scene(*function, timings));
  return all;
}

}  // namespace rill::picture
