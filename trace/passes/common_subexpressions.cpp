#include <rill/trace/passes/common_subexpressions.h>

#include <algorithm>
#include <unordered_map>

#include <rill/trace/passes/replacement.h>

namespace rill {
namespace {

std::uint64_t hash_of(const Node& node, const std::vector<Edge>& inputs) {
  std::uint64_t seed = static_cast<std::uint64_t>(node.kind);
  const auto add = [&](std::uint64_t value) { seed = detail::hash_combine(seed, value); };
  if (node.kind == Node::Kind::op) {
    add(reinterpret_cast<std::uintptr_t>(node.op));
    add(node.attributes.hash());
    for (const Edge& edge : inputs)
      add(static_cast<std::uint64_t>(edge.node) << 3U | static_cast<std::uint64_t>(edge.result));
  } else {
    add(node.value.body().scalar.bits(float64));
  }
  return seed;
}

bool equal_nodes(const Node& a, const std::vector<Edge>& a_inputs, const Node& b,
                 const std::vector<Edge>& b_inputs) {
  if (a.kind != b.kind) return false;
  if (a.kind == Node::Kind::number) {
    const Scalar& x = a.value.body().scalar;
    const Scalar& y = b.value.body().scalar;
    return a.value.dtype() == b.value.dtype() && x.bits(a.value.dtype()) == y.bits(b.value.dtype());
  }
  return a.op == b.op && a.attributes == b.attributes && a_inputs == b_inputs;
}

}  // namespace

Function merge_common_subexpressions(const Function& function) {
  Replacement replacement(function);
  std::unordered_multimap<std::uint64_t, int> known;
  std::vector<std::vector<Edge>> inputs(function.nodes.size());
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    const Node& node = function.nodes[n];
    const bool merges =
        (node.kind == Node::Kind::op && !node.op->stateful) || node.kind == Node::Kind::number;
    if (!merges) continue;
    for (const Edge& edge : node.inputs) inputs[n].push_back(replacement.now(edge));
    const std::uint64_t hash = hash_of(node, inputs[n]);
    const auto [begin, end] = known.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) {
      const auto other = static_cast<std::size_t>(entry.second);
      return equal_nodes(node, inputs[n], function.nodes[other], inputs[other]);
    });
    if (same == end) {
      known.emplace(hash, static_cast<int>(n));
      continue;
    }
    for (int k = 0; k < static_cast<int>(node.results.size()); ++k)
      replacement.replace({static_cast<int>(n), k}, {same->second, k});
    replacement.drop(static_cast<int>(n));
  }
  return replacement.result();
}

}  // namespace rill
