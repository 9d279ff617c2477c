#include <rill/trace/fusion/updates.h>

#include <algorithm>
#include <set>

#include <rill/trace/fusion/in_place.h>

namespace rill {
namespace {

class Planning {
 public:
  Planning(const Function& function, std::span<const Group> groups, const Units& units)
      : function_(function), groups_(groups), units_(units) {}

  Updates run() {
    std::map<std::uint64_t, VariableUse> uses;
    std::map<std::uint64_t, std::vector<int>> assigns;
    for (int n = 0; n < std::ssize(function_.nodes); ++n) {
      const bool assigned = node(n).kind == Node::Kind::assign;
      if (!assigned && node(n).kind != Node::Kind::variable) continue;
      VariableUse& use = uses[node(n).variable.id()];
      use.variable = node(n).variable;
      use.assigned = use.assigned || assigned;
      (assigned ? assigns : reads_)[use.variable.id()].push_back(n);
    }
    for (auto& [id, use] : uses) made_.variables.push_back(std::move(use));
    find_readers();
    for (const auto& [id, nodes] : assigns) {
      if (nodes.size() != 1 || !in_place(nodes[0])) continue;
      const std::size_t number = made_.number(node(nodes[0]));
      made_.variables[number].in_place = true;
      made_.in_place[{node(nodes[0]).inputs[0].node, node(nodes[0]).inputs[0].result}] = number;
    }
    return std::move(made_);
  }

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }

  /// The last unit that reads each value, under whatever shape; results are read for ever.
  void find_readers() {
    for (const std::size_t u : units_.order()) {
      const Unit& unit = units_.all()[u];
      if (units_.renames(unit)) continue;
      for (const Edge& edge : unit.inputs) {
        const Edge of = units_.root(edge);
        readers_[{of.node, of.result}].push_back(u);
      }
    }
    for (const Function::Output& output : function_.outputs) {
      const Edge of = units_.root(output.edge);
      kept_.insert({of.node, of.result});
    }
  }

  /// The kernel that makes the new value may write it over the old one: nobody reads that later,
  /// nothing fails between the kernel and the assignment.
  [[nodiscard]] bool in_place(int assign) const {
    const Edge& value = node(assign).inputs[0];
    const std::ptrdiff_t maker = units_.of(value.node);
    if (maker < 0 || kept_.contains({value.node, value.result}) ||
        made_.in_place.contains({value.node, value.result}))
      return false;
    const Unit& unit = units_.all()[static_cast<std::size_t>(maker)];
    const std::size_t g = group_of(unit, value);
    if (g == groups_.size() || units_.kernel(g).executable == nullptr ||
        units_.start_of(value) != Spec::nothing || units_.may_fail(unit))
      return false;
    const std::ptrdiff_t made = units_.position(static_cast<std::size_t>(maker));
    const std::ptrdiff_t assigned = units_.position(static_cast<std::size_t>(units_.of(assign)));
    for (std::ptrdiff_t at = made + 1; at < assigned; ++at) {
      if (units_.may_fail(units_.all()[units_.order()[static_cast<std::size_t>(at)]])) return false;
    }
    return old_values_are_free(assign, static_cast<std::size_t>(maker), g, value);
  }

  [[nodiscard]] bool old_values_are_free(int assign, std::size_t maker, std::size_t g,
                                         const Edge& value) const {
    const auto reads = reads_.find(node(assign).variable.id());
    if (reads == reads_.end()) return true;
    for (const int n : reads->second) {
      if (n > assign) break;
      if (kept_.contains({n, 0})) return false;
      const auto readers = readers_.find({n, 0});
      if (readers == readers_.end()) continue;
      for (const std::size_t reader : readers->second) {
        if (units_.position(reader) < units_.position(maker)) continue;
        if (reader != maker || !reads_as_it_writes(g, {n, 0}, value)) return false;
      }
    }
    return true;
  }

  /// Of the groups of a unit, only `g` reads the old value, and only where it writes the new one.
  [[nodiscard]] bool reads_as_it_writes(std::size_t g, const Edge& old, const Edge& value) const {
    const auto& outputs = groups_[g].outputs;
    const auto output = static_cast<std::size_t>(std::find(outputs.begin(), outputs.end(), value) -
                                                 outputs.begin());
    for (const std::size_t other :
         units_.all()[static_cast<std::size_t>(units_.of(value.node))].groups) {
      const auto& inputs = units_.kernel(other).fused.inputs;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (!(units_.root(inputs[k]) == old)) continue;
        if (other != g || !(inputs[k] == old) || !writes_over(units_.kernel(g).fused, k, output))
          return false;
      }
    }
    return true;
  }

  /// The group of the unit that makes a value; the number of groups where none does.
  [[nodiscard]] std::size_t group_of(const Unit& unit, const Edge& value) const {
    for (const std::size_t g : unit.groups) {
      const auto& outputs = groups_[g].outputs;
      if (std::find(outputs.begin(), outputs.end(), value) != outputs.end()) return g;
    }
    return groups_.size();
  }

  const Function& function_;
  std::span<const Group> groups_;
  const Units& units_;
  Updates made_;
  std::map<std::uint64_t, std::vector<int>> reads_;                  // of variables: ascending
  std::map<std::pair<int, int>, std::vector<std::size_t>> readers_;  // of edges: units
  std::set<std::pair<int, int>> kept_;                               // edges that are results
};

}  // namespace

std::size_t Updates::number(const Node& node) const {
  const auto found = std::lower_bound(
      variables.begin(), variables.end(), node.variable.id(),
      [](const VariableUse& use, std::uint64_t wanted) { return use.variable.id() < wanted; });
  return static_cast<std::size_t>(found - variables.begin());
}

Updates updates_of(const Function& function, std::span<const Group> groups, const Units& units) {
  return Planning(function, groups, units).run();
}

}  // namespace rill
