#include <rill/trace/fusion/units.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <queue>
#include <set>
#include <utility>

#include <rill/cpu/thread_pool.h>
#include <rill/kernel/dependence.h>
#include <rill/kernel/schedule.h>
#include <rill/ops/plans.h>
#include <rill/tensor/error.h>
#include <rill/trace/fusion/epilogue.h>
#include <rill/trace/trace_plan.h>

namespace rill {
namespace {

constexpr std::int64_t most_points = std::int64_t{1} << 18;  // of a kernel that runs beside others

bool runs(const Node& node) {
  return node.kind != Node::Kind::input && node.kind != Node::Kind::constant &&
         node.kind != Node::Kind::number;
}

}  // namespace

Units::Units(const Function& function, std::span<const Member> members,
             std::span<const Group> groups, const Effects& effects, std::vector<bool> in_parts)
    : function_(function),
      members_(members),
      groups_(groups),
      in_parts_(std::move(in_parts)),
      of_(function.nodes.size(), -1),
      kernels_(groups.size()) {
  make();
  sort(effects);
  prepare();
  join();
  add_epilogues();
}

bool Units::renames(const Unit& unit) const {
  return unit.nodes.size() == 1 && node(unit.nodes[0]).kind == Node::Kind::op &&
         node(unit.nodes[0]).op->name == "reshape";
}

Edge Units::root(Edge edge) const {
  for (;;) {
    const std::ptrdiff_t u = of(edge.node);
    if (u < 0 || !renames(units_[static_cast<std::size_t>(u)])) return edge;
    edge = node(edge.node).inputs[0];
  }
}

bool Units::may_fail(const Unit& unit) const {
  return std::any_of(unit.nodes.begin(), unit.nodes.end(), [&](int n) {
    switch (node(n).kind) {
      case Node::Kind::variable:
      case Node::Kind::assign:
      case Node::Kind::draw:
        return false;
      case Node::Kind::op:
        return members_[static_cast<std::size_t>(n)].checks ||
               (unit.groups.empty() && unit.plan == nullptr && !in_parts(unit));
      default:
        return true;
    }
  });
}

void Units::make() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    for (const int n : groups_[g].nodes)
      of_[static_cast<std::size_t>(n)] = static_cast<std::ptrdiff_t>(units_.size());
    units_.push_back({.nodes = groups_[g].nodes, .groups = {g}, .inputs = {}});
  }
  for (int n = 0; n < std::ssize(function_.nodes); ++n) {
    if (!runs(node(n)) || of(n) >= 0) continue;
    of_[static_cast<std::size_t>(n)] = static_cast<std::ptrdiff_t>(units_.size());
    units_.push_back({.nodes = {n}, .groups = {}, .inputs = {}, .plan = library(n)});
  }
  for (std::size_t u = 0; u < units_.size(); ++u) {
    Unit& unit = units_[u];
    for (const int n : unit.nodes) {
      for (const Edge& edge : node(n).inputs) {
        if (of(edge.node) != static_cast<std::ptrdiff_t>(u)) unit.inputs.push_back(edge);
      }
    }
  }
}

/// The plan of a library's operator whose operands need no conversion.
std::shared_ptr<const kernel::Plan> Units::library(int n) const {
  const Node& of = node(n);
  if (of.kind != Node::Kind::op || !of.op->library || of.op->composition) return nullptr;
  std::vector<Tensor> inputs;
  std::vector<Spec> specs;
  for (const Edge& edge : of.inputs) {
    if (node(edge.node).kind == Node::Kind::number || spec(edge).weak) return nullptr;
    inputs.push_back(Tensor::abstract(spec(edge).shape, spec(edge).dtype));
    specs.push_back(spec(edge));
  }
  Infer infer(*of.op, of.attributes, inputs, {});
  of.op->rule(infer);
  for (int k = 0; k < static_cast<int>(specs.size()); ++k) {
    if (infer.operand_dtype(k) != specs[static_cast<std::size_t>(k)].dtype) return nullptr;
  }
  for (const Spec& result : infer.results()) {
    if (result.start != Spec::nothing || bytes_of(result) == 0) return nullptr;
  }
  return plan_for(*of.op, of.attributes, specs, infer.results(), Device::cpu());
}

/// As early as possible in the order of the program.
void Units::sort(const Effects& effects) {
  std::vector<std::vector<std::size_t>> after(units_.size());
  std::vector<int> waits(units_.size());
  const auto depend = [&](std::ptrdiff_t before, std::ptrdiff_t later) {
    if (before < 0 || later < 0 || before == later) return;
    after[static_cast<std::size_t>(before)].push_back(static_cast<std::size_t>(later));
    ++waits[static_cast<std::size_t>(later)];
  };
  for (std::size_t u = 0; u < units_.size(); ++u) {
    for (const Edge& edge : units_[u].inputs) depend(of(edge.node), static_cast<std::ptrdiff_t>(u));
  }
  for (int n = 0; n < std::ssize(function_.nodes); ++n) {
    for (const int later : effects.later[static_cast<std::size_t>(n)]) depend(of(n), of(later));
  }
  using Entry = std::pair<int, std::size_t>;  // the unit's last node: it may not wait longer
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  const auto push = [&](std::size_t u) {
    const int last = units_[u].nodes.back();
    ready.emplace(node(last).kind == Node::Kind::variable ? -1 : last, u);
  };
  for (std::size_t u = 0; u < units_.size(); ++u) {
    if (waits[u] == 0) push(u);
  }
  while (!ready.empty()) {
    const std::size_t u = ready.top().second;
    ready.pop();
    order_.push_back(u);
    for (const std::size_t next : after[u]) {
      if (--waits[next] == 0) push(next);
    }
  }
  if (order_.size() != units_.size()) throw InternalError("trace: groups wait for one another");
}

bool Units::computes(const Group& group) const {
  return std::any_of(group.outputs.begin(), group.outputs.end(),
                     [&](const Edge& edge) { return bytes_of(spec(edge)) > 0; }) ||
         std::any_of(group.nodes.begin(), group.nodes.end(),
                     [&](int n) { return members_[static_cast<std::size_t>(n)].checks; });
}

/// Compiling takes by far the longest, so all threads compile: what takes longest first, and what
/// is compiled for another group as well last, so that no thread waits for it.
void Units::prepare() {
  std::vector<GroupKernel*> made;
  std::vector<GroupKernel*> again;
  std::set<std::array<std::uint64_t, 2>> met;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if (!computes(groups_[g])) continue;
    GroupKernel& kernel = kernels_[g];
    kernel.fused = fuse(function_, members_, groups_[g]);
    kernel.fingerprint = kernel::fingerprint(kernel.fused.program);
    (met.insert(kernel.fingerprint).second ? made : again).push_back(&kernel);
  }
  const auto size = [](const GroupKernel* kernel) {
    const kernel::Program& program = kernel->fused.program;
    return std::pair(program.folds.size(), program.exprs.size());
  };
  std::sort(made.begin(), made.end(),
            [&](const GroupKernel* a, const GroupKernel* b) { return size(a) > size(b); });
  made.insert(made.end(), again.begin(), again.end());
  const auto compile = [](GroupKernel& kernel) {
    kernel.executable = kernel::backend(Device::cpu()).prepare(kernel.fused.program);
    for (const Dim extent : kernel.fused.sizes) kernel.sizes.push_back(extent.value());
    kernel.measure = kernel.executable->measure(kernel.sizes.data());
  };
  std::atomic<std::size_t> next = 0;
  cpu::parallel_for(cpu::threads(), 1, [&](std::int64_t, std::int64_t) {
    for (std::size_t k = next++; k < made.size(); k = next++) compile(*made[k]);
  });
}

/// Units with the same pointwise kernel run together, where the first of them runs, when what
/// they need is there by then: the updates of an optimizer are one piece of work.
void Units::join() {
  find_positions();
  std::map<std::array<std::uint64_t, 2>, std::vector<std::size_t>> alike;  // units, in order
  std::vector<std::size_t> kept;
  for (const std::size_t u : order_) {
    const Unit& unit = units_[u];
    const bool joined = unit.groups.size() == 1 && !renames(unit) && joinable(unit.groups[0]) &&
                        joins(u, alike[kernels_[unit.groups[0]].fingerprint]);
    if (!joined) kept.push_back(u);
  }
  order_ = std::move(kept);
  find_positions();
}

void Units::find_positions() {
  position_.assign(units_.size(), -1);
  for (std::size_t at = 0; at < order_.size(); ++at)
    position_[order_[at]] = static_cast<std::ptrdiff_t>(at);
}

bool Units::joinable(std::size_t g) const {
  return kernels_[g].measure.points <= most_points && runs_pointwise(g);
}

/// Whether a group's kernel can run on any of its points by themselves.
bool Units::runs_pointwise(std::size_t g) const {
  const GroupKernel& kernel = kernels_[g];
  return kernel.executable != nullptr && kernel.executable->direct() != nullptr &&
         std::all_of(groups_[g].outputs.begin(), groups_[g].outputs.end(),
                     [&](const Edge& edge) { return start_of(edge) == Spec::nothing; });
}

bool Units::joins(std::size_t u, std::vector<std::size_t>& alike) {
  std::ptrdiff_t ready = 0;  // the first position at which the unit could run
  for (const Edge& edge : units_[u].inputs) {
    const std::ptrdiff_t from = of(edge.node);
    if (from >= 0) ready = std::max(ready, position_[static_cast<std::size_t>(from)] + 1);
  }
  for (const std::size_t other : alike) {
    if (position_[other] < ready) continue;
    join(u, other);
    return true;
  }
  alike.push_back(u);
  return false;
}

void Units::join(std::size_t from, std::size_t into) {
  Unit& to = units_[into];
  const Unit& of = units_[from];
  to.nodes.insert(to.nodes.end(), of.nodes.begin(), of.nodes.end());
  to.groups.insert(to.groups.end(), of.groups.begin(), of.groups.end());
  to.inputs.insert(to.inputs.end(), of.inputs.begin(), of.inputs.end());
  for (const int n : of.nodes) {  // one that costs nothing may be others' too
    std::ptrdiff_t& unit = of_[static_cast<std::size_t>(n)];
    if (unit == static_cast<std::ptrdiff_t>(from)) unit = static_cast<std::ptrdiff_t>(into);
  }
  position_[from] = position_[into];
}

/// A pointwise kernel that reads a library's result element by element runs with the library's
/// call, on each part of the result while caches hold it, when all else that it needs is there.
void Units::add_epilogues() {
  // What becomes a variable's value is written over the old one, not sooner than it has to be.
  std::set<int> updates;
  for (const Node& node : function_.nodes) {
    if (node.kind == Node::Kind::assign) updates.insert(root(node.inputs[0]).node);
  }
  const auto is_update = [&](const Unit& unit) {
    return std::any_of(unit.nodes.begin(), unit.nodes.end(),
                       [&](int n) { return updates.contains(n); });
  };
  std::vector<std::size_t> kept;
  std::map<std::ptrdiff_t, std::size_t> open;  // libraries' units without an epilogue, by position
  for (const std::size_t u : order_) {
    const Unit& unit = units_[u];
    if (unit.plan != nullptr && unit.plan->takes_epilogue()) open.emplace(position_[u], u);
    bool joined = false;
    for (std::size_t k = 0; k < unit.inputs.size() && !joined && !is_update(unit); ++k) {
      const auto library = open.find(made_at(unit.inputs[k]));
      if (library == open.end() || !can_follow(library->second, unit)) continue;
      join(u, library->second);
      open.erase(library);
      joined = true;
    }
    if (!joined) kept.push_back(u);
  }
  order_ = std::move(kept);
  find_positions();
}

bool Units::can_follow(std::size_t library, const Unit& follower) const {
  if (follower.groups.size() != 1 || follower.plan != nullptr || renames(follower)) return false;
  const std::size_t g = follower.groups[0];
  const GroupKernel& kernel = kernels_[g];
  const Edge result{units_[library].nodes[0], 0};
  if (kernel.executable == nullptr || kernel.measure.points != spec(result).shape.size().value() ||
      std::any_of(follower.inputs.begin(), follower.inputs.end(),
                  [&](const Edge& edge) { return made_at(edge) > position_[library]; }))
    return false;
  for (std::size_t k = 0; k < kernel.fused.inputs.size(); ++k) {
    if (root(kernel.fused.inputs[k]) == result && !reads_in_order(kernel.fused, k)) return false;
  }
  // Transposed operands are walked over in tiles, which parts of the result do not have.
  const kernel::Program& program = kernel.fused.program;
  return kernel::transposed_loads(program, kernel::Dependence(program)).empty() &&
         runs_pointwise(g);
}

std::ptrdiff_t Units::made_at(const Edge& edge) const {
  const std::ptrdiff_t maker = of(root(edge).node);
  return maker < 0 ? -1 : position_[static_cast<std::size_t>(maker)];
}

}  // namespace rill
