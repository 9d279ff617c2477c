#include <rill/kernel/rewrite.h>

#include <algorithm>
#include <span>
#include <utility>

#include <rill/kernel/builder.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// Which folds some store or check needs. Operands stand before what uses them, so one pass from
/// the back suffices.
std::vector<bool> used_folds(const Program& program) {
  std::vector<bool> used(program.exprs.size());
  std::vector<bool> folds(program.folds.size());
  const auto use = [&](Id id) {
    if (id != none) used[id] = true;
  };
  const auto use_all = [&](std::span<const Id> ids) {
    for (const Id id : ids) use(id);
  };
  const auto use_fold = [&](Id id) {
    const Fold& fold = program.folds[id];
    folds[id] = true;
    use_all(program.list(fold.init));
    use_all(program.list(fold.step));
    use_all(program.list(fold.merge));
  };
  const auto use_stage = [&](const Stage& stage) {
    for (const Id id : program.list(stage.folds)) {
      // The stores of its stage run over a scan's axes, whether they use the prefixes or not.
      if (program.folds[id].kind == Fold::Kind::scan && stage.stores.count != 0) use_fold(id);
    }
    for (const Id id : program.list(stage.stores)) {
      const Store& store = program.stores[id];
      use(store.value);
      use(store.to.guard);
      use_all(program.list(store.to.index));
    }
    for (const Id id : program.list(stage.checks)) {
      use(program.checks[id].ok);
      use_all(program.list(program.checks[id].shown));
    }
  };
  for (const Stage& stage : program.stages) use_stage(stage);
  for (const Stage& stage : program.closing) use_stage(stage);
  for (std::size_t id = program.exprs.size(); id-- > 0;) {
    if (!used[id]) continue;
    const Expr& expr = program.exprs[id];
    use_all({expr.args.data(), expr.arity});
    if (expr.code == Code::load) {
      const Access& access = program.accesses[expr.bits];
      use_all(program.list(access.index));
      use(access.guard);
      use(access.otherwise);
    } else if (expr.code == Code::result) {
      use_fold(static_cast<Id>(expr.bits >> 8U));
    }
  }
  return folds;
}

/// Puts the lists that are used one after the other, without what building left between them.
void compact_lists(Program& program) {
  std::vector<Id> ids;
  const auto move = [&](Range& range) {
    const auto list = program.list(range);
    const Range moved{static_cast<Id>(ids.size()), range.count};
    ids.insert(ids.end(), list.begin(), list.end());
    range = moved;
  };
  move(program.outer);
  for (Buffer& buffer : program.buffers) move(buffer.extents), move(buffer.strides);
  for (Access& access : program.accesses) move(access.index);
  for (Fold& fold : program.folds)
    move(fold.axes), move(fold.init), move(fold.step), move(fold.merge);
  for (Store& store : program.stores) move(store.to.index);
  for (Check& check : program.checks) move(check.shown);
  for (auto* stages : {&program.stages, &program.closing}) {
    for (Stage& stage : *stages)
      move(stage.axes), move(stage.folds), move(stage.checks), move(stage.stores);
  }
  program.ids = std::move(ids);
}

class Rewriter {
 public:
  Rewriter(const Program& from, const Rewriting& rewriting)
      : from_(from),
        rewriting_(rewriting),
        to_(from.parameters, from.sizes),
        exprs_(from.exprs.size()),
        axes_(from.axes.size(), none),
        buffers_(from.buffers.size(), none) {}

  Program run() {
    for (Id id = 0; id < from_.buffers.size(); ++id) {
      if (from_.buffers[id].space != Buffer::Space::row) buffer(id);
    }
    used_folds_ = used_folds(from_);
    to_.outer(axes(from_.outer));
    for (const Stage& each : from_.stages) {
      if (is_empty(each)) continue;
      to_.stage(axes(each.axes));
      stage(each);
    }
    for (const Stage& each : from_.closing) {
      if (is_empty(each)) continue;
      to_.closing(axes(each.axes));
      stage(each);
    }
    Program program = to_.program();
    compact_lists(program);
    return program;
  }

 private:
  [[nodiscard]] bool is_empty(const Stage& stage) const {
    const auto folds = from_.list(stage.folds);
    return stage.checks.count == 0 && stage.stores.count == 0 &&
           std::none_of(folds.begin(), folds.end(), [&](Id id) { return used_folds_[id]; });
  }

  /// The parts of a stage, into the one opened last.
  void stage(const Stage& stage) {
    for (const Id id : from_.list(stage.folds)) {
      if (used_folds_[id]) fold(id);
    }
    for (const Id id : from_.list(stage.checks)) {
      const Check& check = from_.checks[id];
      const Value ok = copy(check.ok);
      to_.check(ok, check.error, copies(from_.list(check.shown)));
    }
    for (const Id id : from_.list(stage.stores)) {
      const Store& store = from_.stores[id];
      const std::vector<Value> index = copies(kept(store.to));
      const Value guard = store.to.guard == none ? Value{} : copy(store.to.guard);
      const Value value = copy(store.value);
      to_.store(buffer(store.to.buffer), index, value, store.mode, store.unique, guard);
    }
  }

  [[nodiscard]] bool dropped(Id buffer, std::size_t dimension) const {
    if (buffer >= rewriting_.dimensions.size()) return false;
    const std::vector<bool>& drops = rewriting_.dimensions[buffer];
    return dimension < drops.size() && drops[dimension];
  }
  /// What stays of a list with one entry per dimension of `buffer`.
  [[nodiscard]] std::vector<Id> kept(Id buffer, Range range) const {
    std::vector<Id> ids;
    const auto list = from_.list(range);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (!dropped(buffer, i)) ids.push_back(list[i]);
    }
    return ids;
  }
  [[nodiscard]] std::vector<Id> kept(const Access& access) const {
    return kept(access.buffer, access.index);
  }

  Id axis(Id id) {
    if (axes_[id] == none) axes_[id] = to_.axis(copy(from_.axes[id].extent));
    return axes_[id];
  }

  std::vector<Id> axes(Range range) {
    std::vector<Id> ids;
    for (const Id id : from_.list(range)) {
      if (!rewriting_.axes.contains(id)) ids.push_back(axis(id));
    }
    return ids;
  }

  Id buffer(Id id) {
    if (buffers_[id] != none) return buffers_[id];
    const Buffer& buffer = from_.buffers[id];
    const std::vector<Value> extents = copies(kept(id, buffer.extents));
    buffers_[id] = buffer.space == Buffer::Space::row
                       ? to_.row(buffer.type, extents)
                       : to_.buffer(buffer.type, buffer.space, extents,
                                    copies(kept(id, buffer.strides)), buffer.facts);
    return buffers_[id];
  }

  void fold(Id id) {
    const Fold& fold = from_.folds[id];
    const auto name = [&](bool right, std::span<const Value> values) {
      for (Id slot = 0; slot < values.size(); ++slot)
        leaves_[leaf(Code::accumulator, accumulator_bits(id, slot, right))] = values[slot];
    };
    const std::vector<Id> over = axes(fold.axes);
    Folding folding{
        .kind = fold.kind, .init = copies(from_.list(fold.init)), .step = {}, .merge = {}};
    folding.step = [&](std::span<const Value> accumulators) {
      name(false, accumulators);
      return copies(from_.list(fold.step));
    };
    if (fold.kind != Fold::Kind::sequence) {
      folding.merge = [&](std::span<const Value>, std::span<const Value> right) {
        name(true, right);
        return copies(from_.list(fold.merge));
      };
    }
    const std::vector<Value> results = to_.fold(over, folding);
    for (Id slot = 0; slot < results.size(); ++slot)
      leaves_[leaf(Code::result, std::uint64_t{id} << 8U | slot)] = results[slot];
  }

  std::vector<Value> copies(std::span<const Id> ids) {
    std::vector<Value> values;
    values.reserve(ids.size());
    for (const Id id : ids) values.push_back(copy(id));
    return values;
  }

  /// Copies an expression after its operands, without recursion: a long chain would overflow the
  /// stack.
  Value copy(Id root) {
    std::vector<Id> open{root};
    while (!open.empty()) {
      const Id id = open.back();
      if (!exprs_[id].defined()) {
        const std::size_t before = open.size();
        const std::vector<Id> operands = operands_of(from_.exprs[id]);
        for (std::size_t i = operands.size(); i-- > 0;) {
          if (!exprs_[operands[i]].defined()) open.push_back(operands[i]);
        }
        if (open.size() != before) continue;
        exprs_[id] = copy_one(from_.exprs[id]);
      }
      open.pop_back();
    }
    return exprs_[root];
  }

  [[nodiscard]] std::vector<Id> operands_of(const Expr& expr) const {
    if (expr.code != Code::load) return {expr.args.begin(), expr.args.begin() + expr.arity};
    const Access& access = from_.accesses[expr.bits];
    std::vector<Id> ids = kept(access);
    if (access.guard != none) ids.insert(ids.end(), {access.guard, access.otherwise});
    return ids;
  }

  /// The copy of an expression whose operands are copied.
  Value copy_one(Expr expr) {
    switch (expr.code) {
      case Code::axis:
        return rewriting_.axes.contains(static_cast<Id>(expr.bits))
                   ? to_.integer(0)
                   : to_.index(axis(static_cast<Id>(expr.bits)));
      case Code::size:
        if (const auto found = rewriting_.sizes.find(static_cast<Id>(expr.bits));
            found != rewriting_.sizes.end()) {
          return to_.integer(found->second);
        }
        break;
      case Code::load: {
        const Access& access = from_.accesses[expr.bits];
        const std::vector<Value> index = copies(kept(access));
        if (access.guard == none) return to_.load(buffer(access.buffer), index);
        return to_.load(buffer(access.buffer), index, copy(access.guard), copy(access.otherwise));
      }
      case Code::accumulator:
      case Code::result: {
        const auto found = leaves_.find(leaf(expr.code, expr.bits));
        if (found == leaves_.end()) throw InternalError("kernel: a fold is used before it has run");
        return found->second;
      }
      default:
        break;
    }
    for (std::size_t i = 0; i < expr.arity; ++i) expr.args[i] = exprs_[expr.args[i]].id();
    return to_.make(expr);
  }

  /// A key for an accumulator or a result of the old program.
  static std::uint64_t leaf(Code code, std::uint64_t bits) {
    return bits << 1U | (code == Code::result ? 1U : 0U);
  }

  const Program& from_;
  const Rewriting& rewriting_;
  Builder to_;
  std::vector<bool> used_folds_;
  std::vector<Value> exprs_;  ///< by the old program's numbers, as the two that follow
  std::vector<Id> axes_;
  std::vector<Id> buffers_;
  std::unordered_map<std::uint64_t, Value> leaves_;
};

}  // namespace

Program rewritten(const Program& program, const Rewriting& rewriting) {
  Program once = Rewriter(program, rewriting).run();
  const bool changes =
      !rewriting.sizes.empty() || !rewriting.axes.empty() || !rewriting.dimensions.empty();
  if (changes)
    once = Rewriter(Program(once), {}).run();  // constants fold and leave what nothing uses
  check(once);
  return once;
}

}  // namespace rill::kernel
