// `rill run`: values of a saved graph's nodes, from arrays in files to arrays in files.
#include "arguments.h"
#include "commands.h"
#include "graph_file.h"
#include "table.h"

#include <algorithm>
#include <cstdio>

#include <rill/tensor/error.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/print.h>
#include <rill/trace/function.h>
#include <rill/trace/prepared.h>
#include <rill/trace/specialize.h>

using namespace rill;

namespace {

/// The results of the signature that takes these feeds.
std::vector<std::string> results_for(const Graph& graph, std::span<const Feed> feeds) {
  std::string taken;
  for (const auto& function : graph.functions()) {
    std::vector<const Tensor*> inputs;
    for (const int input : function->inputs) {
      const std::string& name = function->nodes[static_cast<std::size_t>(input)].name;
      const auto fed = std::find_if(feeds.begin(), feeds.end(),
                                    [&](const Feed& feed) { return feed.first == name; });
      if (fed != feeds.end()) inputs.push_back(&fed->second);
    }
    taken += "\n  " + function->text();
    const bool alone = graph.functions().size() == 1;  // then `run` says what is wrong
    if (!alone && !sizes_of(*function, inputs)) continue;
    std::vector<std::string> names;
    for (const Function::Output& output : function->outputs) names.push_back(output.name);
    return names;
  }
  throw TraceError("run: no signature takes these inputs; there are:" + taken);
}

}  // namespace

void run_command(std::span<char*> given) {
  const Arguments arguments("run", given,
                            {.valued = {"--input", "--output", "--signature", "--size"}});
  const auto words = arguments.words({"GRAPH"});
  const auto inputs = arguments.pairs("--input");
  const auto outputs = arguments.pairs("--output");
  const Graph graph = load_graph(words[0], arguments);
  std::vector<Feed> feeds;
  for (const auto& [name, path] : inputs) feeds.emplace_back(name, load_npy(path, {}));
  std::vector<std::string> names;
  for (const auto& [name, path] : outputs) names.push_back(name);
  if (names.empty()) names = results_for(graph, feeds);
  const std::vector<std::string_view> fetches(names.begin(), names.end());
  const std::vector<Tensor> values = graph.run(feeds, fetches, {});
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (outputs.empty()) {
      std::printf("%s %s\n%s\n", shown(names[i]).c_str(), values[i].type_text().c_str(),
                  text(values[i]).c_str());
    } else {
      save_npy(outputs[i].second, values[i], {});
    }
  }
}
