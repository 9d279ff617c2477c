#include <rill/trace/compile.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>

#include <rill/ops/materialize.h>
#include <rill/tensor/error.h>
#include <rill/trace/fusion/effects.h>
#include <rill/trace/fusion/partition.h>
#include <rill/trace/fusion/parts.h>
#include <rill/trace/fusion/reuse.h>
#include <rill/trace/fusion/separate_parts.h>
#include <rill/trace/fusion/units.h>
#include <rill/trace/fusion/updates.h>
#include <rill/trace/memory_plan.h>
#include <rill/trace/plan_results.h>
#include <rill/trace/stages.h>

namespace rill {
namespace {

std::vector<Member> members_of(const Function& function, const std::vector<bool>& in_parts) {
  std::vector<Member> members(function.nodes.size());
  for (std::size_t n = 0; n < members.size(); ++n) {
    if (!in_parts[n]) members[n] = member_of(function, static_cast<int>(n));
  }
  return members;
}

/// Which outputs of groups lie apart in the concatenation that they are operands of.
void find_parts(const Function& function, const std::vector<bool>& in_parts,
                std::vector<Group>& groups) {
  std::map<int, Group::Part> parts;  // by the operand's node, which is a copy
  for (std::size_t n = 0; n < function.nodes.size(); ++n) {
    const Node& node = function.nodes[n];
    if (!in_parts[n] || parts_are_stretches(node)) continue;
    for (int k = 0; k < std::ssize(node.inputs); ++k) {
      Shape first(std::vector<Dim>(static_cast<std::size_t>(node.results[0].shape.rank()), 0));
      first[concatenated_axis(node)] = first_of_part(function, node, k);
      const Edge& part = node.inputs[static_cast<std::size_t>(k)];
      parts[part.node] = {part, {static_cast<int>(n), 0}, first};
    }
  }
  for (Group& group : groups) {
    for (const Edge& output : group.outputs) {
      const auto found = parts.find(output.node);
      if (found != parts.end()) group.parts.push_back(found->second);
    }
  }
}

/// Gives every value a place, and writes down the steps.
class Compilation {
 public:
  Compilation(TracePlan& to, const Units& units, const Updates& updates)
      : to_(to),
        function_(*to.function),
        units_(units),
        updates_(updates),
        reuse_(*to.function, to.groups, units) {}

  void run(const StageLimits& limits) {
    place_constants();
    find_places_of_their_own();
    place_values();
    for (const std::size_t u : units_.order()) make_step(units_.all()[u]);
    find_stages(to_, accesses_, limits);
    place_arena();
  }

 private:
  /// Where a value is in another one, of which it is a part: in bytes; 0 where it lies apart.
  struct Part {
    Edge whole;
    std::size_t offset;
  };

  static std::pair<int, int> key(const Edge& edge) { return {edge.node, edge.result}; }
  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const { return to_.spec(edge); }

  // ---- Places ---------------------------------------------------------------------------------

  std::size_t new_place(const Place& place) {
    to_.places.push_back(place);
    return to_.places.size() - 1;
  }
  void set_place(const Edge& edge, std::size_t place) {
    to_.place_of[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)] =
        static_cast<std::ptrdiff_t>(place);
  }
  [[nodiscard]] std::ptrdiff_t place_of(const Edge& edge) const {
    return to_.place_of[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)];
  }
  [[nodiscard]] std::size_t place(const Edge& edge) const {
    const std::ptrdiff_t at = place_of(edge);
    if (at < 0) throw InternalError("trace: a value has no place");
    return static_cast<std::size_t>(at);
  }

  void place_constants() {
    to_.place_of.resize(function_.nodes.size());
    for (std::size_t n = 0; n < function_.nodes.size(); ++n)
      to_.place_of[n].assign(function_.nodes[n].results.size(), -1);
    for (std::size_t i = 0; i < function_.inputs.size(); ++i)
      set_place({function_.inputs[i], 0}, new_place({.kind = Place::Kind::argument, .number = i}));
    for (int n = 0; n < std::ssize(function_.nodes); ++n) {
      // Numbers too: where an operator wants memory, they have some.
      const Node::Kind kind = node(n).kind;
      if (kind != Node::Kind::constant && kind != Node::Kind::number) continue;
      set_place({n, 0}, new_place({.kind = Place::Kind::constant, .number = to_.constants.size()}));
      const Tensor& value = node(n).value;
      to_.constants.push_back(kind == Node::Kind::number ? value
                                                         : materialized(value, value.dtype()));
    }
  }

  /// What is a tensor, and what is a part of another value. A concatenation whose operands turn out
  /// not to be parts runs as it does eagerly; then they are tensors, which others may not want.
  void find_places_of_their_own() {
    for (bool settled = false; !settled;) {
      settled = true;
      find_owned();
      parts_.clear();
      for (const Unit& unit : units_.all()) {
        if (!is_whole(unit) || find_parts_of(unit)) continue;
        eager_.insert(unit.nodes[0]);
        settled = false;
      }
    }
  }

  /// A concatenation that is there once its parts are.
  [[nodiscard]] bool is_whole(const Unit& unit) const {
    return units_.in_parts(unit) && !eager_.contains(unit.nodes[0]);
  }

  bool find_parts_of(const Unit& unit) {
    const int n = unit.nodes[0];
    const Node& whole = node(n);
    for (int k = 0; k < std::ssize(whole.inputs); ++k) {
      const Edge of = units_.root(whole.inputs[static_cast<std::size_t>(k)]);
      const Part part{{n, 0},
                      parts_are_stretches(whole)
                          ? static_cast<std::size_t>(
                                (first_of_part(function_, whole, k) * inner_size(whole)).value()) *
                                size_of(whole.results[0].dtype)
                          : 0};
      const std::ptrdiff_t maker = units_.of(of.node);
      if (maker < 0 || owned_.contains(key(of)) || updates_.in_place.contains(key(of)) ||
          !parts_.try_emplace(key(of), part).second)
        return false;
      const Unit& made_by = units_.all()[static_cast<std::size_t>(maker)];
      if (made_by.groups.empty() && made_by.plan == nullptr && !is_whole(made_by)) return false;
    }
    return true;
  }
  /// Elements of one step along the axis of a concatenation.
  static Dim inner_size(const Node& concatenation) {
    const Shape& shape = concatenation.results[0].shape;
    Dim size = 1;
    for (int d = concatenated_axis(concatenation) + 1; d < shape.rank(); ++d)
      size = size * shape[d];
    return size;
  }

  /// Tensors: what leaves the run, and what nodes that run as they do eagerly read or make.
  void find_owned() {
    const auto own = [&](const Edge& edge) {
      const Edge of = units_.root(edge);
      owned_[{of.node, of.result}] = true;
    };
    for (const Function::Output& output : function_.outputs) own(output.edge);
    for (const Unit& unit : units_.all()) {
      if (!unit.groups.empty() || unit.plan != nullptr || is_whole(unit)) continue;
      if (node(unit.nodes[0]).kind == Node::Kind::assign) {
        for (const Edge& edge : unit.inputs) {
          const Edge of = units_.root(edge);
          if (!updates_.in_place.contains({of.node, of.result})) own(edge);
        }
        continue;
      }
      for (const Edge& edge : unit.inputs) own(edge);
      for (int k = 0; k < static_cast<int>(node(unit.nodes[0]).results.size()); ++k)
        own({unit.nodes[0], k});
    }
  }

  void place_values() {
    for (const std::size_t u : units_.order()) {
      const Unit& unit = units_.all()[u];
      if (units_.renames(unit)) {
        set_place({unit.nodes[0], 0}, place(node(unit.nodes[0]).inputs[0]));
        continue;
      }
      for (const Edge& edge : made_by(unit)) place_value(edge, unit);
    }
  }
  [[nodiscard]] std::vector<Edge> made_by(const Unit& unit) const {
    std::vector<Edge> made;
    if (unit.groups.empty() || unit.plan != nullptr) {
      for (int k = 0; k < static_cast<int>(node(unit.nodes[0]).results.size()); ++k)
        made.push_back({unit.nodes[0], k});
    }
    for (const std::size_t g : unit.groups) {
      const auto& outputs = to_.groups[g].outputs;
      made.insert(made.end(), outputs.begin(), outputs.end());
    }
    return made;
  }
  void place_value(const Edge& edge, const Unit& unit) {
    if (place_of(edge) >= 0) return;  // as soon as its first part was
    const auto part = parts_.find(key(edge));
    if (part != parts_.end()) return place_part(edge, part->second, unit);
    const auto over = updates_.in_place.find({edge.node, edge.result});
    if (over != updates_.in_place.end()) {
      set_place(edge, place_of_variable(over->second));
    } else if (is_steady(edge.node)) {
      set_place(edge, place_of_variable(updates_.number(node(edge.node))));
    } else if (owned_.contains({edge.node, edge.result})) {
      set_place(edge, new_place({.kind = Place::Kind::owned, .number = to_.owned.size()}));
      to_.owned.push_back(spec(edge));
    } else if (const std::optional<Edge> under = operand_under(edge, unit)) {
      set_place(edge, place(*under));
      written_over_.insert(key(*under));
    } else {
      set_place(edge, place_in_arena(bytes_of(spec(edge))));
    }
  }

  /// One for all that read and write it.
  std::size_t place_of_variable(std::size_t number) {
    const auto [found, added] = variables_.try_emplace(number, to_.places.size());
    if (added) (void)new_place({.kind = Place::Kind::variable, .number = number});
    return found->second;
  }

  /// An operand that the value takes the memory of: in the arena, and to itself.
  [[nodiscard]] std::optional<Edge> operand_under(const Edge& edge, const Unit& unit) const {
    for (const Edge& under : reuse_.operands_under(edge, unit)) {
      if (place_of(under) < 0 || to_.places[place(under)].kind != Place::Kind::arena) continue;
      const auto maker = static_cast<std::size_t>(units_.of(under.node));
      if (!parts_.contains(key(under)) && !is_whole(units_.all()[maker]) &&
          !written_over_.contains(key(under)))
        return under;
    }
    return std::nullopt;
  }

  void place_part(const Edge& edge, const Part& part, const Unit& unit) {
    place_value(part.whole, unit);
    const std::size_t whole = place(part.whole);
    // Copies whose elements lie apart know where in the whole they are.
    if (!parts_are_stretches(node(part.whole.node))) return set_place(edge, whole);
    set_place(edge, new_place({.kind = Place::Kind::part, .number = whole, .offset = part.offset}));
  }

  /// The value of a variable that stays where it is during a run.
  [[nodiscard]] bool is_steady(int n) const {
    if (node(n).kind != Node::Kind::variable) return false;
    const VariableUse& use = to_.variables[updates_.number(node(n))];
    return !use.assigned || use.in_place;
  }

  std::size_t place_in_arena(std::size_t bytes) {
    const std::size_t place = new_place({.kind = Place::Kind::arena});
    arena_[place] = {.bytes = bytes, .first = std::numeric_limits<int>::max(), .last = -1};
    return place;
  }

  /// A stage is one moment: its steps share no memory.
  void find_lifetimes() {
    int moment = 0;
    auto stage = to_.stages.begin();
    for (std::size_t s = 0; s < accesses_.size(); ++s, ++moment) {
      if (stage != to_.stages.end() && s == stage->first + stage->steps) ++stage;
      if (stage != to_.stages.end() && s > stage->first) --moment;
      for (const auto* extents : {&accesses_[s].reads, &accesses_[s].writes}) {
        for (const Access::Extent& extent : *extents) {
          const auto found = arena_.find(extent.place);
          if (found == arena_.end()) continue;
          found->second.first = std::min(found->second.first, moment);
          found->second.last = moment;
        }
      }
    }
  }

  void place_arena() {
    find_lifetimes();
    std::vector<Lifetime> lifetimes;
    for (const auto& [place, lifetime] : arena_) lifetimes.push_back(lifetime);
    const MemoryPlan plan = plan_memory(lifetimes);
    std::size_t i = 0;
    for (const auto& [place, lifetime] : arena_) to_.places[place].offset = plan.offsets[i++];
    to_.arena = plan.bytes;
    for (Place& place : to_.places) {
      // Wholes stand before their parts.
      if (place.kind != Place::Kind::part) continue;
      const Place& whole = to_.places[place.number];
      if (whole.kind == Place::Kind::arena)
        place = {.kind = Place::Kind::arena, .number = 0, .offset = whole.offset + place.offset};
    }
  }

  // ---- Steps ----------------------------------------------------------------------------------

  void make_step(const Unit& unit) {
    if (units_.renames(unit) || is_whole(unit)) return;
    Access access = access_of(unit);
    if (!unit.groups.empty() && unit.plan == nullptr) {
      if (KernelStep step = kernel_step(unit); step.executable != nullptr)
        to_.steps.emplace_back(std::move(step));
    } else {
      make_other(unit, access);
    }
    if (to_.steps.size() > accesses_.size()) accesses_.push_back(std::move(access));
  }

  [[nodiscard]] Access access_of(const Unit& unit) const {
    Access access{.reads = {},
                  .writes = {},
                  .stays = (unit.groups.empty() && unit.plan == nullptr) || units_.may_fail(unit)};
    for (const Edge& edge : unit.inputs) {
      if (place_of(edge) >= 0) access.reads.push_back(extent_of(edge));
    }
    for (const Edge& edge : made_by(unit)) access.writes.push_back(extent_of(edge));
    return access;
  }
  [[nodiscard]] Access::Extent extent_of(const Edge& edge) const {
    std::size_t whole = place(edge);
    if (to_.places[whole].kind != Place::Kind::part) return {.place = whole};
    std::size_t begin = 0;
    for (; to_.places[whole].kind == Place::Kind::part; whole = to_.places[whole].number)
      begin += to_.places[whole].offset;  // a part may have parts
    return {.place = whole, .begin = begin, .end = begin + bytes_of(spec(edge))};
  }

  void make_other(const Unit& unit, Access& access) {
    const int n = unit.nodes[0];
    if (unit.plan != nullptr) {
      LibraryStep step{.plan = unit.plan, .node = n, .inputs = {}, .outputs = {}, .workspace = 0};
      for (const Edge& edge : node(n).inputs) step.inputs.push_back(place(edge));
      for (int k = 0; k < static_cast<int>(node(n).results.size()); ++k)
        step.outputs.push_back(place({n, k}));
      step.workspace = place_in_arena(unit.plan->workspace());
      access.writes.push_back({.place = step.workspace});
      if (!unit.groups.empty()) {
        step.epilogue = kernel_step(unit);
        step.needed = owned_.contains({n, 0}) || !reuse_.is_last_reader(unit, {n, 0});
      }
      to_.steps.emplace_back(std::move(step));
    } else if (node(n).kind == Node::Kind::variable) {
      if (!is_steady(n)) to_.steps.emplace_back(ReadStep{updates_.number(node(n)), place({n, 0})});
    } else if (node(n).kind == Node::Kind::assign) {
      to_.steps.emplace_back(AssignStep{updates_.number(node(n)), place(node(n).inputs[0]), n});
    } else {
      to_.steps.emplace_back(NodeStep{n});
    }
  }

  [[nodiscard]] KernelStep kernel_step(const Unit& unit) {
    KernelStep step;
    for (const std::size_t g : unit.groups) {
      if (units_.kernel(g).executable == nullptr) continue;
      step.executable = units_.kernel(g).executable;
      step.launches.push_back(launch(g));
    }
    return step;
  }

  [[nodiscard]] Launch launch(std::size_t g) {
    const Group& group = to_.groups[g];
    const GroupKernel& of = units_.kernel(g);
    Launch made{.buffers = {},
                .sizes = of.sizes,
                .parameters = {},
                .measure = of.measure,
                .starts = {},
                .group = g};
    for (const FusedKernel::Buffer& buffer : of.fused.buffers) {
      const Edge& edge = buffer.output ? group.outputs[buffer.edge] : of.fused.inputs[buffer.edge];
      made.buffers.push_back(
          {place(edge),
           static_cast<std::ptrdiff_t>(buffer.offset.value() *
                                       static_cast<std::int64_t>(size_of(spec(edge).dtype)))});
    }
    add_parameters(made, of.fused);
    for (const Edge& edge : group.outputs) {
      const int start = units_.start_of(edge);
      if (start == Spec::nothing) continue;
      made.starts.push_back(
          {.place = place(edge),
           .bytes = bytes_of(spec(edge)),
           .from = start == Spec::zeros
                       ? -1
                       : static_cast<std::ptrdiff_t>(
                             place(node(edge.node).inputs[static_cast<std::size_t>(start)]))});
    }
    return made;
  }

  void add_parameters(Launch& launch, const FusedKernel& fused) {
    const std::size_t begin = to_.given.values.size();
    for (const auto& [edge, dtype] : fused.parameters) {
      const Tensor& value = node(edge.node).value;
      if (!value.defined()) {  // an argument
        const auto argument = static_cast<std::size_t>(
            std::find(function_.inputs.begin(), function_.inputs.end(), edge.node) -
            function_.inputs.begin());
        to_.given.numbers.push_back({begin + launch.parameters.size(), argument, dtype});
        launch.given = static_cast<std::ptrdiff_t>(begin);
      }
      launch.parameters.push_back(value.defined() ? value.body().scalar.bits(dtype) : 0);
    }
    if (launch.given >= 0)
      to_.given.values.insert(to_.given.values.end(), launch.parameters.begin(),
                              launch.parameters.end());
  }

  TracePlan& to_;
  const Function& function_;
  const Units& units_;
  const Updates& updates_;
  const Reuse reuse_;
  std::set<int> eager_;  // concatenations that cannot be made in parts after all
  std::map<std::pair<int, int>, Part> parts_;     // by the edge that is a part
  std::map<std::pair<int, int>, bool> owned_;     // edges that are tensors of their own
  std::set<std::pair<int, int>> written_over_;    // edges
  std::map<std::size_t, std::size_t> variables_;  // places, by number
  std::map<std::size_t, Lifetime> arena_;         // by place
  std::vector<Access> accesses_;                  // by step
};

}  // namespace

TracePlan compile(const std::shared_ptr<const Function>& function, const Function& record,
                  const StageLimits& limits) {
  TracePlan plan;
  plan.function = std::make_shared<const Function>(separate_parts(*function));
  const Function& of = *plan.function;
  const std::vector<bool> in_parts = made_in_parts(of);
  const std::vector<Member> members = members_of(of, in_parts);
  const Effects effects = effects_of(of, members);
  plan.groups = partition(of, members, effects);
  find_parts(of, in_parts, plan.groups);
  const Units units(of, members, plan.groups, effects, in_parts);
  const Updates updates = updates_of(of, plan.groups, units);
  plan.variables = updates.variables;
  Compilation(plan, units, updates).run(limits);
  plan.results = plan_results(plan, record);
  return plan;
}

}  // namespace rill
