/// `Scene`: what a picture of a graph shows, as plain texts and numbers: the same for Graphviz and
/// for the page. Invariant: refers to nothing of the graph.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/trace/picture/timings.h>
#include <rill/trace/prepared.h>

namespace rill::picture {

struct Node {
  std::string name;
  std::string_view kind;             ///< `input`, `number`, `op` ...: as JSON has them
  std::string label;                 ///< operator, number, variable, or the text of a check
  std::string attributes;            ///< `axes=[0], keepdims=false`
  std::string where;                 ///< `model.cpp:41`, or nothing
  std::vector<std::string> results;  ///< `float32[2,3]`
  std::vector<Edge> inputs;
  int step = -1;  ///< which one of the scene's runs it; -1: none
};

/// A kernel, the call of a library, or another step of the plan.
struct Step {
  std::string_view kind;
  std::int64_t read = 0, written = 0;  ///< bytes
  int operations = 0;                  ///< per element
  std::size_t launches = 1;
  double microseconds = -1;  ///< per call; -1: it has not been measured
};

/// The graph as it was recorded, or as passes left it.
struct View {
  std::string_view title;
  std::vector<Node> nodes;
  struct Output {
    std::string name;
    Edge edge;
  };
  std::vector<Output> outputs;
};

/// One signature.
struct Scene {
  std::string signature;
  std::vector<View> views;  ///< as recorded, and as it runs where passes changed it
  std::vector<Step> steps;  ///< in the order in which they run; none where sizes are unknown
  std::int64_t arena = -1;  ///< bytes; -1: sizes are unknown
  std::int64_t variables = 0, constants = 0;
};

std::vector<Scene> scenes(std::span<const std::shared_ptr<Prepared>> functions,
                          const Timings& timings);

}  // namespace rill::picture
