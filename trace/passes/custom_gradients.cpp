#include <rill/trace/passes/custom_gradients.h>

#include <utility>

#include <rill/trace/passes/rewriting.h>

namespace rill {

Function remove_custom_gradients(Function function, Changes& changes) {
  return Rewriting(std::move(function))
      .run([&](const Node& node, int /*number*/) -> std::optional<std::vector<Edge>> {
        if (node.kind != Node::Kind::custom) return std::nullopt;
        changes.add(node, [&] { return node.name + " is what it was made of"; });
        const auto first =
            node.inputs.begin() + static_cast<std::ptrdiff_t>(node.gradient->arguments);
        return std::vector<Edge>(first, first + static_cast<std::ptrdiff_t>(node.results.size()));
      });
}

}  // namespace rill
