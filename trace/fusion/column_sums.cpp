#include <rill/trace/fusion/column_sums.h>

#include <algorithm>
#include <set>
#include <utility>

#include <rill/kernel/dependence.h>
#include <rill/trace/fusion/row_shapes.h>

namespace rill {
namespace {

/// Threads take rows by chunks of 512: fewer than these are too few of them.
constexpr std::int64_t fewest_rows = std::int64_t{8} * kernel::fold_chunk;
/// Bytes of the accumulators that each row adds to in turn; they must not leave the second cache.
constexpr std::int64_t most_accumulators = std::int64_t{1} << 20;

class ColumnSums {
 public:
  ColumnSums(const Function& function, std::span<const Member> members, const Effects& effects,
             std::span<const std::vector<int>> users, std::vector<Group>& groups,
             std::vector<int>& unit_of)
      : function_(function),
        members_(members),
        effects_(effects),
        users_(users),
        groups_(groups),
        unit_of_(unit_of) {}

  void run() {
    for (Group& sums : groups_) {
      if (!is_sums(sums)) continue;
      const auto rows = std::find_if(groups_.begin(), groups_.end(),
                                     [&](const Group& group) { return may_close(sums, group); });
      if (rows != groups_.end()) join(sums, *rows);
    }
  }

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Member& member(int n) const { return members_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] const Shape& shape(const Edge& edge) const {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)].shape;
  }
  [[nodiscard]] int unit(int n) const { return unit_of_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] bool in(int n, const Group& group) const {
    return unit(n) >= 0 && &groups_[static_cast<std::size_t>(unit(n))] == &group;
  }

  // ---- Sums -----------------------------------------------------------------------------------

  /// What is computed at each element of the domain; the rest of the sums, and what follows them,
  /// has no more than one element for each column.
  [[nodiscard]] bool is_elementwise(int n, const Group& group) const {
    return member(n).row.count() == 0 && member(n).domain == group.domain;
  }

  /// A group of reductions that look at their elements once, of what they reduce, and of what
  /// follows them element by element.
  [[nodiscard]] bool is_sums(const Group& group) const {
    if (group.nodes.empty() || group.row.count() == 0 || !group.closing.empty() ||
        !group.domain.known())
      return false;
    return std::all_of(group.nodes.begin(), group.nodes.end(), [&](int n) {
      const Member& m = member(n);
      if (!m.places || m.windows || m.scans || m.checks) return false;
      if (m.row.count() > 0 ? !reduces_once(m, group) : !fits(m.domain, group.domain, group.row))
        return false;
      const bool follows = m.row.count() == 0 && !is_elementwise(n, group);
      return std::all_of(node(n).inputs.begin(), node(n).inputs.end(), [&](const Edge& edge) {
        return !in(edge.node, group) ||
               ((follows || is_elementwise(edge.node, group)) &&
                read_in_place(function_, members_, edge.node, n, group.domain, group.row));
      });
    });
  }

  [[nodiscard]] static bool reduces_once(const Member& m, const Group& group) {
    const kernel::Program& program = m.lowered->program;
    const kernel::Dependence dependence(program);
    const auto over_rows = [&](const kernel::Fold& fold) {
      const auto axes = program.list(fold.axes);
      return fold.kind == kernel::Fold::Kind::reduce &&
             std::equal(axes.begin(), axes.end(), m.row.begin(), m.row.end(),
                        [&](kernel::Id axis, int d) { return m.domain_axis[axis] == d; }) &&
             std::all_of(program.list(fold.step).begin(), program.list(fold.step).end(),
                         [&](kernel::Id id) { return dependence.leaves(id).results == 0; });
    };
    return m.row == group.row && m.domain == group.domain && program.checks.empty() &&
           std::all_of(program.stages.begin(), program.stages.end(),
                       [](const kernel::Stage& stage) { return stage.axes.count == 0; }) &&
           std::all_of(program.folds.begin(), program.folds.end(), over_rows);
  }

  /// Bytes of the accumulators that some nodes have for one column.
  [[nodiscard]] std::int64_t accumulators(std::span<const int> nodes) const {
    std::int64_t bytes = 0;
    for (const int n : nodes) {
      const kernel::Program& program = member(n).lowered->program;
      for (const kernel::Fold& fold : program.folds) {
        for (const kernel::Id init : program.list(fold.init))
          bytes += static_cast<std::int64_t>(size_of(program.exprs[init].type));
      }
    }
    return bytes * kernel::fold_lanes;
  }

  // ---- Rows -----------------------------------------------------------------------------------

  [[nodiscard]] bool may_close(const Group& sums, const Group& rows) const {
    if (&sums == &rows || rows.row.count() == 0 || !(rows.domain == sums.domain) ||
        !inner_row(rows.domain, rows.row))
      return false;
    std::int64_t count = 1;
    std::int64_t columns = 1;
    for (int d = 0; d < rows.domain.rank(); ++d) {
      if (rows.row.contains(d) == sums.row.contains(d)) return false;
      (rows.row.contains(d) ? columns : count) *= rows.domain[d].value();
    }
    const std::int64_t bytes = accumulators(sums.nodes) + accumulators(rows.closing);
    return count >= fewest_rows && columns * bytes <= most_accumulators &&
           rows.nodes.size() + sums.nodes.size() <= Group::most_nodes &&
           std::all_of(rows.nodes.begin(), rows.nodes.end(),
                       [&](int n) { return may_be_closed(n, sums); }) &&
           reads_at_hand(sums, rows) && !leads_back(sums, rows);
  }

  [[nodiscard]] bool may_be_closed(int n, const Group& sums) const {
    const Member& m = member(n);
    const auto& inputs = node(n).inputs;
    return m.places && !m.windows && !m.scans &&
           std::none_of(inputs.begin(), inputs.end(),
                        [&](const Edge& edge) { return in(edge.node, sums); });
  }

  /// What the sums read of the rows' kernel is at the place of each point, and they read something
  /// of the domain that this kernel has anyway.
  [[nodiscard]] bool reads_at_hand(const Group& sums, const Group& rows) const {
    std::set<std::pair<int, int>> known;
    std::set<std::pair<int, int>> operands;
    for (const int n : rows.nodes) {
      for (int k = 0; k < std::ssize(node(n).results); ++k) known.insert({n, k});
      for (const Edge& edge : node(n).inputs) {
        known.insert({edge.node, edge.result});
        if (!in(edge.node, rows)) operands.insert({edge.node, edge.result});
      }
    }
    bool shares = false;
    for (const int n : sums.nodes) {
      for (const Edge& edge : node(n).inputs) {
        if (in(edge.node, sums)) continue;
        if (!in(edge.node, rows))
          operands.insert({edge.node, edge.result});
        else if (!(member(n).domain == rows.domain) ||
                 !read_in_place(function_, members_, edge.node, n, rows.domain, rows.row))
          return false;
        shares = shares || (shape(edge) == rows.domain && known.contains({edge.node, edge.result}));
      }
    }
    return shares && operands.size() <= Group::most_operands;
  }

  /// Whether something outside waits for one of the two and is waited for by the other.
  [[nodiscard]] bool leads_back(const Group& sums, const Group& rows) const {
    std::vector<bool> seen(function_.nodes.size());
    std::vector<int> open;
    const auto follow = [&](int n) {
      const auto push = [&](int next) {
        // A node of a group is waited for as the group is.
        const auto group =
            unit(next) < 0
                ? std::span<const int>(&next, 1)
                : std::span<const int>(groups_[static_cast<std::size_t>(unit(next))].nodes);
        for (const int each : group) {
          if (seen[static_cast<std::size_t>(each)]) continue;
          seen[static_cast<std::size_t>(each)] = true;
          open.push_back(each);
        }
      };
      for (const int user : users_[static_cast<std::size_t>(n)]) push(user);
      for (const int later : effects_.later[static_cast<std::size_t>(n)]) push(later);
    };
    for (const Group* group : {&sums, &rows}) {
      for (const int n : group->nodes) seen[static_cast<std::size_t>(n)] = true;
    }
    for (const Group* group : {&sums, &rows}) {
      for (const int n : group->nodes) follow(n);
    }
    while (!open.empty()) {
      const int at = open.back();
      open.pop_back();
      const auto back = [&](int next) { return in(next, sums) || in(next, rows); };
      const auto& users = users_[static_cast<std::size_t>(at)];
      const auto& later = effects_.later[static_cast<std::size_t>(at)];
      if (std::any_of(users.begin(), users.end(), back) ||
          std::any_of(later.begin(), later.end(), back))
        return true;
      follow(at);
    }
    return false;
  }

  void join(Group& sums, Group& rows) {
    const auto to = static_cast<int>(&rows - groups_.data());
    for (const int n : sums.nodes) {
      if (!is_elementwise(n, sums)) rows.closing.push_back(n);
      rows.nodes.push_back(n);
      unit_of_[static_cast<std::size_t>(n)] = to;
    }
    sums.nodes.clear();
  }

  const Function& function_;
  std::span<const Member> members_;
  const Effects& effects_;
  std::span<const std::vector<int>> users_;
  std::vector<Group>& groups_;
  std::vector<int>& unit_of_;
};

}  // namespace

void join_column_sums(const Function& function, std::span<const Member> members,
                      const Effects& effects, std::span<const std::vector<int>> users,
                      std::vector<Group>& groups, std::vector<int>& unit_of) {
  ColumnSums(function, members, effects, users, groups, unit_of).run();
}

}  // namespace rill
