// `rill show`: a saved graph as tables: its nodes, what runs them, and the memory that takes.
#include "arguments.h"
#include "commands.h"
#include "graph_file.h"
#include "table.h"

#include <cstdio>
#include <map>

#include <rill/tensor/print.h>
#include <rill/trace/prepared.h>
#include <rill/trace/step_summary.h>

using namespace rill;

namespace {

std::string joined(std::string text, std::string_view separator, std::string_view more) {
  if (!text.empty()) text += separator;
  return text.append(more);
}

/// `add(x, 1)`, `variable w`.
std::string made_by(const Function& function, const Node& node) {
  std::string operands;
  for (const Edge& edge : node.inputs) {
    const Node& from = function.nodes[static_cast<std::size_t>(edge.node)];
    operands = joined(operands, ", ",
                      from.kind == Node::Kind::number ? from.value.body().scalar.text()
                                                      : function.reference(edge));
  }
  switch (node.kind) {
    case Node::Kind::op:
      return std::string(node.op->name) + "(" + operands + ")";
    case Node::Kind::variable:
      return "variable " + node.variable.name();
    case Node::Kind::assign:
      return "assign " + node.variable.name() + " = " + operands;
    case Node::Kind::check:
      return "check " + operands;
    case Node::Kind::print:
      return "print " + operands;
    case Node::Kind::custom:
      return "custom gradient of " + operands;
    case Node::Kind::draw:
      return "draw";
    case Node::Kind::input:
      return "input";
    default:
      return "constant";
  }
}

std::string types_of(std::span<const Spec> specs) {
  std::string text;
  for (const Spec& spec : specs) text = joined(text, ", ", spec.text());
  return text;
}

std::string step_name(const StepSummary& step, std::size_t number) {
  return std::string(step.kind) + " " + std::to_string(number + 1);
}

/// The names of the steps by the names of the nodes that they run.
std::map<std::string, std::string> steps_by_node(const TracePlan& plan,
                                                 const std::vector<StepSummary>& steps) {
  std::map<std::string, std::string> names;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    for (const int n : steps[s].nodes) names.try_emplace(plan.node(n).name, step_name(steps[s], s));
    for (const int n : steps[s].alike) names.try_emplace(plan.node(n).name, step_name(steps[s], s));
  }
  return names;
}

void print_nodes(const Function& function, const std::map<std::string, std::string>& steps) {
  Table table({{"node", 28}, {"made by", 44}, {"dtype and shape", 30}, {"run by", 14}});
  for (const Node& node : function.nodes) {
    if (node.kind == Node::Kind::number) continue;  // stands where it is read
    const auto step = steps.find(node.name);
    table.add({node.name, made_by(function, node), types_of(node.results),
               step == steps.end() ? "" : step->second});
  }
  std::printf("%s\n", table.text().c_str());
  for (const Function::Output& output : function.outputs) {
    const Spec& spec = function.nodes[static_cast<std::size_t>(output.edge.node)]
                           .results[static_cast<std::size_t>(output.edge.result)];
    std::printf("  %s = %s, %s\n", shown(output.name).c_str(),
                shown(function.reference(output.edge)).c_str(), spec.text().c_str());
  }
}

void print_steps(const TracePlan& plan, const std::vector<StepSummary>& steps) {
  Table table({{"step", 14},
               {"moves", 14, true},
               {"launches", 10, true},
               {"op each", 8, true},
               {"nodes", 60}});
  for (std::size_t s = 0; s < steps.size(); ++s) {
    const StepSummary& step = steps[s];
    std::string nodes;
    for (const int n : step.nodes) nodes = joined(nodes, " ", plan.node(n).name);
    for (const int n : step.alike) nodes = joined(nodes, " ", plan.node(n).name);
    if (step.kind == "read")
      nodes = plan.variables[static_cast<std::size_t>(step.variable)].variable.name();
    table.add({step_name(step, s), bytes_text(step.moved),
               step.launches > 1 ? std::to_string(step.launches) : "",
               step.operations > 0 ? std::to_string(step.operations) : "", nodes});
  }
  std::printf("\n%s", table.text().c_str());
}

void print_variables(const Function& function) {
  std::map<std::uint64_t, Variable> variables;
  for (const Node& node : function.nodes) {
    if (node.kind == Node::Kind::variable || node.kind == Node::Kind::assign)
      variables.try_emplace(node.variable.id(), node.variable);
  }
  if (variables.empty()) return;
  Table table({{"variable", 40}, {"dtype and shape", 30}, {"bytes", 16, true}, {"", 14}});
  for (const auto& [id, variable] : variables) {
    const Spec spec{variable.dtype(), variable.shape()};
    table.add({variable.name(), spec.text(), bytes_text(static_cast<std::int64_t>(bytes_of(spec))),
               variable.trainable() ? "trainable" : ""});
  }
  std::printf("\n%s", table.text().c_str());
}

std::string unknown_sizes(const Function& function) {
  std::string names;
  for (const int input : function.inputs) {
    for (const Dim size : function.nodes[static_cast<std::size_t>(input)].results[0].shape) {
      if (!size.known() && names.find(size.text()) == std::string::npos)
        names = joined(names, ", ", size.text());
    }
  }
  return names;
}

void print_memory(const TracePlan& plan) {
  const Function& function = *plan.function;
  std::size_t arguments = 0;
  std::size_t results = 0;
  std::size_t constants = 0;
  std::size_t variables = 0;
  for (const int input : function.inputs) arguments += bytes_of(plan.spec({input, 0}));
  for (const Function::Output& output : function.outputs)
    results += bytes_of(plan.spec(output.edge));
  for (const Node& node : function.nodes) {
    if (node.kind == Node::Kind::constant) constants += bytes_of(node.results[0]);
  }
  for (const VariableUse& use : plan.variables)
    variables += bytes_of({use.variable.dtype(), use.variable.shape()});
  const auto text = [](std::size_t bytes) { return bytes_text(static_cast<std::int64_t>(bytes)); };
  std::printf("\n  memory: arguments %s, results %s, variables %s, constants %s, temporaries %s\n",
              text(arguments).c_str(), text(results).c_str(), text(variables).c_str(),
              text(constants).c_str(), text(plan.arena).c_str());
}

void print_signature(Prepared& prepared) {
  const auto ready = prepared.any();
  if (ready == nullptr) {
    print_nodes(*prepared.record(), {});
    print_variables(*prepared.record());
    std::printf(
        "\n  kernels and memory depend on sizes: give them, as --size name=number, for %s\n",
        unknown_sizes(*prepared.record()).c_str());
    return;
  }
  const std::vector<StepSummary> steps = summaries(ready->plan);
  print_nodes(*ready->record, steps_by_node(ready->plan, steps));
  print_steps(ready->plan, steps);
  print_variables(*ready->record);
  print_memory(ready->plan);
}

}  // namespace

void show_command(std::span<char*> given) {
  const Arguments arguments("show", given, {.valued = {"--signature", "--size"}});
  const Graph graph = load_graph(arguments.words({"GRAPH"})[0], arguments);
  const char* separator = "";
  for (const auto& prepared : graph.prepared()) {
    std::printf("%s%s\n\n", separator, shown(prepared->record()->text()).c_str());
    print_signature(*prepared);
    separator = "\n";
  }
}
