#include "graph_file.h"

#include <functional>
#include <optional>
#include <set>
#include <string>

#include <rill/tensor/error.h>
#include <rill/trace/function.h>
#include <rill/trace/prepared.h>
#include <rill/trace/specialize.h>

using namespace rill;

namespace {

SizeValues sizes_in(const Arguments& arguments) {
  SizeValues sizes;
  for (const auto& [name, value] : arguments.pairs("--size")) {
    const auto number = number_in(value);
    if (!number || *number < 0) {
      std::string fault = "--size ";
      arguments.refuse(fault.append(name).append("=").append(value).append(": is no size"));
    }
    sizes[name] = *number;
  }
  return sizes;
}

/// Makes a function ready for these sizes, where they are all that it leaves open.
void make_ready(Prepared& prepared, const SizeValues& sizes) {
  const Function function = [&] {
    Function inputs;  // alone: sizes of inner nodes follow from theirs
    for (const int input : prepared.record()->inputs) {
      inputs.inputs.push_back(static_cast<int>(inputs.nodes.size()));
      inputs.nodes.push_back(prepared.record()->nodes[static_cast<std::size_t>(input)]);
    }
    return specialized(inputs, sizes);
  }();
  std::vector<Tensor> arguments;
  std::vector<const Tensor*> pointers;
  for (const Node& node : function.nodes) {
    if (!node.results[0].shape.known()) return;
    arguments.push_back(node.results[0].abstract());
  }
  for (const Tensor& argument : arguments) pointers.push_back(&argument);
  (void)prepared.prepare(pointers);
}

std::string no_open_size(const std::string& path, const std::string& name,
                         const std::string& others) {
  return path + " leaves no size '" + name + "' open, " + others;
}

/// Throws `ValueError` for a size that no input leaves open.
void require_open(const Graph& graph, const SizeValues& sizes, const std::string& path) {
  std::set<std::string, std::less<>> open;
  const auto note = [&](std::string_view name) -> std::optional<Dim> {
    open.emplace(name);
    return std::nullopt;
  };
  for (const auto& function : graph.functions()) {
    for (const int input : function->inputs) {
      for (const Dim size : function->nodes[static_cast<std::size_t>(input)].results[0].shape)
        (void)size.substitute(note);
    }
  }
  for (const auto& [name, value] : sizes) {
    if (open.contains(name)) continue;
    std::string others;
    for (const std::string& each : open) others.append(others.empty() ? "but " : ", ").append(each);
    throw ValueError(no_open_size(path, name, others.empty() ? "nor any other" : others));
  }
}

}  // namespace

Graph load_graph(const std::string& path, const Arguments& arguments) {
  Graph graph = Graph::load(path, {});
  if (const auto number = arguments.number("--signature")) {
    const auto& all = graph.prepared();
    if (*number > std::ssize(all)) {
      throw ValueError("there is no signature " + std::to_string(*number) + ": " + path + " has " +
                       std::to_string(all.size()));
    }
    graph = Graph({all[static_cast<std::size_t>(*number - 1)]});
  }
  if (const SizeValues sizes = sizes_in(arguments); !sizes.empty()) {
    require_open(graph, sizes, path);
    const auto& all = graph.prepared();
    if (const auto mistaken =
            all.size() == 1 ? mistaken_size(*all[0]->record(), sizes) : std::nullopt)
      throw ValueError(path + " was captured for sizes that differ, and " + *mistaken);
    for (const auto& prepared : graph.prepared()) make_ready(*prepared, sizes);
  }
  return graph;
}
