/// What a plan runs at once, and in which order: a group of nodes with its kernel, several groups
/// whose kernels differ in operands only, a library's call, perhaps with a group as its epilogue,
/// or a node as it is done eagerly.
/// Invariant: a unit stands behind all that it needs, and effects keep their order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/effects.h>
#include <rill/trace/fusion/fuse.h>
#include <rill/trace/fusion/member.h>

namespace rill {

struct Unit {
  std::vector<int> nodes;                              ///< the library's operator first
  std::vector<std::size_t> groups;                     ///< several: with the same kernel
  std::vector<Edge> inputs;                            ///< what others make
  std::shared_ptr<const kernel::Plan> plan = nullptr;  ///< of a library's operator
};

/// A group's kernel; none for a group that has nothing to compute.
struct GroupKernel {
  FusedKernel fused;
  std::array<std::uint64_t, 2> fingerprint{};
  std::shared_ptr<const kernel::Executable> executable;
  kernel::Measure measure;
  std::vector<std::int64_t> sizes;
};

class Units {
 public:
  /// `in_parts`: of each node, whether it is a concatenation that its operands' units make.
  Units(const Function& function, std::span<const Member> members, std::span<const Group> groups,
        const Effects& effects, std::vector<bool> in_parts);

  [[nodiscard]] std::span<const Unit> all() const { return units_; }
  /// In which the units run; those that have joined others are left out.
  [[nodiscard]] std::span<const std::size_t> order() const { return order_; }
  /// When a unit runs: its place in the order.
  [[nodiscard]] std::ptrdiff_t position(std::size_t unit) const { return position_[unit]; }
  /// The unit of a node; -1 for what does not run, inputs and constants.
  [[nodiscard]] std::ptrdiff_t of(int node) const { return of_[static_cast<std::size_t>(node)]; }
  [[nodiscard]] const GroupKernel& kernel(std::size_t group) const { return kernels_[group]; }
  /// A unit that only reshapes moves nothing: its result is its input's memory.
  [[nodiscard]] bool renames(const Unit& unit) const;
  /// A concatenation that is whole as soon as its operands are.
  [[nodiscard]] bool in_parts(const Unit& unit) const {
    return in_parts_[static_cast<std::size_t>(unit.nodes[0])];
  }
  /// The edge whose memory an edge is.
  [[nodiscard]] Edge root(Edge edge) const;
  /// What an edge holds before its kernel writes to it, as `Spec::start`.
  [[nodiscard]] int start_of(const Edge& edge) const {
    return members_[static_cast<std::size_t>(edge.node)]
        .starts[static_cast<std::size_t>(edge.result)];
  }
  [[nodiscard]] bool may_fail(const Unit& unit) const;

 private:
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)];
  }
  void make();
  [[nodiscard]] std::shared_ptr<const kernel::Plan> library(int n) const;
  void sort(const Effects& effects);
  [[nodiscard]] bool computes(const Group& group) const;
  void prepare();
  void join();
  [[nodiscard]] bool joinable(std::size_t g) const;
  [[nodiscard]] bool runs_pointwise(std::size_t g) const;
  bool joins(std::size_t u, std::vector<std::size_t>& alike);
  void join(std::size_t from, std::size_t into);
  void find_positions();
  void add_epilogues();
  [[nodiscard]] bool can_follow(std::size_t library, const Unit& follower) const;
  /// The position of the unit that makes an edge, under whatever shape; -1 if none does.
  [[nodiscard]] std::ptrdiff_t made_at(const Edge& edge) const;

  const Function& function_;
  std::span<const Member> members_;
  std::span<const Group> groups_;
  std::vector<bool> in_parts_;  // by node
  std::vector<Unit> units_;
  std::vector<std::ptrdiff_t> of_;        // by node
  std::vector<std::size_t> order_;        // units
  std::vector<std::ptrdiff_t> position_;  // by unit
  std::vector<GroupKernel> kernels_;      // by group
};

}  // namespace rill
