#include <rill/kernel/dependence.h>

#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

Step sum(const Step& a, const Step& b) {
  using Kind = Step::Kind;
  if (a.kind == Kind::still) return b;
  if (b.kind == Kind::still) return a;
  if (a.kind == Kind::irregular || b.kind == Kind::irregular) return {Kind::irregular, 0};
  if (a.kind == Kind::uniform || b.kind == Kind::uniform) return {Kind::uniform, 0};
  const std::int64_t amount = a.amount + b.amount;
  return amount == 0 ? Step{} : Step{Kind::constant, amount};
}

/// `step` times an expression that stays.
Step scaled(const Step& step, const Expr& factor) {
  using Kind = Step::Kind;
  if (step.kind == Kind::still || step.kind == Kind::irregular) return step;
  if (factor.code != Code::constant) return {Kind::uniform, 0};
  const auto number = static_cast<std::int64_t>(factor.bits);
  if (number == 0) return {};
  constexpr std::int64_t limit = std::int64_t{1} << 31;
  const bool small =
      number > -limit && number < limit && step.amount > -limit && step.amount < limit;
  if (step.kind == Kind::uniform || !small) return {Kind::uniform, 0};
  return {Kind::constant, step.amount * number};
}

}  // namespace

Dependence::Dependence(const Program& program)
    : program_(program),
      leaves_(program.exprs.size()),
      axes_(program.exprs.size()),
      known_(program.exprs.size()),
      fold_axes_(program.folds.size()),
      fold_known_(program.folds.size()),
      written_(program.buffers.size()) {
  if (program.axes.size() > 64 || program.folds.size() > 64) {
    throw InternalError("kernel program: more than 64 axes or folds");
  }
  for (const Store& store : program.stores) written_[store.to.buffer] = true;
  for (Id id = 0; id < program.exprs.size(); ++id) visit(id);
}

void Dependence::visit(Id id) {
  if (known_[id]) return;
  known_[id] = true;
  const Expr& expr = program_.exprs[id];
  Leaves& leaves = leaves_[id];
  const auto take = [&](Id other) {
    if (other == none) return;
    visit(other);
    const Leaves& from = leaves_[other];
    leaves.axes |= from.axes;
    leaves.accumulators |= from.accumulators;
    leaves.results |= from.results;
    leaves.loads |= from.loads;
    leaves.loads_written |= from.loads_written;
    axes_[id] |= axes_[other];
  };
  switch (expr.code) {
    case Code::axis: {
      leaves.axes = axes_[id] = only(static_cast<Id>(expr.bits));
      break;
    }
    case Code::load: {
      const Access& access = program_.accesses[expr.bits];
      leaves.loads = true;
      leaves.loads_written = written_[access.buffer];
      for (const Id index : program_.list(access.index)) take(index);
      take(access.guard);
      take(access.otherwise);
      break;
    }
    case Code::accumulator: {
      const Id fold = static_cast<Id>(expr.bits >> 9U);
      leaves.accumulators = only(fold);
      axes_[id] = visit_fold(fold);
      for (const Id axis : program_.list(program_.folds[fold].axes)) axes_[id] |= only(axis);
      break;
    }
    case Code::result: {
      const Id fold = static_cast<Id>(expr.bits >> 8U);
      leaves.results = only(fold);
      axes_[id] = visit_fold(fold);
      // The prefixes of a scan change along its axes.
      if (program_.folds[fold].kind == Fold::Kind::scan) {
        for (const Id axis : program_.list(program_.folds[fold].axes)) {
          axes_[id] |= only(axis);
          leaves.axes |= only(axis);
        }
      }
      break;
    }
    default:
      for (std::uint8_t i = 0; i < expr.arity; ++i) take(expr.args[i]);
  }
}

/// What the results of a fold change along.
Set Dependence::visit_fold(Id id) {
  if (fold_known_[id]) return fold_axes_[id];
  fold_known_[id] =
      true;  // its accumulators ask for it while it is being visited; they add nothing of their own
  const Fold& fold = program_.folds[id];
  Set set = 0;
  for (const Range range : {fold.init, fold.step, fold.merge}) {
    for (const Id expr : program_.list(range)) {
      visit(expr);
      set |= axes_[expr];
    }
  }
  for (const Id axis : program_.list(fold.axes)) set &= ~only(axis);
  return fold_axes_[id] = set;
}

Set Dependence::axes(const Access& access) const {
  Set set = 0;
  for (const Id index : program_.list(access.index)) set |= axes_[index];
  if (access.guard != none) set |= axes_[access.guard];
  if (access.otherwise != none) set |= axes_[access.otherwise];
  return set;
}

Step Dependence::step(Id id, Id axis) const {
  if (!contains(axes_[id], axis)) return {};
  const Expr& expr = program_.exprs[id];
  const auto argument = [&](std::size_t i) { return step(expr.args[i], axis); };
  switch (expr.code) {
    case Code::axis:
      return {Step::Kind::constant, 1};
    case Code::add:
      return sum(argument(0), argument(1));
    case Code::subtract: {
      const Expr minus{.code = Code::constant, .type = int64, .bits = ~std::uint64_t{0}};
      return sum(argument(0), scaled(argument(1), minus));
    }
    case Code::multiply:
      if (argument(1).kind == Step::Kind::still)
        return scaled(argument(0), program_.exprs[expr.args[1]]);
      if (argument(0).kind == Step::Kind::still)
        return scaled(argument(1), program_.exprs[expr.args[0]]);
      return {Step::Kind::irregular, 0};
    default:
      return {Step::Kind::irregular, 0};
  }
}

Step Dependence::step(const Access& access, Id axis) const {
  const Buffer& buffer = program_.buffers[access.buffer];
  const auto index = program_.list(access.index);
  const auto strides = program_.list(buffer.strides);
  Step total;
  for (std::size_t d = 0; d < index.size(); ++d) {
    total = sum(total, scaled(step(index[d], axis), program_.exprs[strides[d]]));
  }
  return total;
}

void Dependence::collect_loads(Id root, std::vector<Id>& accesses) const {
  std::vector<bool> seen(program_.exprs.size());
  std::vector<Id> pending{root};
  while (!pending.empty()) {
    const Id id = pending.back();
    pending.pop_back();
    if (id == none || seen[id]) continue;
    seen[id] = true;
    const Expr& expr = program_.exprs[id];
    if (expr.code == Code::load) {
      const Access& access = program_.accesses[expr.bits];
      accesses.push_back(static_cast<Id>(expr.bits));
      for (const Id index : program_.list(access.index)) pending.push_back(index);
      pending.push_back(access.guard);
      pending.push_back(access.otherwise);
    }
    for (std::uint8_t i = 0; i < expr.arity; ++i) pending.push_back(expr.args[i]);
  }
}

std::int64_t Dependence::operations(std::span<const Id> exprs) const {
  std::vector<bool> seen(program_.exprs.size());
  std::vector<Id> pending(exprs.begin(), exprs.end());
  std::int64_t count = 0;
  while (!pending.empty()) {
    const Id id = pending.back();
    pending.pop_back();
    if (id == none || seen[id]) continue;
    seen[id] = true;
    const Expr& expr = program_.exprs[id];
    if (expr.arity > 0) ++count;
    for (std::uint8_t i = 0; i < expr.arity; ++i) pending.push_back(expr.args[i]);
  }
  return count;
}

}  // namespace rill::kernel
