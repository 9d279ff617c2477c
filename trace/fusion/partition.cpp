#include <rill/trace/fusion/partition.h>

#include <algorithm>
#include <functional>
#include <unordered_set>

#include <rill/trace/fusion/column_sums.h>
#include <rill/trace/fusion/row_shapes.h>
#include <rill/trace/fusion/unit_order.h>

namespace rill {
namespace {

constexpr int light = 2;  // operations that are rather done again than stored
constexpr int heavy = 6;  // operations from which on a value of a row is kept for later passes
constexpr std::int64_t longest_row = std::int64_t{1} << 16;  // elements that are kept along a row

class Partition {
 public:
  Partition(const Function& function, std::span<const Member> members, const Effects& effects)
      : function_(function),
        members_(members),
        effects_(effects),
        unit_of_(function.nodes.size(), -1),
        displaced_(function.nodes.size()),
        evaluated_(function.nodes.size()),
        users_(function.nodes.size()),
        order_(static_cast<int>(function.nodes.size()),
               [this](int name, const auto& follow) { follow_unit(name, follow); }),
        wanted_outside_(function.nodes.size()) {
    for (std::size_t n = 0; n < function.nodes.size(); ++n) {
      for (const Edge& edge : function.nodes[n].inputs) {
        auto& users = users_[static_cast<std::size_t>(edge.node)];
        if (users.empty() || users.back() != static_cast<int>(n))
          users.push_back(static_cast<int>(n));
      }
    }
    for (const Function::Output& output : function.outputs)
      wanted_outside_[static_cast<std::size_t>(output.edge.node)] = true;
  }

  std::vector<Group> run() {
    for (std::size_t n = function_.nodes.size(); n-- > 0;) {
      if (members_[n].lowered != nullptr) place(static_cast<int>(n));
    }
    join_column_sums(function_, members_, effects_, users_, groups_, unit_of_);
    for (Group& group : groups_) {
      if (!group.nodes.empty()) finish(group);  // else another has taken them
    }
    std::erase_if(groups_, [](const Group& group) { return group.nodes.empty(); });
    return std::move(groups_);
  }

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Member& member(int n) const { return members_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] int unit(int n) const { return unit_of_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] const std::vector<int>& users(int n) const {
    return users_[static_cast<std::size_t>(n)];
  }

  [[nodiscard]] bool read_in_place(int n, int user, const Shape& domain, const Axes& row) const {
    return rill::read_in_place(function_, members_, n, user, domain, row);
  }

  // ---- Groups ---------------------------------------------------------------------------------

  void open(int n) {
    const Member& m = member(n);
    Group group;
    group.domain = m.domain;
    group.row = m.row;
    group.nodes = {n};
    unit_of_[static_cast<std::size_t>(n)] = static_cast<int>(groups_.size());
    evaluated_[static_cast<std::size_t>(n)] = m.domain.size();
    groups_.push_back(std::move(group));
  }

  /// Looks for the group of the users of `n` that it may join.
  void place(int n) {
    std::vector<int> tried;
    for (const int user : users(n)) {
      const int g = unit(user);
      if (g < 0 || std::find(tried.begin(), tried.end(), g) != tried.end()) continue;
      tried.push_back(g);
      if (joins(n, g)) return;
    }
    open(n);
  }

  bool joins(int n, int g) {
    Group& group = groups_[static_cast<std::size_t>(g)];
    const Member& m = member(n);
    if (!m.places || m.scans || group.nodes.size() >= Group::most_nodes || starts(n, g))
      return false;
    bool outside = wanted_outside_[static_cast<std::size_t>(n)];
    for (const int user : users(n)) outside = outside || unit(user) != g;
    Shape domain = group.domain;
    Axes row = group.row;
    const int first = group.nodes.front();
    if (m.row.count() > 0) {
      // A reduction gives the group its rows.
      if (!m.windows && group.row.count() == 0 && !(group.domain == m.domain)) {
        for (const int other : group.nodes) {
          if (!fits(member(other).domain, m.domain, m.row)) return false;
        }
        if (!all_in_place(group, m.domain, m.row)) return false;
        domain = m.domain;
      }
      if (!(domain == m.domain) || (row.count() > 0 && !(row == m.row))) return false;
      const bool whole = std::any_of(group.nodes.begin(), group.nodes.end(),
                                     [&](int other) { return writes_along(other, m.domain); });
      if (whole && (!inner_row(domain, m.row) || !many_rows(domain, m.row))) return false;
      // A single fold over few rows is cut up for the threads; two are not.
      if (folds(group) && !many_rows(domain, m.row)) return false;
      if (group.row.count() == 0 && !all_in_place(group, domain, m.row)) return false;
      row = m.row;
    }
    const bool stretches = !in_place_for_all(n, g, domain, row);
    const bool own =
        !stretches && std::all_of(node(n).results.begin(), node(n).results.end(),
                                  [&](const Spec& spec) { return fits(spec.shape, domain, row); });
    if (!own && (outside || m.row.count() > 0 || m.windows || m.checks || !cheap_elsewhere(n, g)))
      return false;
    if (m.windows && group.row.count() > 0) return false;
    if (own && outside && group.row.count() > 0 && m.row.count() == 0 &&
        (!inner_row(domain, row) || !many_rows(domain, row)) && writes_along(n, domain))
      return false;
    if (!member(first).places && outside) return false;  // a scatter's kernel writes nothing else
    if (scans(group) && outside) return false;
    if (into_window(n, g) && m.operations > 0) return false;
    if (m.checks && effects_.before[static_cast<std::size_t>(n)] != segment_of(group)) return false;
    if (operands_with(group, n) > Group::most_operands) return false;
    if (!order_.join(n, group.nodes.front())) return false;
    group.domain = domain;
    group.row = row;
    group.nodes.push_back(n);
    evaluated_[static_cast<std::size_t>(n)] = own ? m.domain.size() : evaluations(n, g);
    displaced_[static_cast<std::size_t>(n)] = !own;
    unit_of_[static_cast<std::size_t>(n)] = g;
    return true;
  }

  [[nodiscard]] bool writes_along(int n, const Shape& domain) const {
    return std::any_of(node(n).results.begin(), node(n).results.end(),
                       [&](const Spec& spec) { return spec.shape == domain; });
  }

  /// What the members of a pointwise group read of one another stays in place once it has rows.
  [[nodiscard]] bool all_in_place(const Group& group, const Shape& domain, const Axes& row) const {
    return std::all_of(group.nodes.begin(), group.nodes.end(), [&](int n) {
      if (member(n).windows || !member(n).places) return false;
      return std::all_of(users(n).begin(), users(n).end(), [&](int user) {
        return unit(user) != unit(n) || read_in_place(n, user, domain, row) || !member(n).checks;
      });
    });
  }

  [[nodiscard]] bool in_place_for_all(int n, int g, const Shape& domain, const Axes& row) const {
    return std::all_of(users(n).begin(), users(n).end(), [&](int user) {
      return unit(user) != g ||
             (!displaced_[static_cast<std::size_t>(user)] && read_in_place(n, user, domain, row));
    });
  }

  /// How often the group would compute `n`, wherever its users there are computed.
  [[nodiscard]] Dim evaluations(int n, int g) const {
    Dim most = 0;
    for (const int user : users(n)) {
      if (unit(user) != g) continue;
      const Dim times = evaluated_[static_cast<std::size_t>(user)];
      most = times.known() && most.known() && times.value() < most.value() ? most : times;
    }
    return most;
  }

  /// Computed anew wherever the group reads it, `n` costs no more than by itself.
  [[nodiscard]] bool cheap_elsewhere(int n, int g) const {
    const Dim own = member(n).domain.size();
    for (const int user : users(n)) {
      if (unit(user) != g) continue;
      if (member(user).windows && member(n).operations > 0) return false;
      const Dim read = evaluated_[static_cast<std::size_t>(user)];
      const bool once = read == own || (read.known() && own.known() && read.value() <= own.value());
      if (!once && member(n).operations > light) return false;
      // Small and stretched over much: once by itself is as good, unless it costs nothing.
      if (!once && !own.known()) return member(n).operations <= light;
    }
    return true;
  }

  /// A result of the group begins with what `n` gives, which therefore must be in memory.
  [[nodiscard]] bool starts(int n, int g) const {
    return std::any_of(users(n).begin(), users(n).end(), [&](int user) {
      return unit(user) == g &&
             std::any_of(member(user).starts.begin(), member(user).starts.end(), [&](int start) {
               return start >= 0 && node(user).inputs[static_cast<std::size_t>(start)].node == n;
             });
    });
  }

  [[nodiscard]] bool into_window(int n, int g) const {
    return std::any_of(users(n).begin(), users(n).end(),
                       [&](int user) { return unit(user) == g && member(user).windows; });
  }

  [[nodiscard]] bool scans(const Group& group) const {
    return std::any_of(group.nodes.begin(), group.nodes.end(),
                       [&](int n) { return member(n).scans; });
  }

  [[nodiscard]] bool folds(const Group& group) const {
    return std::any_of(group.nodes.begin(), group.nodes.end(),
                       [&](int n) { return member(n).row.count() > 0; });
  }

  [[nodiscard]] int segment_of(const Group& group) const {
    for (const int n : group.nodes) {
      if (member(n).checks) return effects_.before[static_cast<std::size_t>(n)];
    }
    return effects_.before[static_cast<std::size_t>(group.nodes.back())];
  }

  [[nodiscard]] std::size_t operands_with(const Group& group, int n) const {
    std::unordered_set<std::int64_t> operands;
    const auto count = [&](int member) {
      operands.insert(-1 - member);
      for (const Edge& edge : node(member).inputs)
        operands.insert(static_cast<std::int64_t>(edge.node) * 8 + edge.result);
    };
    for (const int other : group.nodes) count(other);
    count(n);
    return operands.size() > group.nodes.size() ? operands.size() - group.nodes.size() : 0;
  }

  /// The name of a node's unit in the order.
  [[nodiscard]] int unit_name(int n) const {
    return unit(n) < 0 ? n : groups_[static_cast<std::size_t>(unit(n))].nodes.front();
  }
  void follow_unit(int name, const std::function<void(int)>& follow) const {
    const auto follow_node = [&](int n) {
      for (const int user : users(n)) follow(unit_name(user));
      for (const int later : effects_.later[static_cast<std::size_t>(n)]) follow(unit_name(later));
    };
    if (unit(name) < 0) return follow_node(name);
    for (const int n : groups_[static_cast<std::size_t>(unit(name))].nodes) follow_node(n);
  }

  // ---- Outputs and rows -----------------------------------------------------------------------

  void finish(Group& group) {
    std::sort(group.nodes.begin(), group.nodes.end());
    std::sort(group.closing.begin(), group.closing.end());
    for (const int n : group.nodes) group.operations += member(n).operations;
    const int g = unit(group.nodes.front());
    for (const int n : group.nodes) {
      for (int k = 0; k < static_cast<int>(node(n).results.size()); ++k) {
        // What chooses its places writes to memory, whoever reads it.
        if (!member(n).places || needed_outside({n, k}, g)) group.outputs.push_back({n, k});
      }
    }
    if (group.row.count() == 0 || !inner_row(group.domain, group.row)) return;
    // Weights: what it takes to compute a value of the row anew.
    std::vector<std::int64_t> weight(group.nodes.size());
    Dim length = 1;
    for (const int d : group.row) length = length * group.domain[d];
    const bool short_enough = !length.known() || length.value() <= longest_row;
    for (std::size_t i = 0; i < group.nodes.size(); ++i) {
      const int n = group.nodes[i];
      const Member& m = member(n);
      if (m.row.count() > 0 || !m.places || !(node(n).results[0].shape == group.domain)) continue;
      weight[i] = m.operations;
      for (const Edge& edge : node(n).inputs) {
        const auto at = std::lower_bound(group.nodes.begin(), group.nodes.end(), edge.node);
        if (at != group.nodes.end() && *at == edge.node)
          weight[i] += weight[static_cast<std::size_t>(at - group.nodes.begin())];
      }
      int passes = 0;
      for (const int user : users(n)) {
        if (unit(user) != g) continue;
        passes += member(user).row.count() > 0 && !group.closes(user) ? passes_over(user) : 1;
      }
      if (passes > 1 && weight[i] >= heavy && short_enough) {
        group.kept.push_back(n);
        weight[i] = 0;
      }
    }
  }

  /// How many stages of the reader look at the value.
  [[nodiscard]] int passes_over(int user) const {
    const kernel::Program& program = member(user).lowered->program;
    return static_cast<int>(std::max<std::size_t>(1, program.folds.size()));
  }

  [[nodiscard]] bool needed_outside(const Edge& edge, int g) const {
    for (const Function::Output& output : function_.outputs) {
      if (output.edge == edge) return true;
    }
    return std::any_of(users(edge.node).begin(), users(edge.node).end(), [&](int user) {
      if (unit(user) == g) return false;
      const auto& inputs = node(user).inputs;
      return std::find(inputs.begin(), inputs.end(), edge) != inputs.end();
    });
  }

  const Function& function_;
  std::span<const Member> members_;
  const Effects& effects_;
  std::vector<Group> groups_;
  std::vector<int> unit_of_;             // the group of each node, -1 for none
  std::vector<bool> displaced_;          // computed at other places than its group's point
  std::vector<Dim> evaluated_;           // how often its group computes it
  std::vector<std::vector<int>> users_;  // of each node, ascending
  UnitOrder order_;
  std::vector<bool> wanted_outside_;
};

}  // namespace

std::vector<Group> partition(const Function& function, std::span<const Member> members,
                             const Effects& effects) {
  return Partition(function, members, effects).run();
}

}  // namespace rill
