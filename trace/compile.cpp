#include <rill/trace/compile.h>

#include <algorithm>
#include <array>
#include <map>
#include <queue>
#include <set>
#include <span>

#include <rill/ops/materialize.h>
#include <rill/ops/plans.h>
#include <rill/tensor/error.h>
#include <rill/trace/fusion/effects.h>
#include <rill/trace/fusion/in_place.h>
#include <rill/trace/fusion/partition.h>
#include <rill/trace/memory_plan.h>

namespace rill {
namespace {

constexpr std::int64_t most_points = std::int64_t{1} << 18;  // of a kernel that runs beside others

std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.size().value()) * size_of(spec.dtype);
}

/// What runs: what results need, and what has an effect or may fail.
std::vector<bool> needed_nodes(const Function& function, std::span<const Member> members) {
  std::vector<bool> needed(function.nodes.size());
  for (const Function::Output& output : function.outputs)
    needed[static_cast<std::size_t>(output.edge.node)] = true;
  for (std::size_t n = function.nodes.size(); n-- > 0;) {
    const Node& node = function.nodes[n];
    const bool effect = node.kind == Node::Kind::assign || node.kind == Node::Kind::draw ||
                        node.kind == Node::Kind::check;
    needed[n] = needed[n] || effect || members[n].checks;
    if (!needed[n]) continue;
    for (const Edge& edge : node.inputs) needed[static_cast<std::size_t>(edge.node)] = true;
  }
  return needed;
}

class Compilation {
 public:
  explicit Compilation(TracePlan& to) : to_(to), function_(*to.function) {}

  void run() {
    for (int n = 0; n < std::ssize(function_.nodes); ++n)
      members_.push_back(member_of(function_, n));
    needed_ = needed_nodes(function_, members_);
    effects_ = effects_of(function_, members_, needed_);
    to_.groups = partition(function_, members_, needed_, effects_);
    make_units();
    sort_units();
    join_units();
    plan_variables();
    place_values();
    for (const std::size_t unit : order_) make_step(units_[unit]);
    place_arena();
  }

 private:
  /// What runs at once: a group, or a node that is in none.
  struct Unit {
    std::vector<int> nodes;
    std::vector<std::size_t> groups;  // several: with the same kernel
    std::vector<Edge> inputs;
    std::shared_ptr<const kernel::Plan> plan = nullptr;  // of a library's operator
  };
  /// A group's kernel; none for a group that has nothing to compute.
  struct Prepared {
    FusedKernel fused;
    std::array<std::uint64_t, 2> fingerprint{};
    std::shared_ptr<const kernel::Executable> executable;
    kernel::Measure measure;
    std::vector<std::int64_t> sizes;
  };

  [[nodiscard]] const Node& node(int n) const {
    return function_.nodes[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)];
  }

  [[nodiscard]] int start_of(const Edge& edge) const {
    return members_[static_cast<std::size_t>(edge.node)]
        .starts[static_cast<std::size_t>(edge.result)];
  }

  /// A group that only reshapes moves nothing: its result is its input's memory.
  [[nodiscard]] bool renames(const Unit& unit) const {
    return unit.nodes.size() == 1 && node(unit.nodes[0]).kind == Node::Kind::op &&
           node(unit.nodes[0]).op->name == "reshape";
  }

  void make_units() {
    unit_of_.assign(function_.nodes.size(), -1);
    for (std::size_t g = 0; g < to_.groups.size(); ++g) {
      const Group& group = to_.groups[g];
      for (const int n : group.nodes)
        unit_of_[static_cast<std::size_t>(n)] = static_cast<std::ptrdiff_t>(units_.size());
      units_.push_back({.nodes = group.nodes, .groups = {g}, .inputs = {}});
    }
    for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
      const Node::Kind kind = function_.nodes[n].kind;
      const bool runs =
          kind != Node::Kind::input && kind != Node::Kind::constant && kind != Node::Kind::number;
      if (!needed_[n] || !runs || unit_of_[n] >= 0) continue;
      unit_of_[n] = static_cast<std::ptrdiff_t>(units_.size());
      units_.push_back({.nodes = {static_cast<int>(n)},
                        .groups = {},
                        .inputs = {},
                        .plan = library(static_cast<int>(n))});
    }
    for (std::size_t u = 0; u < units_.size(); ++u) {
      Unit& unit = units_[u];
      for (const int n : unit.nodes) {
        for (const Edge& edge : node(n).inputs) {
          if (unit_of_[static_cast<std::size_t>(edge.node)] != static_cast<std::ptrdiff_t>(u))
            unit.inputs.push_back(edge);
        }
      }
    }
  }

  /// As early as possible in the order of the program.
  void sort_units() {
    std::vector<std::vector<std::size_t>> after(units_.size());
    std::vector<int> waits(units_.size());
    const auto depend = [&](std::ptrdiff_t before, std::ptrdiff_t later) {
      if (before < 0 || later < 0 || before == later) return;
      after[static_cast<std::size_t>(before)].push_back(static_cast<std::size_t>(later));
      ++waits[static_cast<std::size_t>(later)];
    };
    for (std::size_t u = 0; u < units_.size(); ++u) {
      for (const Edge& edge : units_[u].inputs)
        depend(unit_of_[static_cast<std::size_t>(edge.node)], static_cast<std::ptrdiff_t>(u));
    }
    for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
      for (const int later : effects_.later[n])
        depend(unit_of_[n], unit_of_[static_cast<std::size_t>(later)]);
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

  // ---- Variables ------------------------------------------------------------------------------

  [[nodiscard]] bool runs(int n) const { return needed_[static_cast<std::size_t>(n)]; }
  [[nodiscard]] std::size_t variable_number(int n) const {
    const std::uint64_t id = node(n).variable.id();
    return static_cast<std::size_t>(
        std::lower_bound(to_.variables.begin(), to_.variables.end(), id,
                         [](const VariableUse& use, std::uint64_t wanted) {
                           return use.variable.id() < wanted;
                         }) -
        to_.variables.begin());
  }

  /// Which variables there are, and which of them are updated where they are.
  void plan_variables() {
    std::map<std::uint64_t, VariableUse> uses;
    std::map<std::uint64_t, std::vector<int>> assigns;
    for (int n = 0; n < std::ssize(function_.nodes); ++n) {
      const bool assigned = node(n).kind == Node::Kind::assign;
      if (!runs(n) || (!assigned && node(n).kind != Node::Kind::variable)) continue;
      VariableUse& use = uses[node(n).variable.id()];
      use.variable = node(n).variable;
      use.assigned = use.assigned || assigned;
      (assigned ? assigns : reads_)[use.variable.id()].push_back(n);
    }
    for (auto& [id, use] : uses) to_.variables.push_back(std::move(use));
    position_.assign(units_.size(), -1);
    for (std::size_t at = 0; at < order_.size(); ++at)
      position_[order_[at]] = static_cast<std::ptrdiff_t>(at);
    find_readers();
    for (const auto& [id, nodes] : assigns) {
      if (nodes.size() != 1 || !updates_in_place(nodes[0])) continue;
      to_.variables[variable_number(nodes[0])].in_place = true;
      in_place_[{node(nodes[0]).inputs[0].node, node(nodes[0]).inputs[0].result}] =
          variable_number(nodes[0]);
    }
  }

  /// The last unit that reads each value, under whatever shape; results are read for ever.
  void find_readers() {
    for (const std::size_t u : order_) {
      if (renames(units_[u])) continue;
      for (const Edge& edge : units_[u].inputs) {
        const Edge of = root(edge);
        readers_[{of.node, of.result}].push_back(u);
      }
    }
    for (const Function::Output& output : function_.outputs) {
      const Edge of = root(output.edge);
      kept_.insert({of.node, of.result});
    }
  }

  /// The kernel that makes the new value may write it over the old one: nobody reads that later,
  /// nothing fails between the kernel and the assignment.
  [[nodiscard]] bool updates_in_place(int assign) const {
    const Edge& value = node(assign).inputs[0];
    const std::ptrdiff_t maker = unit_of_[static_cast<std::size_t>(value.node)];
    if (maker < 0 || kept_.contains({value.node, value.result}) ||
        in_place_.contains({value.node, value.result}))
      return false;
    const Unit& unit = units_[static_cast<std::size_t>(maker)];
    const std::size_t g = group_of(unit, value);
    if (g == to_.groups.size() || prepared_[g].executable == nullptr ||
        start_of(value) != Spec::nothing || may_fail(unit))
      return false;
    const std::ptrdiff_t made = position_[static_cast<std::size_t>(maker)];
    const std::ptrdiff_t assigned =
        position_[static_cast<std::size_t>(unit_of_[static_cast<std::size_t>(assign)])];
    for (std::ptrdiff_t at = made + 1; at < assigned; ++at) {
      if (may_fail(units_[order_[static_cast<std::size_t>(at)]])) return false;
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
        if (position_[reader] < position_[maker]) continue;
        if (reader != maker || !reads_as_it_writes(g, {n, 0}, value)) return false;
      }
    }
    return true;
  }
  /// Of the groups of a unit, only `g` reads the old value, and only where it writes the new one.
  [[nodiscard]] bool reads_as_it_writes(std::size_t g, const Edge& old, const Edge& value) const {
    const Group& group = to_.groups[g];
    for (const std::size_t other :
         units_[static_cast<std::size_t>(unit_of_[static_cast<std::size_t>(value.node)])].groups) {
      const auto& inputs = prepared_[other].fused.inputs;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        const Edge of = root(inputs[k]);
        if (!(of == old)) continue;
        const auto output = static_cast<std::size_t>(
            std::find(group.outputs.begin(), group.outputs.end(), value) - group.outputs.begin());
        if (other != g || !(inputs[k] == old) || !writes_over(prepared_[g].fused, k, output))
          return false;
      }
    }
    return true;
  }
  /// The group of the unit that makes a value; the number of groups where none does.
  [[nodiscard]] std::size_t group_of(const Unit& unit, const Edge& value) const {
    for (const std::size_t g : unit.groups) {
      const auto& outputs = to_.groups[g].outputs;
      if (std::find(outputs.begin(), outputs.end(), value) != outputs.end()) return g;
    }
    return to_.groups.size();
  }
  [[nodiscard]] bool may_fail(const Unit& unit) const {
    return std::any_of(unit.nodes.begin(), unit.nodes.end(), [&](int n) {
      switch (node(n).kind) {
        case Node::Kind::variable:
        case Node::Kind::assign:
        case Node::Kind::draw:
          return false;
        case Node::Kind::op:
          return members_[static_cast<std::size_t>(n)].checks ||
                 (unit.groups.empty() && unit.plan == nullptr);
        default:
          return true;
      }
    });
  }

  // ---- Places ---------------------------------------------------------------------------------

  std::size_t new_place(const Place& place) {
    to_.places.push_back(place);
    return to_.places.size() - 1;
  }
  void set_place(const Edge& edge, std::size_t place) {
    to_.place_of[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)] =
        static_cast<std::ptrdiff_t>(place);
  }
  [[nodiscard]] std::size_t place(const Edge& edge) const {
    const std::ptrdiff_t at =
        to_.place_of[static_cast<std::size_t>(edge.node)][static_cast<std::size_t>(edge.result)];
    if (at < 0) throw InternalError("trace: a value has no place");
    return static_cast<std::size_t>(at);
  }

  /// The edge whose memory an edge is.
  [[nodiscard]] Edge root(Edge edge) const {
    for (;;) {
      const std::ptrdiff_t u = unit_of_[static_cast<std::size_t>(edge.node)];
      if (u < 0 || !renames(units_[static_cast<std::size_t>(u)])) return edge;
      edge = node(edge.node).inputs[0];
    }
  }

  void place_values() {
    to_.place_of.resize(function_.nodes.size());
    for (std::size_t n = 0; n < function_.nodes.size(); ++n)
      to_.place_of[n].assign(function_.nodes[n].results.size(), -1);
    for (std::size_t i = 0; i < function_.inputs.size(); ++i)
      set_place({function_.inputs[i], 0}, new_place({.kind = Place::Kind::argument, .number = i}));
    for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
      if (!needed_[n] || function_.nodes[n].kind != Node::Kind::constant) continue;
      set_place({static_cast<int>(n), 0},
                new_place({.kind = Place::Kind::constant, .number = to_.constants.size()}));
      to_.constants.push_back(
          materialized(function_.nodes[n].value, function_.nodes[n].value.dtype()));
    }
    for (std::size_t n = 0; n < function_.nodes.size(); ++n) {
      if (needed_[n] && function_.nodes[n].kind == Node::Kind::number) {
        // Where an operator wants memory, the number has some.
        set_place({static_cast<int>(n), 0},
                  new_place({.kind = Place::Kind::constant, .number = to_.constants.size()}));
        to_.constants.push_back(function_.nodes[n].value);
      }
    }
    // Tensors: what leaves the run, and what nodes that run as they do eagerly read or make.
    std::map<std::pair<int, int>, bool> owned;
    const auto own = [&](const Edge& edge) {
      const Edge of = root(edge);
      owned[{of.node, of.result}] = true;
    };
    for (const Function::Output& output : function_.outputs) own(output.edge);
    for (const Unit& unit : units_) {
      if (!unit.groups.empty() || unit.plan != nullptr) continue;
      if (node(unit.nodes[0]).kind == Node::Kind::assign) {
        for (const Edge& edge : unit.inputs) {
          const Edge of = root(edge);
          if (!in_place_.contains({of.node, of.result})) own(edge);
        }
        continue;
      }
      for (const Edge& edge : unit.inputs) own(edge);
      for (int k = 0; k < static_cast<int>(node(unit.nodes[0]).results.size()); ++k)
        own({unit.nodes[0], k});
    }
    for (std::size_t at = 0; at < order_.size(); ++at) {
      const Unit& unit = units_[order_[at]];
      if (renames(unit)) {
        set_place({unit.nodes[0], 0}, place(node(unit.nodes[0]).inputs[0]));
        continue;
      }
      std::vector<Edge> made;
      if (!unit.groups.empty()) {
        for (const std::size_t g : unit.groups) {
          const auto& outputs = to_.groups[g].outputs;
          made.insert(made.end(), outputs.begin(), outputs.end());
        }
      } else {
        for (int k = 0; k < static_cast<int>(node(unit.nodes[0]).results.size()); ++k)
          made.push_back({unit.nodes[0], k});
      }
      for (const Edge& edge : made) {
        if (const auto over = in_place_.find({edge.node, edge.result}); over != in_place_.end()) {
          set_place(edge, new_place({.kind = Place::Kind::variable, .number = over->second}));
        } else if (is_steady(edge.node)) {
          set_place(edge, new_place({.kind = Place::Kind::variable,
                                     .number = variable_number(edge.node)}));
        } else if (owned.contains({edge.node, edge.result})) {
          set_place(edge, new_place({.kind = Place::Kind::owned, .number = to_.owned.size()}));
          to_.owned.push_back(spec(edge));
        } else {
          live(edge, new_place({.kind = Place::Kind::arena}), bytes_of(spec(edge)),
               static_cast<int>(at));
        }
      }
      for (const Edge& edge : unit.inputs) {
        const Edge of = root(edge);
        if (const auto found = alive_.find({of.node, of.result}); found != alive_.end())
          lifetimes_[found->second].last = static_cast<int>(at);
      }
    }
  }

  /// The value of a variable that stays where it is during a run.
  [[nodiscard]] bool is_steady(int n) const {
    if (node(n).kind != Node::Kind::variable) return false;
    const VariableUse& use = to_.variables[variable_number(n)];
    return !use.assigned || use.in_place;
  }

  void live(const Edge& edge, std::size_t place, std::size_t bytes, int at) {
    set_place(edge, place);
    alive_[{edge.node, edge.result}] = lifetimes_.size();
    lifetimes_.push_back({.bytes = bytes, .first = at, .last = at});
    arena_places_.push_back(place);
  }

  void place_arena() {
    const MemoryPlan plan = plan_memory(lifetimes_);
    for (std::size_t i = 0; i < arena_places_.size(); ++i)
      to_.places[arena_places_[i]].offset = plan.offsets[i];
    to_.arena = plan.bytes;
  }

  // ---- Steps ----------------------------------------------------------------------------------

  /// The plan of a library's operator whose operands need no conversion.
  [[nodiscard]] std::shared_ptr<const kernel::Plan> library(int n) const {
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

  void make_step(const Unit& unit) {
    if (renames(unit)) return;
    if (!unit.groups.empty()) return make_kernel(unit);
    if (const auto& plan = unit.plan) {
      LibraryStep step{
          .plan = plan, .node = unit.nodes[0], .inputs = {}, .outputs = {}, .workspace = 0};
      for (const Edge& edge : node(unit.nodes[0]).inputs) step.inputs.push_back(place(edge));
      for (int k = 0; k < static_cast<int>(node(unit.nodes[0]).results.size()); ++k)
        step.outputs.push_back(place({unit.nodes[0], k}));
      step.workspace = new_place({.kind = Place::Kind::arena});
      const auto at = static_cast<int>(
          std::find(order_.begin(), order_.end(), static_cast<std::size_t>(&unit - units_.data())) -
          order_.begin());
      arena_places_.push_back(step.workspace);
      lifetimes_.push_back({.bytes = plan->workspace(), .first = at, .last = at});
      to_.steps.emplace_back(std::move(step));
      return;
    }
    const int n = unit.nodes[0];
    if (node(n).kind == Node::Kind::variable) {
      if (!is_steady(n)) to_.steps.emplace_back(ReadStep{variable_number(n), place({n, 0})});
    } else if (node(n).kind == Node::Kind::assign) {
      to_.steps.emplace_back(AssignStep{variable_number(n), place(node(n).inputs[0]), n});
    } else {
      to_.steps.emplace_back(NodeStep{n});
    }
  }

  void prepare(std::size_t g) {
    const Group& group = to_.groups[g];
    if (std::all_of(group.outputs.begin(), group.outputs.end(),
                    [&](const Edge& edge) { return bytes_of(spec(edge)) == 0; }) &&
        std::none_of(group.nodes.begin(), group.nodes.end(),
                     [&](int n) { return members_[static_cast<std::size_t>(n)].checks; }))
      return;
    Prepared& made = prepared_[g];
    made.fused = fuse(function_, members_, group);
    made.fingerprint = kernel::fingerprint(made.fused.program);
    made.executable = kernel::backend(Device::cpu()).prepare(made.fused.program);
    for (const Dim size : made.fused.sizes) made.sizes.push_back(size.value());
    made.measure = made.executable->measure(made.sizes.data());
  }

  /// Units with the same pointwise kernel run together, where the first of them runs, when what
  /// they need is there by then: the updates of an optimizer are one piece of work.
  void join_units() {
    prepared_.resize(to_.groups.size());
    for (std::size_t g = 0; g < to_.groups.size(); ++g) prepare(g);
    std::vector<std::size_t> position(units_.size());
    for (std::size_t at = 0; at < order_.size(); ++at) position[order_[at]] = at;
    std::map<std::array<std::uint64_t, 2>, std::vector<std::size_t>> alike;  // units, in order
    std::vector<std::size_t> kept;
    for (const std::size_t u : order_) {
      Unit& unit = units_[u];
      const bool joins = unit.groups.size() == 1 && !renames(unit) && joinable(unit.groups[0]) &&
                         join(u, alike[prepared_[unit.groups[0]].fingerprint], position);
      if (!joins) kept.push_back(u);
    }
    order_ = std::move(kept);
  }
  [[nodiscard]] bool joinable(std::size_t g) const {
    const Prepared& of = prepared_[g];
    return of.executable != nullptr && of.executable->direct() != nullptr &&
           of.measure.points <= most_points &&
           std::all_of(to_.groups[g].outputs.begin(), to_.groups[g].outputs.end(),
                       [&](const Edge& edge) { return start_of(edge) == Spec::nothing; });
  }
  bool join(std::size_t u, std::vector<std::size_t>& alike, std::vector<std::size_t>& position) {
    std::size_t ready = 0;  // the first position at which the unit could run
    for (const Edge& edge : units_[u].inputs) {
      const std::ptrdiff_t from = unit_of_[static_cast<std::size_t>(edge.node)];
      if (from >= 0) ready = std::max(ready, position[static_cast<std::size_t>(from)] + 1);
    }
    for (const std::size_t other : alike) {
      if (position[other] < ready) continue;
      Unit& into = units_[other];
      const Unit& from = units_[u];
      into.nodes.insert(into.nodes.end(), from.nodes.begin(), from.nodes.end());
      into.groups.insert(into.groups.end(), from.groups.begin(), from.groups.end());
      into.inputs.insert(into.inputs.end(), from.inputs.begin(), from.inputs.end());
      for (const int n : from.nodes)
        unit_of_[static_cast<std::size_t>(n)] = static_cast<std::ptrdiff_t>(other);
      position[u] = position[other];
      return true;
    }
    alike.push_back(u);
    return false;
  }

  void make_kernel(const Unit& unit) {
    KernelStep step;
    for (const std::size_t g : unit.groups) {
      if (prepared_[g].executable == nullptr) continue;
      step.executable = prepared_[g].executable;
      step.launches.push_back(launch(g));
    }
    if (step.executable != nullptr) to_.steps.emplace_back(std::move(step));
  }

  Launch launch(std::size_t g) const {
    const Group& group = to_.groups[g];
    const Prepared& of = prepared_[g];
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
    for (const FusedKernel::Parameter& parameter : of.fused.parameters) {
      made.parameters.push_back(
          node(parameter.edge.node).value.body().scalar.bits(parameter.dtype));
    }
    for (const Edge& edge : group.outputs) {
      const int start = start_of(edge);
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

  TracePlan& to_;
  const Function& function_;
  std::vector<bool> needed_;
  std::vector<Member> members_;
  Effects effects_;
  std::vector<Unit> units_;
  std::vector<std::ptrdiff_t> unit_of_;
  std::vector<std::size_t> order_;
  std::vector<Prepared> prepared_;                                   // by group
  std::vector<std::ptrdiff_t> position_;                             // of units, in the order
  std::map<std::pair<int, int>, std::vector<std::size_t>> readers_;  // of edges: units
  std::map<std::uint64_t, std::vector<int>> reads_;      // of variables: nodes, ascending
  std::set<std::pair<int, int>> kept_;                   // edges that are results
  std::map<std::pair<int, int>, std::size_t> in_place_;  // edges written over variables
  std::map<std::pair<int, int>, std::size_t> alive_;     // edges in the arena
  std::vector<Lifetime> lifetimes_;
  std::vector<std::size_t> arena_places_;
};

}  // namespace

TracePlan compile(std::shared_ptr<const Function> function) {
  TracePlan plan;
  plan.function = std::move(function);
  Compilation(plan).run();
  return plan;
}

}  // namespace rill
