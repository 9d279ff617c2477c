#include <rill/trace/passes/common_subexpressions.h>

#include <algorithm>
#include <bit>
#include <unordered_map>

#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

bool merges(const Node& node) {
  return (node.kind == Node::Kind::op && !node.op->stateful) || node.kind == Node::Kind::number;
}

/// As the user wrote it: it takes the dtype of whatever it meets.
std::uint64_t bits_of(const Scalar& number) {
  return number.kind() == Scalar::Kind::real ? std::bit_cast<std::uint64_t>(number.real())
                                             : static_cast<std::uint64_t>(number.integer());
}

std::uint64_t hash_of(const Node& node) {
  std::uint64_t seed = static_cast<std::uint64_t>(node.kind);
  const auto add = [&](std::uint64_t value) { seed = detail::hash_combine(seed, value); };
  if (node.kind == Node::Kind::op) {
    add(reinterpret_cast<std::uintptr_t>(node.op));
    add(node.attributes.hash());
    for (const Edge& edge : node.inputs)
      add(static_cast<std::uint64_t>(edge.node) << 3U | static_cast<std::uint64_t>(edge.result));
  } else {
    add(static_cast<std::uint64_t>(node.value.body().scalar.kind()));
    add(bits_of(node.value.body().scalar));
  }
  return seed;
}

bool equal_nodes(const Node& a, const Node& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Node::Kind::number) {
    const Scalar& x = a.value.body().scalar;
    const Scalar& y = b.value.body().scalar;
    return x.kind() == y.kind() && bits_of(x) == bits_of(y);
  }
  return a.op == b.op && a.attributes == b.attributes && a.inputs == b.inputs;
}

}  // namespace

Function merge_common_subexpressions(Function function, Changes& changes) {
  Rewriting rewriting(std::move(function));
  std::unordered_multimap<std::uint64_t, int> known;  // nodes of the new function
  return rewriting.run([&](const Node& node, int) -> std::optional<std::vector<Edge>> {
    if (!merges(node)) return std::nullopt;
    const auto& nodes = rewriting.made().nodes;
    const std::uint64_t hash = hash_of(node);
    const auto [begin, end] = known.equal_range(hash);
    const auto same = std::find_if(begin, end, [&](const auto& entry) {
      return equal_nodes(node, nodes[static_cast<std::size_t>(entry.second)]);
    });
    if (same == end) {
      known.emplace(hash, static_cast<int>(nodes.size()));
      return std::nullopt;
    }
    if (node.kind == Node::Kind::op) {
      changes.add(node, [&] {
        return node.name + " is " + nodes[static_cast<std::size_t>(same->second)].name;
      });
    }
    std::vector<Edge> results;
    for (int k = 0; k < std::ssize(node.results); ++k) results.push_back({same->second, k});
    return results;
  });
}

}  // namespace rill
