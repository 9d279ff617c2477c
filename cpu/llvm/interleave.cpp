// Several points at once: their reductions share loops, so that the processor works on one while
// another waits for its last addition.
//
// What fills a whole row with the results waits for nothing and is a loop over the points, emitted
// once; what makes one value of them is emitted for each point, so that these do not wait for each
// other either.
// Invariant: each point's effects happen once. Where fewer points are left than are taken at once,
// the last one is reduced several times, and has its effects once.
#include <rill/cpu/llvm/emitter.h>

namespace rill::cpu::llvm_emitter {

using kernel::Stage;
using llvm::Value;

/// Values [start, stop) of the last outer axis. Not empty.
void Emitter::interleaved_segment(Value* start, Value* stop) {
  Value* last = b_.CreateSub(stop, integer(1));
  nest_.loop(start, stop, interleave_, [&](Value* first) {
    for (unsigned k = 0; k < interleave_; ++k) {
      Value* at = b_.CreateAdd(first, integer(k));
      at = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, at, last);
      interleaved_.push_back(k == 0 ? first : at);
    }
    Value* count = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(stop, first),
                                            integer(interleave_));
    turns_ = {0, interleave_};
    set_axis(program_.list(program_.outer).back(), first);
    for (const Stage& each : program_.stages) interleaved_stage(each, count);
    turns_ = {};
    interleaved_.clear();
  });
}

/// Of which only those have axes that have no folds (`kernel::interleaves`). So many points are
/// there as `count` says.
void Emitter::interleaved_stage(const Stage& stage, Value* count) {
  nest_.region([&] {
    for (const Id id : program_.list(stage.folds)) fold(id);
    if (stage.checks.count + stage.stores.count == 0) return;
    if (stage.axes.count > 0) {
      loop_points(count, [&] { stage_loops(stage); });
      return;
    }
    each_point([&] {
      Value* there = b_.CreateICmpSLT(integer(turns_.first), count);
      nest_.when(there, true, [&] { stage_loops(stage); });
    });
  });
}

/// Emits `body` for each of the interleaved points.
void Emitter::each_point(const std::function<void()>& body) {
  const Turns all = turns_;
  for (unsigned turn = all.first; turn < all.last; ++turn) {
    turns_ = {turn, turn + 1};
    if (!interleaved_.empty())
      axes_[program_.list(program_.outer).back()].value = interleaved_[turn];
    body();
  }
  turns_ = all;
}

/// The same where each point has an equal part of `all`, which `body` maps to its part of the
/// result.
Values Emitter::of_each_point(const Values& all, const std::function<Values(const Values&)>& body) {
  const auto part = static_cast<std::ptrdiff_t>(all.size() / (turns_.last - turns_.first));
  auto from = all.begin();
  Values results;
  each_point([&] {
    const Values mine = body(Values(from, from + part));
    results.insert(results.end(), mine.begin(), mine.end());
    from += part;
  });
  return results;
}

/// Emits `body` once, for a loop over the first `count` of the interleaved points.
void Emitter::loop_points(Value* count, const std::function<void()>& body) {
  const Id axis = program_.list(program_.outer).back();
  const Turns all = turns_;
  const Known before = axes_[axis];
  for (Id id = 0; id < program_.folds.size(); ++id) {
    if (!totals_[id].empty() || results_of(id).values.empty()) continue;
    for (std::size_t slot = 0; slot < program_.folds[id].init.count; ++slot)
      totals_[id].push_back(scratch(size_of(slot_type(id, slot)) * interleave_));
    each_point([&] { store_slots(id, totals_[id], integer(turns_.first), results_of(id).values); });
  }
  nest_.loop(integer(0), count, 1, [&](Value* turn) {
    turns_ = {interleave_, interleave_ + 1};
    set_axis(axis, b_.CreateAdd(interleaved_[0], turn));
    for (Id id = 0; id < program_.folds.size(); ++id) {
      if (!totals_[id].empty())
        results_of(id) = {load_slots(id, totals_[id], turn, false), nest_.innermost(), {}, nullptr};
    }
    body();
  });
  turns_ = all;
  axes_[axis] = before;
}

}  // namespace rill::cpu::llvm_emitter
