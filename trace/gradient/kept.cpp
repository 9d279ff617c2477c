#include <rill/trace/gradient/kept.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <rill/trace/fusion/member.h>

namespace rill {
namespace {

// Storing a float and loading it again takes memory about as long as this takes the processor.
constexpr int most_operations = 16;
constexpr int most_nodes = 32;  // that are looked at for one value

class Choice {
 public:
  explicit Choice(const Function& function) : function_(function) {}

  std::vector<Edge> run(std::span<const Edge> needed) {
    std::vector<Edge> values(needed.begin(), needed.end());
    std::sort(values.begin(), values.end(), before);
    for (const Edge& edge : values) {
      if (is_origin(edge)) store(edge);
    }
    for (const Edge& edge : values) {
      if (!again(edge)) store(edge);
    }
    std::vector<Edge> list;
    for (const auto& [n, k] : stored_) list.push_back({n, k});
    return list;
  }

 private:
  static bool before(const Edge& a, const Edge& b) {
    return std::pair(a.node, a.result) < std::pair(b.node, b.result);
  }
  [[nodiscard]] const Node& node(const Edge& edge) const {
    return function_.nodes[static_cast<std::size_t>(edge.node)];
  }
  [[nodiscard]] std::int64_t bytes(const Edge& edge) const {
    const Spec& spec = node(edge).results[static_cast<std::size_t>(edge.result)];
    return spec.shape.size().value() * static_cast<std::int64_t>(size_of(spec.dtype));
  }
  /// Arguments and variables are there anyway: keeping them stores nothing.
  [[nodiscard]] bool is_origin(const Edge& edge) const {
    const Node::Kind kind = node(edge).kind;
    return kind == Node::Kind::input || kind == Node::Kind::variable;
  }
  void store(const Edge& edge) { stored_.insert({edge.node, edge.result}); }

  /// Whether the value is rather computed again; then its origins are stored.
  bool again(const Edge& edge) {
    if (stored_.contains({edge.node, edge.result})) return true;
    std::set<int> seen;
    std::set<std::pair<int, int>> origins;
    int operations = 0;
    if (!follow(edge, bytes(edge), seen, origins, operations)) return false;
    stored_.insert(origins.begin(), origins.end());
    return true;
  }
  bool follow(const Edge& edge, std::int64_t most_bytes, std::set<int>& seen,
              std::set<std::pair<int, int>>& origins, int& operations) {
    const Node& of = node(edge);
    if (stored_.contains({edge.node, edge.result}) || of.kind == Node::Kind::number ||
        of.kind == Node::Kind::constant)
      return true;
    if (is_origin(edge)) {
      origins.insert({edge.node, edge.result});
      return bytes(edge) <= most_bytes;
    }
    if (!seen.insert(edge.node).second) return true;
    const std::optional<int> cost = cost_of(edge.node);
    operations += cost.value_or(0);
    if (!cost || operations > most_operations || std::ssize(seen) > most_nodes) return false;
    return std::all_of(of.inputs.begin(), of.inputs.end(), [&](const Edge& input) {
      return follow(input, most_bytes, seen, origins, operations);
    });
  }

  /// Operations per element of an elementwise operator, a view or the like; nothing for others.
  std::optional<int> cost_of(int n) {
    const auto [found, is_new] = costs_.try_emplace(n);
    if (!is_new) return found->second;
    const Node& of = function_.nodes[static_cast<std::size_t>(n)];
    if (of.kind != Node::Kind::op || of.op->stateful) return std::nullopt;
    const Member member = member_of(function_, n);
    const bool elementwise = member.lowered != nullptr && member.places && !member.checks &&
                             !member.windows && !member.scans && member.row.count() == 0;
    if (elementwise) found->second = member.operations;
    return found->second;
  }

  const Function& function_;
  std::set<std::pair<int, int>> stored_;
  std::map<int, std::optional<int>> costs_;
};

}  // namespace

std::vector<Edge> values_to_store(const Function& function, std::span<const Edge> needed) {
  return Choice(function).run(needed);
}

}  // namespace rill
