// Graphs for tests: written as JSON and read again.
#pragma once

#include <rill/rill.h>
#include <rill/trace/json.h>
#include <rill/trace/prepared.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace rill {

/// The graph that the text of `graph` is, which must be the text of what was read, too.
inline Graph reloaded(const Graph& graph) {
  std::map<std::string, Tensor> weights;
  const std::string text = graph.text("weights.safetensors", &weights);
  std::vector<std::shared_ptr<Prepared>> functions;
  for (auto& function : JsonGraph(text, "graph").functions(weights))
    functions.push_back(std::make_shared<Prepared>(std::move(function)));
  Graph again(std::move(functions));
  std::map<std::string, Tensor> same_weights;
  if (again.text("weights.safetensors", &same_weights) != text ||
      same_weights.size() != weights.size())
    throw std::logic_error("what was read is written as another text than\n" + text);
  return again;
}

}  // namespace rill
