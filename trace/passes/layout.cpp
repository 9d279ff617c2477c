#include <rill/trace/passes/layout.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include <rill/ops/call.h>
#include <rill/trace/passes/attribute.h>
#include <rill/trace/passes/axis_order.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/rewriting.h>
#include <rill/trace/passes/turned.h>

namespace rill {
namespace {

const Op& transpose_op() {
  static const Op& op = *find_op("transpose");
  return op;
}
bool is_transpose(const Node& node) {
  return node.kind == Node::Kind::op && node.op == &transpose_op();
}
Axes order_of(const Node& transpose) { return attribute<Axes>(transpose, "order"); }

/// Bytes that a transpose moves.
std::int64_t moved(const Spec& spec, const Axes& order) {
  if (moves_nothing(spec.shape, order)) return 0;
  return spec.shape.size().value() * static_cast<std::int64_t>(size_of(spec.dtype));
}

/// Operators that hand each other values of one shape.
struct Region {
  Axes order;
  std::map<int, Turned> nodes;
  std::int64_t saved = 0;  ///< bytes that are no longer moved when all of them take the order
};

/// Finds the regions that are better turned.
class Regions {
 public:
  explicit Regions(const Function& function)
      : function_(function),
        users_(function.nodes.size()),
        outputs_(function.nodes.size()),
        taken_(function.nodes.size()) {
    for (int n = 0; n < std::ssize(function.nodes); ++n) {
      for (const Edge& edge : node(n).inputs) {
        auto& users = users_[static_cast<std::size_t>(edge.node)];
        if (users.empty() || users.back() != n) users.push_back(n);
      }
    }
    for (const Function::Output& output : function.outputs)
      outputs_[static_cast<std::size_t>(output.edge.node)].insert(output.edge.result);
  }

  /// Around each transpose: what reads it, in the order of its operand; what it reads, in its own.
  std::vector<Region> run() {
    for (int n = 0; n < std::ssize(function_.nodes); ++n) {
      if (!is_transpose(node(n))) continue;
      const Axes order = order_of(node(n));
      for (const int user : users(n)) consider(user, inverse(order));
      consider(node(n).inputs[0].node, order);
    }
    return std::move(regions_);
  }

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)];
  }
  [[nodiscard]] const std::vector<int>& users(int n) const {
    return users_[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] bool reads(int user, const Edge& edge) const {
    const auto& inputs = node(user).inputs;
    return std::find(inputs.begin(), inputs.end(), edge) != inputs.end();
  }
  [[nodiscard]] bool is_output(const Edge& edge) const {
    return outputs_[static_cast<std::size_t>(edge.node)].contains(edge.result);
  }

  void consider(int seed, const Axes& order) {
    if (ascends(order)) return;
    auto& seen = seen_[std::string(order.begin(), order.end())];
    if (seen.empty()) seen.resize(function_.nodes.size());
    Region region = grown(seed, order, seen);
    std::set<int> transposes;
    if (region.nodes.empty() || !stands_alone(region, transposes)) return;
    region.saved = saved(region);
    if (region.saved <= 0) return;
    for (const auto& [n, _] : region.nodes) taken_[static_cast<std::size_t>(n)] = true;
    for (const int n : transposes) taken_[static_cast<std::size_t>(n)] = true;
    regions_.push_back(std::move(region));
  }

  /// All that hangs together with `seed`, and what works on small values between, which moves
  /// nothing; no nodes where that was seen before.
  Region grown(int seed, const Axes& order, std::vector<bool>& seen) const {
    Region region{.order = order, .nodes = {}};
    Shape domain;
    std::vector<int> next;
    const auto belongs = [&](const Shape& shape) {
      return shape == domain || (shape.rank() == order.count() && moves_nothing(shape, order));
    };
    const auto reach = [&](int n) {
      if (seen[static_cast<std::size_t>(n)] || taken_[static_cast<std::size_t>(n)]) return;
      auto made = turned(function_, n, order);
      if (made && region.nodes.empty()) domain = made->domain;
      if (made && !belongs(made->domain)) return;
      seen[static_cast<std::size_t>(n)] = true;
      if (!made) return;
      region.nodes.emplace(n, std::move(*made));
      next.push_back(n);
    };
    reach(seed);
    while (!next.empty()) {
      const int n = next.back();
      next.pop_back();
      for (const Edge& edge : node(n).inputs) {
        if (belongs(spec(edge).shape)) reach(edge.node);
      }
      for (int k = 0; k < std::ssize(node(n).results); ++k) {
        if (!belongs(spec({n, k}).shape)) continue;
        for (const int user : users(n)) {
          if (reads(user, {n, k})) reach(user);
        }
      }
    }
    return region;
  }

  /// What is saved is counted as if all around stayed: no large value comes from or goes to
  /// another region that is turned, or a transpose around it, and none leads from the region into
  /// itself.
  [[nodiscard]] bool stands_alone(const Region& region, std::set<int>& transposes) const {
    std::set<int> into;
    bool alone = true;
    const auto meet = [&](int n, const Edge& over, std::set<int>& side) {
      const Shape& shape = spec(over).shape;
      if (region.nodes.contains(n) || shape.rank() != region.order.count() ||
          moves_nothing(shape, region.order))
        return;
      alone = alone && !taken_[static_cast<std::size_t>(n)];
      if (is_transpose(node(n))) side.insert(n);
    };
    for (const auto& [n, _] : region.nodes) {
      for (const Edge& edge : node(n).inputs) meet(edge.node, edge, into);
      for (const int user : users(n)) {
        for (const Edge& edge : node(user).inputs) {
          if (edge.node == n) meet(user, edge, transposes);
        }
      }
    }
    for (const int n : into) alone = alone && transposes.insert(n).second;
    return alone;
  }

  // ---- What is saved --------------------------------------------------------------------------

  [[nodiscard]] std::int64_t saved(const Region& region) const {
    std::int64_t bytes = 0;
    std::set<std::pair<int, int>> seen;
    for (const auto& [n, made] : region.nodes) {
      for (const Edge& edge : node(n).inputs) {
        if (!region.nodes.contains(edge.node) && seen.emplace(edge.node, edge.result).second)
          bytes += saved_entering(edge, region);
      }
      for (int k = 0; k < std::ssize(node(n).results); ++k)
        bytes += saved_leaving({n, k}, made.orders[static_cast<std::size_t>(k)], region);
    }
    return bytes;
  }

  /// A value from outside has to be turned, unless it was so already.
  [[nodiscard]] std::int64_t saved_entering(const Edge& edge, const Region& region) const {
    const Node& from = node(edge.node);
    const int rank = region.order.count();
    if (spec(edge).shape.rank() == 0) return 0;
    if (!is_transpose(from) || spec(edge).shape.rank() != rank) {
      Spec like = spec(edge);
      like.shape = of_rank(like.shape, rank);
      return -moved(like, region.order);
    }
    const Axes order = order_of(from);
    const Edge& of = from.inputs[0];
    const bool goes =
        !is_output(edge) && std::all_of(users(edge.node).begin(), users(edge.node).end(),
                                        [&](int user) { return region.nodes.contains(user); });
    const std::int64_t before = goes ? moved(spec(of), order) : 0;
    return before - moved(spec(of), composed(order, region.order));
  }

  /// Whoever reads a value outside has it turned back, unless he wants it turned.
  [[nodiscard]] std::int64_t saved_leaving(const Edge& edge, const Axes& order,
                                           const Region& region) const {
    const Axes back = inverse(order);
    Spec turned = spec(edge);
    turned.shape = permuted(turned.shape, order);
    std::int64_t bytes = 0;
    bool wanted = is_output(edge);
    for (const int user : users(edge.node)) {
      if (region.nodes.contains(user) || !reads(user, edge)) continue;
      if (is_transpose(node(user))) {
        const Axes then = order_of(node(user));
        bytes += moved(spec(edge), then) - moved(turned, composed(back, then));
      } else {
        wanted = true;
      }
    }
    return bytes - (wanted ? moved(turned, back) : 0);
  }

  const Function& function_;
  std::vector<std::vector<int>> users_;  // of each node, ascending
  std::vector<std::set<int>> outputs_;   // of each node, its results that are the function's
  std::vector<bool> taken_;              // nodes of regions that are turned, and what is around
  std::map<std::string, std::vector<bool>> seen_;  // by order: what has been in a region
  std::vector<Region> regions_;
};

/// Turns them.
class Layouts {
 public:
  Layouts(Function function, std::vector<Region> regions, Changes& changes)
      : regions_(std::move(regions)), region_of_(function.nodes.size()) {
    for (const Region& region : regions_) {
      const int first = region.nodes.begin()->first;
      tell(function.nodes[static_cast<std::size_t>(first)], region, changes);
      for (const auto& [n, _] : region.nodes) region_of_[static_cast<std::size_t>(n)] = &region;
    }
    rewriting_.emplace(std::move(function));
  }

  Function run() {
    return rewriting_->run([&](Node& node, int n) { return visit(node, n); });
  }

 private:
  static void tell(const Node& first, const Region& region, Changes& changes) {
    changes.add(first, [&] {
      std::string text = first.name;
      if (region.nodes.size() > 1)
        text += " and " + std::to_string(region.nodes.size() - 1) + " more";
      return text + ": axes in the order " + region.order.text() + " move " +
             std::to_string(region.saved) + " B less";
    });
  }

  std::optional<std::vector<Edge>> visit(Node& node, int n) {
    const Region* const region = region_of_[static_cast<std::size_t>(n)];
    if (region != nullptr) return turn(node, *region, n);
    if (!is_transpose(node) || !turned_.contains(node.inputs[0].node)) return std::nullopt;
    const Edge made = in_order(node.inputs[0], order_of(node));
    if (rewriting_->needs_copy({n, 0}, made)) return std::nullopt;
    return std::vector<Edge>{made};
  }

  /// Its results stand as they did, behind a transpose each, which nobody may need.
  std::vector<Edge> turn(Node& node, const Region& region, int n) {
    const Turned& made = region.nodes.at(n);
    for (Edge& edge : node.inputs) edge = operand(edge, region.order);
    node.attributes = made.attributes;
    for (std::size_t k = 0; k < node.results.size(); ++k)
      node.results[k].shape = permuted(node.results[k].shape, made.orders[k]);
    const Node like = node;
    const int at = rewriting_->add(std::move(node)).node;
    std::vector<Edge> results;
    for (int k = 0; k < std::ssize(like.results); ++k) {
      const Axes& order = made.orders[static_cast<std::size_t>(k)];
      const Edge turned{at, k};
      const Edge back = ascends(order) ? turned : moved_to(turned, inverse(order));
      if (!ascends(order)) turned_[back.node] = {turned, order};
      results.push_back(back);
    }
    return results;
  }

  /// An operand whose axes are counted from the last, in the order of all axes.
  Edge operand(const Edge& edge, const Axes& order) {
    const Shape& shape = rewriting_->spec(edge).shape;
    if (shape.rank() == 0) return edge;
    if (shape.rank() == order.count()) return in_order(edge, order);
    const Shape whole = of_rank(shape, order.count());
    if (moves_nothing(whole, order)) return reshaped(edge, permuted(whole, order));
    return moved_to(reshaped(edge, whole), order);
  }

  /// The value with its axes in this order, made of what it was a transpose of.
  Edge in_order(const Edge& edge, const Axes& order) {
    if (const auto found = turned_.find(edge.node); found != turned_.end())
      return moved_to(found->second.first, composed(inverse(found->second.second), order));
    const Node& from = rewriting_->node(edge);
    if (is_transpose(from)) return moved_to(from.inputs[0], composed(order_of(from), order));
    return moved_to(edge, order);
  }

  Edge moved_to(const Edge& edge, const Axes& order) {
    if (ascends(order)) return edge;
    const Shape& shape = rewriting_->spec(edge).shape;
    const Shape made = permuted(shape, order);
    if (moves_nothing(shape, order)) return reshaped(edge, made);
    return view(transpose_op(), "order", order, edge, made);
  }
  Edge reshaped(const Edge& edge, const Shape& shape) {
    static const Op& reshape = *find_op("reshape");
    return view(reshape, "shape", shape, edge, shape);
  }
  Edge view(const Op& op, std::string_view field, const AttributeValue& value, const Edge& of,
            const Shape& shape) {
    Node made;
    made.op = &op;
    made.attributes = Attributes::of(op.attributes());
    made.attributes.set(field, value);
    auto& known = views_[{of.node, of.result, &op, made.attributes.text()}];
    if (known.node >= 0) return known;
    made.name = rewriting_->made().reference(of) + "/" + std::string(op.name);
    if (const int others = names_[made.name]++; others > 0)
      made.name += "_" + std::to_string(others);
    made.where = rewriting_->node(of).where;
    made.inputs = {of};
    made.results = {{rewriting_->spec(of).dtype, shape}};
    return known = rewriting_->add(std::move(made));
  }

  std::vector<Region> regions_;
  std::vector<const Region*> region_of_;  // of each old node, null where it stays
  std::optional<Rewriting> rewriting_;
  std::unordered_map<int, std::pair<Edge, Axes>> turned_;  // by a view back: what it shows, turned
  std::map<std::tuple<int, int, const Op*, std::string>, Edge> views_;  // made so far
  std::map<std::string, int> names_;                                    // of them
};

}  // namespace

Function choose_layouts(Function function, Changes& changes) {
  std::vector<Region> regions = Regions(function).run();
  if (regions.empty()) return function;
  Changes rest;
  return remove_dead_code(Layouts(std::move(function), std::move(regions), changes).run(), rest);
}

}  // namespace rill
