#include <rill/kernel/schedule.h>

#include <algorithm>

namespace rill::kernel {
namespace {

/// Every load and store of a stage, with the innermost loop around it that is not an outer axis.
template <class Visit>
void each_access(const Program& program, const Dependence& dependence, const Stage& stage,
                 Visit&& visit) {
  const auto last = [&](Range axes) { return axes.count == 0 ? none : program.list(axes).back(); };
  const Id stage_axis = last(stage.axes);
  const auto loads = [&](Id expr, Id inner) {
    if (expr == none) return;
    std::vector<Id> found;
    dependence.collect_loads(expr, found);
    for (const Id access : found) visit(program.accesses[access], inner);
  };
  for (const Id id : program.list(stage.folds)) {
    const Fold& fold = program.folds[id];
    const Id axis = last(fold.axes);
    for (const Id value : program.list(fold.step)) loads(value, axis == none ? stage_axis : axis);
  }
  for (const Id id : program.list(stage.stores)) {
    const Store& store = program.stores[id];
    Id inner = stage_axis;
    if (stage.folds.count > 0) {
      const Fold& fold = program.folds[program.list(stage.folds).back()];
      if (fold.kind == Fold::Kind::scan) inner = last(fold.axes);
    }
    loads(store.value, inner);
    visit(store.to, inner);
  }
}

}  // namespace

Schedule choose(const Program& program, const Dependence& dependence) {
  Schedule schedule;
  if (!program.closing.empty()) schedule.map = Schedule::Map::chunks;
  const Id outer = program.outer.count == 0 ? none : program.list(program.outer).back();
  Id inner = none;
  int outer_score = 0;
  int inner_score = 0;
  const auto score = [&](const Access& access, Id axis) {
    const Step step = dependence.step(access, axis);
    if (step.by(1)) return 2;
    return step.kind == Step::Kind::still ? 0 : -1;
  };
  int shared = 0;
  bool shared_within = false;
  bool scans = false;
  for (const Stage& stage : program.stages) {
    for (const Id id : program.list(stage.folds)) {
      scans = scans || program.folds[id].kind == Fold::Kind::scan;
      if (inner == none && program.folds[id].kind == Fold::Kind::reduce &&
          program.folds[id].axes.count > 0) {
        inner = program.list(program.folds[id].axes).back();
      }
    }
    if (stage.axes.count > 0) inner = program.list(stage.axes).back();
    each_access(program, dependence, stage, [&](const Access& access, Id axis) {
      if (outer != none) outer_score += score(access, outer);
      if (axis != none) inner_score += score(access, axis);
    });
    for (const Id id : program.list(stage.stores)) {
      if (program.stores[id].unique) continue;
      ++shared;
      shared_within = shared_within || stage.axes.count > 0;
    }
  }
  for (const Stage& stage : program.closing) {
    if (inner == none && stage.axes.count > 0) inner = program.list(stage.axes).back();
  }
  // Stores in which iterations meet keep their order only if points follow each other.
  const bool outer_allowed = outer != none && shared <= 1 && !shared_within &&
                             (!scans || shared == 0) && program.closing.empty();
  const bool inner_allowed = inner != none;
  if (outer_allowed && (!inner_allowed || outer_score > inner_score))
    schedule.vector_axis = outer;
  else if (inner_allowed)
    schedule.vector_axis = inner;
  else
    schedule.vector_axis = none;
  return schedule;
}

bool splits(const Program& program) {
  Id reductions = 0;
  for (const Fold& fold : program.folds) {
    if (fold.kind != Fold::Kind::reduce) return false;
    ++reductions;
  }
  if (reductions != 1 || program.stages.empty() || !program.closing.empty()) return false;
  const Stage& first = program.stages.front();
  if (first.axes.count != 0 || first.folds.count != 1 || program.folds.front().axes.count == 0)
    return false;
  return std::none_of(program.buffers.begin(), program.buffers.end(),
                      [](const Buffer& buffer) { return buffer.space == Buffer::Space::row; }) &&
         std::all_of(program.stores.begin(), program.stores.end(),
                     [](const Store& store) { return store.unique; });
}

bool interleaves(const Program& program, const Schedule& schedule) {
  const auto outer = program.list(program.outer);
  if (outer.empty() || schedule.vector_axis == none || schedule.vector_axis == outer.back() ||
      schedule.map != Schedule::Map::points)
    return false;
  Id reductions = 0;
  for (const Stage& stage : program.stages) {
    for (const Id id : program.list(stage.folds)) {
      if (program.folds[id].kind != Fold::Kind::reduce || stage.axes.count > 0) return false;
      ++reductions;
    }
  }
  return reductions > 0 && std::all_of(program.stores.begin(), program.stores.end(),
                                       [](const Store& store) { return store.unique; });
}

bool may_be_owned(const Program& program) {
  if (program.stores.empty()) return false;
  const Id buffer = program.stores.front().to.buffer;
  if (program.buffers[buffer].extents.count == 0) return false;
  return std::all_of(program.stores.begin(), program.stores.end(), [&](const Store& store) {
    return !store.unique && store.to.buffer == buffer;
  });
}

std::vector<Id> transposed_loads(const Program& program, const Dependence& dependence) {
  if (program.outer.count < 2 || program.stages.size() != 1 || !program.folds.empty() ||
      !program.checks.empty() || !program.closing.empty())
    return {};
  const Stage& stage = program.stages.front();
  if (stage.axes.count != 0) return {};
  const auto outer = program.list(program.outer);
  const Id row = outer[outer.size() - 2];
  const Id column = outer.back();
  std::vector<Id> loads;
  for (const Id id : program.list(stage.stores)) {
    const Store& store = program.stores[id];
    if (!store.unique || !dependence.step(store.to, column).by(1)) return {};
    dependence.collect_loads(store.value, loads);
  }
  std::sort(loads.begin(), loads.end());
  loads.erase(std::unique(loads.begin(), loads.end()), loads.end());
  std::erase_if(loads, [&](Id id) {
    const Access& access = program.accesses[id];
    return access.guard != none || dependence.is_written(access.buffer) ||
           !dependence.step(access, row).by(1) ||
           dependence.step(access, column).kind != Step::Kind::uniform;
  });
  return loads;
}

std::int64_t tile_units(std::int64_t rows, std::int64_t columns) {
  // The pairs form a triangle; its rows are taken from both ends together.
  const std::int64_t longer = (std::max(rows, columns) + tile_side - 1) / tile_side;
  return (longer + 1) / 2 * (longer + 1);
}

std::vector<Id> jumping_loads(const Program& program, const Dependence& dependence, bool owned) {
  const bool pointwise = program.stages.size() == 1 && program.stages.front().axes.count == 0 &&
                         program.folds.empty() && program.closing.empty();
  if (!pointwise || program.outer.count < 2) return {};
  const Id column = program.list(program.outer).back();
  const auto is_row = [&](const Access& access) {
    const auto index = program.list(access.index);
    return dependence.step(access, column).by(1) &&
           std::none_of(index.begin(), index.end(),
                        [&](Id at) { return dependence.leaves(at).loads_written; });
  };
  const auto jumps = [&](const Access& access) {
    const auto index = program.list(access.index);
    return is_row(access) && std::any_of(index.begin(), index.end(),
                                         [&](Id at) { return dependence.leaves(at).loads; });
  };
  std::vector<Id> loads;
  for (const Store& store : program.stores) dependence.collect_loads(store.value, loads);
  std::sort(loads.begin(), loads.end());
  loads.erase(std::unique(loads.begin(), loads.end()), loads.end());
  if (owned && (program.stores.size() != 1 || !jumps(program.stores.front().to))) return {};
  std::erase_if(loads, [&](Id id) {
    const Access& access = program.accesses[id];
    return !(owned ? is_row(access) : jumps(access));
  });
  return loads;
}

std::vector<Id> repeated_loads(const Program& program, const Dependence& dependence) {
  if (program.outer.count == 0) return {};
  const Id point = program.list(program.outer).back();
  // The next point's row lies at a distance that is known before this one's is.
  const auto is_followed = [&](const Access& access) {
    const auto index = program.list(access.index);
    return dependence.step(access, point).kind != Step::Kind::still &&
           std::all_of(index.begin(), index.end(), [&](Id at) {
             const Step::Kind kind = dependence.step(at, point).kind;
             return kind == Step::Kind::still || kind == Step::Kind::constant;
           });
  };
  std::vector<bool> reduced(program.buffers.size());
  std::vector<Id> loads;
  for (const Stage& stage : program.stages) {
    std::vector<Id> found;
    for (const Id id : program.list(stage.folds)) {
      for (const Id step : program.list(program.folds[id].step))
        dependence.collect_loads(step, found);
    }
    for (const Id load : found) reduced[program.accesses[load].buffer] = true;
    if (stage.axes.count == 0) continue;
    found.clear();
    for (const Id id : program.list(stage.stores))
      dependence.collect_loads(program.stores[id].value, found);
    for (const Id load : found) {
      const Access& access = program.accesses[load];
      if (!reduced[access.buffer] || access.guard != none ||
          program.buffers[access.buffer].space != Buffer::Space::input ||
          !dependence.step(access, program.list(stage.axes).back()).by(1) || !is_followed(access))
        continue;
      loads.push_back(load);
      reduced[access.buffer] = false;  // asked for once
    }
  }
  return loads;
}

Program with_strides(const Program& program, std::span<const std::pair<Id, std::int64_t>> strides) {
  Program made = program;
  std::vector<Id> constants;
  for (const auto& [number, value] : strides) {
    constants.push_back(static_cast<Id>(made.exprs.size()));
    made.exprs.push_back(
        {.code = Code::constant, .type = int64, .bits = static_cast<std::uint64_t>(value)});
  }
  for (Buffer& buffer : made.buffers) {
    if (buffer.space == Buffer::Space::row) continue;
    const Range old = buffer.strides;
    buffer.strides.first = static_cast<Id>(made.ids.size());
    for (Id k = 0; k < old.count; ++k) {
      Id stride = made.ids[old.first + k];
      const Expr& expr = made.exprs[stride];
      for (std::size_t s = 0; s < strides.size(); ++s) {
        if (expr.code == Code::size && expr.bits == strides[s].first) stride = constants[s];
      }
      made.ids.push_back(stride);
    }
  }
  return made;
}

std::vector<Cost> costs(const Program& program, const Dependence& dependence) {
  // Of vectorised code; what is scalar costs more, which only makes pieces larger.
  constexpr double per_operation = 0.04;
  constexpr double per_byte = 0.05;
  std::vector<Cost> all;
  const auto cost = [&](std::span<const Id> exprs, double bytes, std::vector<Id> axes) {
    std::vector<Id> loads;
    for (const Id expr : exprs) dependence.collect_loads(expr, loads);
    for (const Id load : loads)
      bytes += static_cast<double>(size_of(program.buffers[program.accesses[load].buffer].type));
    const auto operations = static_cast<double>(dependence.operations(exprs));
    all.push_back({0.05 + operations * per_operation + bytes * per_byte, std::move(axes)});
  };
  for (const Stage& stage : program.closing) {
    // Of these the elements are the points themselves; the stores are few.
    const auto stage_axes = program.list(stage.axes);
    for (const Id id : program.list(stage.folds)) {
      const Fold& fold = program.folds[id];
      double bytes = 0;
      for (const Id init : program.list(fold.init))
        bytes += 2 * static_cast<double>(size_of(program.exprs[init].type));
      cost(program.list(fold.step), bytes, {stage_axes.begin(), stage_axes.end()});
    }
  }
  for (const Stage& stage : program.stages) {
    const auto stage_axes = program.list(stage.axes);
    const std::vector<Id> around(stage_axes.begin(), stage_axes.end());
    std::vector<Id> within = around;
    for (const Id id : program.list(stage.folds)) {
      const Fold& fold = program.folds[id];
      std::vector<Id> axes = around;
      const auto own = program.list(fold.axes);
      axes.insert(axes.end(), own.begin(), own.end());
      if (fold.kind == Fold::Kind::scan) within = axes;
      cost(program.list(fold.step), 0, std::move(axes));
    }
    std::vector<Id> values;
    double bytes = 0;
    for (const Id id : program.list(stage.stores)) {
      const Store& store = program.stores[id];
      values.push_back(store.value);
      bytes += static_cast<double>(size_of(program.buffers[store.to.buffer].type)) *
               (store.mode == Store::Mode::set ? 1 : 2);
    }
    for (const Id id : program.list(stage.checks)) values.push_back(program.checks[id].ok);
    cost(values, bytes, std::move(within));
  }
  return all;
}

}  // namespace rill::kernel
