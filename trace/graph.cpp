#include <rill/trace/graph.h>

#include <algorithm>

#include <rill/tensor/error.h>
#include <rill/trace/function.h>
#include <rill/trace/json.h>
#include <rill/trace/prepared.h>
#include <rill/trace/specialize.h>

namespace rill {

std::vector<std::shared_ptr<const Function>> Graph::functions() const {
  std::vector<std::shared_ptr<const Function>> records;
  for (const auto& function : functions_) records.push_back(function->record());
  return records;
}

Tensor Graph::single(std::vector<Tensor> results) {
  if (results.size() != 1) {
    throw TraceError("graph: the function has " + std::to_string(results.size()) +
                     " results, not one: use call");
  }
  return std::move(results[0]);
}

std::string Graph::text(std::string_view weights_file,
                        std::map<std::string, Tensor>* weights) const {
  std::map<std::string, Tensor> own;
  return to_json(functions(), weights_file, weights != nullptr ? *weights : own);
}

std::vector<std::string> Graph::signatures() const {
  std::vector<std::string> texts;
  for (const auto& function : functions_) texts.push_back(function->record()->text());
  return texts;
}

std::vector<Tensor> Graph::call(std::span<const Tensor> inputs) const {
  for (const Tensor& input : inputs) {
    if (!input.defined()) detail::fail_undefined("graph");
  }
  std::vector<const Tensor*> arguments;
  arguments.reserve(inputs.size());
  for (const Tensor& input : inputs) arguments.push_back(&input);
  for (const auto& function : functions_) {
    if (const auto ready = function->prepare(arguments)) return rill::run(*ready, arguments);
  }
  std::string text = "graph: no signature takes (";
  const char* separator = "";
  for (const Tensor& input : inputs) {
    text += separator + input.type_text();
    separator = ", ";
  }
  text += "); there are:";
  for (const auto& function : functions_) text += "\n  " + function->record()->text();
  throw TraceError(text);
}

std::vector<Tensor> Graph::run(std::span<const Feed> feeds,
                               std::span<const std::string_view> fetches, Where where) const {
  if (functions_.empty()) throw TraceError("run: the graph is empty" + where.suffix());
  for (const auto& [name, value] : feeds) {
    if (!value.defined()) detail::fail_undefined("run", where);
  }
  // The signature whose inputs take the feeds of their names, for the sizes that these have; the
  // first one for feeds of inner nodes.
  std::shared_ptr<const Function> chosen = functions_.front()->record();
  for (const auto& prepared : functions_) {
    const std::shared_ptr<const Function>& function = prepared->record();
    std::vector<const Tensor*> inputs;
    for (const int input : function->inputs) {
      const std::string& wanted = function->nodes[static_cast<std::size_t>(input)].name;
      const auto fed = std::find_if(feeds.begin(), feeds.end(),
                                    [&](const Feed& feed) { return feed.first == wanted; });
      if (fed != feeds.end()) inputs.push_back(&fed->second);
    }
    const auto sizes = sizes_of(*function, inputs);
    if (!sizes) continue;
    chosen = sizes->empty() ? function
                            : std::make_shared<const Function>(specialized(*function, *sizes));
    break;
  }
  // An output may have an input's name.
  const auto fed_edge = [&](std::string_view name) {
    for (const int input : chosen->inputs) {
      if (chosen->nodes[static_cast<std::size_t>(input)].name == name) return Edge{input, 0};
    }
    return chosen->named(name, where);
  };
  std::vector<Tensor> values(chosen->nodes.size());
  for (const auto& [name, value] : feeds) {
    const Edge edge = fed_edge(name);
    const Node& node = chosen->nodes[static_cast<std::size_t>(edge.node)];
    const Spec& spec = node.results[static_cast<std::size_t>(edge.result)];
    if (node.results.size() != 1 || value.dtype() != spec.dtype || !(value.shape() == spec.shape)) {
      throw TraceError("run: '" + std::string(name) + "' is " + spec.text() + " and is fed " +
                       value.type_text() + where.suffix());
    }
    values[static_cast<std::size_t>(edge.node)] = value;
  }
  std::vector<Edge> edges;
  for (const std::string_view name : fetches) edges.push_back(chosen->named(name, where));
  return chosen->run(values, edges, where);
}

}  // namespace rill
