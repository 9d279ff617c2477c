#include <rill/trace/passes/recomputation.h>

#include <algorithm>
#include <string>
#include <utility>

#include <rill/ops/call.h>
#include <rill/trace/fusion/member.h>
#include <rill/trace/passes/rewriting.h>

namespace rill {
namespace {

constexpr int light = 2;  // operations per element

bool is_loops(const Node& node) {
  return node.kind == Node::Kind::op && node.op->body && !node.op->library && !node.op->composition;
}

/// Which nodes of a function may be made anew.
class Light {
 public:
  explicit Light(const Function& function)
      : function_(function), readers_(function.nodes.size()), light_(function.nodes.size()) {
    std::vector<bool> in_memory(function.nodes.size());
    for (const Function::Output& output : function.outputs)
      in_memory[static_cast<std::size_t>(output.edge.node)] = true;
    for (int n = 0; n < std::ssize(function.nodes); ++n) {
      for (const Edge& edge : node(n).inputs) {
        auto& readers = readers_[static_cast<std::size_t>(edge.node)];
        if (readers.empty() || readers.back() != n) readers.push_back(n);
        if (!is_loops(node(n))) in_memory[static_cast<std::size_t>(edge.node)] = true;
      }
    }
    for (int n = 0; n < std::ssize(function.nodes); ++n) {
      const auto at = static_cast<std::size_t>(n);
      light_[at] = !in_memory[at] && is_loops(node(n)) && !node(n).op->stateful &&
                   (moves_nothing(node(n)) || is_sliced(n));
    }
  }

  [[nodiscard]] bool operator()(int n) const { return light_[static_cast<std::size_t>(n)]; }
  /// A reader that is not the first.
  [[nodiscard]] bool again(int n, int reader) const {
    return light_[static_cast<std::size_t>(n)] &&
           readers_[static_cast<std::size_t>(n)].front() != reader;
  }

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] bool moves_nothing(const Node& node) const {
    return node.op == &slice_ || node.op == &reshape_ || node.op == &broadcast_;
  }
  [[nodiscard]] bool is_sliced(int n) const {
    Dim read = 0;
    for (const int reader : readers_[static_cast<std::size_t>(n)]) {
      if (node(reader).op != &slice_) return false;
      read = read + node(reader).results[0].shape.size();
    }
    const Dim own = node(n).results[0].shape.size();
    if (!read.known() || !own.known() || read.value() > own.value()) return false;
    const Member member = member_of(function_, n);
    return member.lowered != nullptr && member.places && !member.checks && !member.windows &&
           member.row.count() == 0 && member.operations <= light;
  }

  const Function& function_;
  const Op& slice_ = *find_op("strided_slice");
  const Op& reshape_ = *find_op("reshape");
  const Op& broadcast_ = *find_op("broadcast_to");
  std::vector<std::vector<int>> readers_;  // of each node, ascending
  std::vector<bool> light_;
};

class Recomputation {
 public:
  Recomputation(Function function, Changes& changes)
      : light_(function), rewriting_(std::move(function)), changes_(changes) {}

  Function run() {
    return rewriting_.run([&](Node& node, int n) -> std::optional<std::vector<Edge>> {
      for (Edge& edge : node.inputs) {
        const int old = old_of(edge);
        if (!light_.again(old, n)) continue;
        changes_.add(node, [&] { return node.name + " makes " + rewriting_.node(edge).name; });
        edge = made_for(node, edge);
      }
      old_.resize(rewriting_.made().nodes.size(), -1);
      old_.push_back(n);
      return std::nullopt;
    });
  }

 private:
  /// The number that a value's node had in the old function.
  [[nodiscard]] int old_of(const Edge& edge) const {
    return old_[static_cast<std::size_t>(edge.node)];
  }

  Edge made_for(const Node& reader, const Edge& value) {
    Node made = rewriting_.node(value);
    const int old = old_of(value);
    made.name += "/" + reader.name;
    for (Edge& edge : made.inputs) {
      if (light_(old_of(edge))) edge = made_for(reader, edge);
    }
    const Edge at{rewriting_.add(std::move(made)).node, value.result};
    old_.resize(rewriting_.made().nodes.size(), -1);
    old_[static_cast<std::size_t>(at.node)] = old;
    return at;
  }

  const Light light_;
  Rewriting rewriting_;
  Changes& changes_;
  std::vector<int> old_;  // by node of the new function
};

}  // namespace

Function recompute_light_values(Function function, Changes& changes) {
  return Recomputation(std::move(function), changes).run();
}

}  // namespace rill
