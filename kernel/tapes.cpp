#include <rill/kernel/tapes.h>

#include <algorithm>
#include <utility>

#include <rill/tensor/error.h>

namespace rill::kernel {

std::int64_t product_of_extents(std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result))
    throw InternalError("kernel: the extents of a launch overflow");
  return result;
}

Tapes::Tapes(const Program& from)
    : program(from),
      operations(from.exprs.size()),
      uniform(from.exprs.size()),
      per_point(from.folds.size()) {
  check(program);
  for (Id id = 0; id < program.exprs.size(); ++id) {
    const Expr& expr = program.exprs[id];
    uniform[id] =
        expr.code == Code::constant || expr.code == Code::parameter || expr.code == Code::size;
    if (expr.arity != 0) {
      operations[id] =
          operation(expr.code, program.exprs[expr.args[expr.arity - 1U]].type, expr.type);
      uniform[id] = std::all_of(expr.args.begin(), expr.args.begin() + expr.arity,
                                [&](Id arg) { return uniform[arg]; });
    }
    if (uniform[id]) once.push_back(id);
  }
  std::vector<bool> shapes(program.exprs.size());
  for (const Id axis : program.list(program.outer)) shapes[program.axes[axis].extent] = true;
  for (std::size_t id = shapes.size(); id-- > 0;) {
    if (!shapes[id]) continue;
    shape_.push_back(static_cast<Id>(id));
    for (const Id operand : operands(static_cast<Id>(id))) shapes[operand] = true;
  }
  std::reverse(shape_.begin(), shape_.end());
  for (const Stage& stage : program.stages) {
    for (const Id fold : program.list(stage.folds)) per_point[fold] = stage.axes.count == 0;
    stages.push_back(prepare(stage));
    const auto stores = program.list(stage.stores);
    const bool scatters = std::any_of(stores.begin(), stores.end(),
                                      [&](Id store) { return !program.stores[store].unique; });
    const bool scans = stage.folds.count != 0 &&
                       program.folds[program.list(stage.folds).back()].kind == Fold::Kind::scan;
    point_by_point = point_by_point || (scatters && (scans || program.stages.size() > 1));
  }
  for (const Stage& stage : program.closing) closing.push_back(prepare_closing(stage));
}

std::int64_t Tapes::points(const std::int64_t* sizes) const {
  std::vector<std::int64_t> values(program.exprs.size());
  for (const Id id : shape_) {
    const Expr& expr = program.exprs[id];
    if (expr.arity == 0) {
      values[id] =
          expr.code == Code::size ? sizes[expr.bits] : static_cast<std::int64_t>(expr.bits);
      continue;
    }
    std::array<const std::byte*, 3> args{};
    for (std::size_t i = 0; i < expr.arity; ++i)
      args[i] = reinterpret_cast<const std::byte*>(&values[expr.args[i]]);
    operations[id](reinterpret_cast<std::byte*>(&values[id]), args.data(), 1);
  }
  std::int64_t count = 1;
  for (const Id axis : program.list(program.outer)) {
    count = product_of_extents(count, std::max<std::int64_t>(0, values[program.axes[axis].extent]));
  }
  return count;
}

std::vector<Id> Tapes::operands(Id id) const {
  const Expr& expr = program.exprs[id];
  if (expr.code != Code::load) return {expr.args.begin(), expr.args.begin() + expr.arity};
  const Access& access = program.accesses[expr.bits];
  std::vector<Id> ids(program.list(access.index).begin(), program.list(access.index).end());
  if (access.guard != none) ids.insert(ids.end(), {access.guard, access.otherwise});
  return ids;
}

/// What the roots need that is neither uniform nor done.
Tape Tapes::needed(std::span<const Id> roots, const std::vector<bool>& done) const {
  Tape tape;
  std::vector<bool> seen(program.exprs.size());
  std::vector<Id> open;
  const auto push = [&](Id id) {
    if (id == none || seen[id] || uniform[id] || done[id]) return;
    seen[id] = true;
    open.push_back(id);
  };
  for (const Id root : roots) push(root);
  while (!open.empty()) {
    tape.push_back(open.back());
    open.pop_back();
    for (const Id operand : operands(tape.back())) push(operand);
  }
  std::sort(tape.begin(), tape.end());  // operands have lower ids
  return tape;
}

/// Moves what changes with the axes, the accumulators or the result of `fold` out of `tape`.
Tape Tapes::split_off(Tape& tape, Id fold, bool result) const {
  const auto axes = program.list(program.folds[fold].axes);
  std::vector<bool> changes(program.exprs.size());
  Tape inner;
  std::erase_if(tape, [&](Id id) {
    const Expr& expr = program.exprs[id];
    bool moves =
        expr.code == Code::axis && std::find(axes.begin(), axes.end(), expr.bits) != axes.end();
    moves = moves || expr.code == Code::accumulator;
    moves = moves || (result && expr.code == Code::result && expr.bits >> 8U == fold);
    for (const Id operand : operands(id)) moves = moves || changes[operand];
    changes[id] = moves;
    if (moves) inner.push_back(id);
    return moves;
  });
  return inner;
}

FoldTape Tapes::prepare_fold(Id id, std::vector<bool>& done) const {
  const Fold& fold = program.folds[id];
  FoldTape loop;
  loop.fold = id;
  for (Id expr = 0; expr < program.exprs.size(); ++expr) {
    const Expr& leaf = program.exprs[expr];
    if (leaf.code == Code::accumulator && leaf.bits >> 9U == id) {
      loop.accumulators[leaf.bits >> 8U & 1U].push_back(expr);
    }
  }
  const auto mark = [&](const Tape& tape) {
    for (const Id expr : tape) done[expr] = true;
  };
  loop.before = needed(program.list(fold.init), done);
  mark(loop.before);
  Tape outside = needed(program.list(fold.step), done);
  loop.element = split_off(outside, id, false);
  loop.before.insert(loop.before.end(), outside.begin(), outside.end());
  mark(outside);
  loop.merge = needed(program.list(fold.merge), std::vector<bool>(done.size()));

  std::vector<bool> inner(done.size());
  for (const Id element : loop.element) inner[element] = true;
  std::vector<bool> read(done.size());
  const auto reads = [&](Id operand) {
    read[operand] = read[operand] || (!uniform[operand] && !inner[operand]);
  };
  for (const Id element : loop.element) {
    for (const Id operand : operands(element)) reads(operand);
  }
  for (const Id step : program.list(fold.step)) reads(step);
  for (Id expr = 0; expr < read.size(); ++expr) {
    if (read[expr]) loop.invariants.push_back(expr);
  }
  for (const Range values : {fold.step, fold.merge}) {
    for (const Id value : program.list(values)) {
      loop.swaps = loop.swaps || program.exprs[value].code == Code::accumulator;
    }
  }
  return loop;
}

StageTape Tapes::prepare(const Stage& stage) const {
  StageTape tape;
  std::vector<bool> done(program.exprs.size());
  for (const Id id : program.list(stage.folds)) tape.folds.push_back(prepare_fold(id, done));
  std::vector<Id> roots;
  const auto want = [&](std::span<const Id> ids) {
    roots.insert(roots.end(), ids.begin(), ids.end());
  };
  for (const Id id : program.list(stage.checks)) {
    want({&program.checks[id].ok, 1});
    want(program.list(program.checks[id].shown));
  }
  std::vector<Id> written;
  for (const Id id : program.list(stage.stores)) {
    const Store& store = program.stores[id];
    want({&store.value, 1});
    want({&store.to.guard, 1});
    want(program.list(store.to.index));
    written.push_back(store.to.buffer);
    tape.in_order = tape.in_order || !store.unique;
  }
  std::sort(written.begin(), written.end());
  tape.in_order =
      tape.in_order || std::adjacent_find(written.begin(), written.end()) != written.end();
  tape.after = needed(roots, done);
  if (!tape.folds.empty()) {
    const Id last = tape.folds.back().fold;
    if (program.folds[last].kind == Fold::Kind::scan) tape.each = split_off(tape.after, last, true);
  }
  return tape;
}

/// What the points have come to is no longer known when the stores of a closing stage run, so these
/// start from nothing.
StageTape Tapes::prepare_closing(const Stage& stage) const {
  StageTape tape = prepare({.axes = stage.axes, .folds = {}, .checks = {}, .stores = stage.stores});
  std::vector<bool> done(program.exprs.size());
  std::vector<Id> inits;
  for (const Id id : program.list(stage.folds)) {
    tape.folds.push_back(prepare_fold(id, done));
    const auto init = program.list(program.folds[id].init);
    inits.insert(inits.end(), init.begin(), init.end());
  }
  tape.start = needed(inits, std::vector<bool>(program.exprs.size()));
  return tape;
}

}  // namespace rill::kernel
