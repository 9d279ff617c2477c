// Functions, loops over points, stages.
#include <rill/cpu/llvm/emitter.h>

#include <algorithm>
#include <bit>
#include <cstddef>

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <rill/cpu/llvm/key.h>
#include <rill/kernel/schedule.h>
#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using kernel::Fold;
using kernel::Schedule;
using kernel::Stage;
using kernel::Step;
using kernel::Store;
using llvm::Value;

namespace {
/// What the accumulators of a block may take of the first-level cache, and of the second where they
/// are met once for several elements: then longer stretches of memory count for more.
struct Room {
  unsigned bytes, lanes;
};
constexpr Room first_level{32 * 1024, 256};
constexpr Room second_level{128 * 1024, 2048};
}  // namespace

Emitter::Emitter(llvm::Module& module, const kernel::Program& program, const Schedule& schedule,
                 Level level)
    : module_(module),
      program_(program),
      schedule_(schedule),
      level_(level),
      b_(module.getContext()),
      arithmetic_(b_, level),
      nest_(b_),
      dependence_(program) {
  if (schedule.map == Schedule::Map::split) {
    for (Id id = 0; id < program.folds.size(); ++id) {
      if (program.folds[id].kind == Fold::Kind::reduce) split_fold_ = id;
    }
    if (split_fold_ == kernel::none)
      throw InternalError("LLVM emitter: a program without a reduction cannot be split");
  }
  const auto outer = program.list(program.outer);
  const bool chunks = schedule.map == Schedule::Map::chunks;
  if (chunks == program.closing.empty())
    throw InternalError("LLVM emitter: chunks are for programs with closing stages, and for all");
  const bool lanes = schedule.vector_axis != kernel::none && !outer.empty() &&
                     outer.back() == schedule.vector_axis;
  if (chunks && lanes)
    throw InternalError("LLVM emitter: the points of a chunk have their order, so are no lanes");
  const bool rows = std::any_of(
      program.buffers.begin(), program.buffers.end(),
      [](const kernel::Buffer& buffer) { return buffer.space == kernel::Buffer::Space::row; });
  if (kernel::interleaves(program, schedule))
    interleave_ = std::bit_floor(std::clamp<unsigned>(schedule.interleave, 1, 8));
  if (rows) row_lanes_ = lanes ? block_limit() : interleave_;
  if (schedule.prefetches && !lanes) repeated_loads_ = kernel::repeated_loads(program, dependence_);
}

void Emitter::emit() {
  const bool split = schedule_.map == Schedule::Map::split;
  function("run", split ? Part::split : Part::whole);
  if (split || schedule_.map == Schedule::Map::chunks) function("finish", Part::finish);
}

/// The most lanes that a block may have.
unsigned Emitter::block_limit() const {
  std::size_t bytes = 4;
  bool light = std::none_of(
      program_.buffers.begin(), program_.buffers.end(),
      [](const kernel::Buffer& buffer) { return buffer.space == kernel::Buffer::Space::row; });
  for (const Fold& fold : program_.folds) {
    std::size_t sum = 0;
    for (const Id init : program_.list(fold.init)) sum += size_of(program_.exprs[init].type);
    bytes = std::max(bytes, sum);
    light = light && fold.kind == Fold::Kind::reduce && fold.axes.count == 1 && is_light(fold);
  }
  const Room room = light ? second_level : first_level;
  const auto lanes =
      static_cast<unsigned>(room.bytes / (lane_count * bytes)) / lane_count * lane_count;
  return std::clamp(lanes, lane_count, room.lanes);
}

void Emitter::function(const char* name, Part part) {
  auto& context = module_.getContext();
  part_ = part;
  auto* type = llvm::FunctionType::get(b_.getVoidTy(),
                                       {b_.getPtrTy(), b_.getInt64Ty(), b_.getInt64Ty()}, false);
  function_ = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, module_);
  function_->setDoesNotThrow();
  function_->addFnAttr("no-builtins");
  if (level_ == Level::avx512) {
    function_->addFnAttr("prefer-vector-width", "512");
    function_->addFnAttr("min-legal-vector-width", "512");
  }
  arguments_ = function_->getArg(0);
  const auto outer = program_.list(program_.outer);
  outer_lanes_ = schedule_.vector_axis != kernel::none && !outer.empty() &&
                 outer.back() == schedule_.vector_axis && part != Part::finish;
  Value* begin = function_->getArg(1);
  Value* end = function_->getArg(2);

  lanes_ = {};
  block_.reset();
  lane_zero_ = false;
  axes_.assign(program_.axes.size(), {});
  results_.assign(program_.folds.size() * (interleave_ + 1), {});
  totals_.assign(program_.folds.size(), {});
  accumulators_.assign(program_.folds.size(), {});
  accumulator_scopes_.assign(program_.folds.size(), 0);
  owned_begin_ = owned_end_ = split_block_ = nullptr;

  b_.SetInsertPoint(llvm::BasicBlock::Create(context, "entry", function_));
  nest_.open_function();
  nest_.when(b_.CreateICmpSLT(begin, end), true, [&] {
    if (part == Part::split)
      split_points(begin, end);
    else if (schedule_.map == Schedule::Map::chunks && part == Part::finish)
      close();
    else if (schedule_.map == Schedule::Map::chunks)
      chunked_points(begin, end);
    else if (schedule_.map == Schedule::Map::owned)
      owned_points(begin, end);
    else if (schedule_.map == Schedule::Map::tiles)
      tiled_points(begin, end);
    else
      points(begin, end);
    if (schedule_.nontemporal) b_.CreateIntrinsic(llvm::Intrinsic::x86_sse_sfence, {}, {});
  });
  nest_.close_function();
  b_.CreateRetVoid();
}

// ---- Axes -------------------------------------------------------------------------------------

/// Negative ones count as 0.
Value* Emitter::extent(Id axis) {
  const Id expr = program_.axes[axis].extent;
  if (program_.exprs[expr].code == kernel::Code::constant) {
    return integer(std::max<std::int64_t>(0, static_cast<std::int64_t>(program_.exprs[expr].bits)));
  }
  const std::uint64_t key = key_of(Key::extent, axis);
  if (Value* known = nest_.find(0, key)) return known;
  Value* value = evaluate(expr);
  value = nest_.in_scope(
      0, [&] { return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, value, integer(0)); });
  nest_.remember(0, key, value);
  return value;
}

Value* Emitter::product_of_extents(std::span<const Id> axes) {
  Value* product = integer(1);
  for (const Id axis : axes) product = b_.CreateMul(product, extent(axis));
  return product;
}

void Emitter::set_axis(Id axis, Value* value) { axes_[axis] = {value, nest_.innermost()}; }

/// The values of some axes at iteration `linear`, in row-major order. Their extents are positive.
Values Emitter::position(std::span<const Id> axes, Value* linear) {
  Values values(axes.size());
  for (std::size_t k = axes.size(); k-- > 0;) {
    if (k == 0) {
      values[k] = linear;
    } else {
      values[k] = b_.CreateURem(linear, extent(axes[k]));
      linear = b_.CreateUDiv(linear, extent(axes[k]));
    }
  }
  return values;
}

/// Carries where the last of some axes has reached its extent.
Values Emitter::advance(std::span<const Id> axes, const Values& position) {
  Values next = position;
  for (std::size_t k = axes.size(); k-- > 1;) {
    Value* over = b_.CreateICmpEQ(next[k], extent(axes[k]));
    next[k] = b_.CreateSelect(over, integer(0), next[k]);
    next[k - 1] = b_.CreateAdd(next[k - 1], b_.CreateZExt(over, b_.getInt64Ty()));
  }
  return next;
}

// ---- Points -----------------------------------------------------------------------------------

/// The points [begin, end) of the outer axes: stretches along the last of them, each within one
/// row. Not empty.
void Emitter::points(Value* begin, Value* end) {
  const auto outer = program_.list(program_.outer);
  if (outer.empty()) {
    point_ = integer(0);
    point_start_ = nullptr;
    stages();
    return;
  }
  if (outer.size() == 1) {
    point_ = begin;
    point_start_ = begin;
    segment(begin, end);
    return;
  }
  Value* columns = extent(outer.back());
  Values carried = position(outer, begin);
  carried.push_back(begin);
  nest_.repeat(
      carried, [&](const Values& now) { return b_.CreateICmpSLT(now.back(), end); },
      [&](const Values& now) {
        Value* point = now.back();
        const std::size_t last = outer.size() - 1;
        for (std::size_t k = 0; k < last; ++k) set_axis(outer[k], now[k]);
        Value* left = b_.CreateSub(columns, now[last]);
        Value* length =
            b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, left, b_.CreateSub(end, point));
        Value* stop = b_.CreateAdd(now[last], length);
        point_ = point;
        point_start_ = now[last];
        segment(now[last], stop);
        Values next(now.begin(), now.end() - 1);
        next[last] = stop;
        next = advance(outer, next);
        next.push_back(b_.CreateAdd(point, length));
        return next;
      });
}

/// Values [start, stop) of the last outer axis. Not empty.
void Emitter::segment(Value* start, Value* stop) {
  if (schedule_.prefetches && outer_lanes_ && owned_begin_ == nullptr) {
    const auto outer = program_.list(program_.outer);
    const Id row = outer[outer.size() - 2];
    Value* now = axes_[row].value;
    prefetch_rows(start, stop, [&](std::int64_t rows) {
      Value* last = b_.CreateSub(extent(row), integer(1));
      Value* later = b_.CreateAdd(now, integer(rows));
      set_axis(row, b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, later, last));
    });
  }
  one_segment(start, stop);
}

void Emitter::one_segment(Value* start, Value* stop) {
  const auto outer = program_.list(program_.outer);
  const Id axis = outer.back();
  if (!outer_lanes_) {
    if (interleave_ > 1) {
      interleaved_segment(start, stop);
      return;
    }
    nest_.loop(start, stop, 1, [&](Value* i) {
      set_axis(axis, i);
      stages();
    });
    return;
  }
  const bool keeps = !program_.folds.empty() || row_lanes_ > 1;
  if (!keeps) {
    block_ = Block{axis, start, b_.CreateSub(stop, start), 0};
    stages();
    block_.reset();
    return;
  }
  const unsigned limit = block_limit();
  nest_.loop(start, stop, limit, [&](Value* i) {
    Value* width =
        b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(stop, i), integer(limit));
    block_ = Block{axis, i, width, limit};
    stages();
    block_.reset();
  });
}

/// Blocks [begin, end) of the fold's elements, each for all points.
void Emitter::split_points(Value* begin, Value* end) {
  const auto outer = program_.list(program_.outer);
  nest_.loop(begin, end, 1, [&](Value* block) {
    split_block_ = block;
    Value* count = product_of_extents(outer);
    nest_.when(b_.CreateICmpSGT(count, integer(0)), true, [&] { points(integer(0), count); });
  });
}

// ---- Stages -----------------------------------------------------------------------------------

void Emitter::stages() {
  if (part_ == Part::split) {
    fold(split_fold_);
    return;
  }
  for (const Stage& each : program_.stages) stage(each);
  take_point();
}

/// Of the point that is being worked on, one by one.
Value* Emitter::point_number() {
  if (point_start_ == nullptr) return point_;
  Value* now = axes_[program_.list(program_.outer).back()].value;
  return b_.CreateAdd(point_, b_.CreateSub(now, point_start_));
}

/// Whether a stage's last axis becomes lanes: unless order counts between its effects, or its
/// reductions are better off with lanes of their own.
bool Emitter::vectorises(const Stage& stage) const {
  if (schedule_.vector_axis == kernel::none || stage.checks.count > 1) return false;
  const Id axis = program_.list(stage.axes).back();
  std::size_t shared = 0;
  for (const Id id : program_.list(stage.stores)) shared += program_.stores[id].unique ? 0 : 1;
  if (shared > 1) return false;
  if (stage.folds.count == 0) return true;
  int stage_score = 0;
  int fold_score = 0;
  const auto score = [&](Id load, Id along) {
    const Step step = dependence_.step(program_.accesses[load], along);
    return step.kind == Step::Kind::still || step.by(1) ? 1
           : step.kind == Step::Kind::irregular         ? -1
                                                        : 0;
  };
  for (const Id id : program_.list(stage.folds)) {
    const Fold& each = program_.folds[id];
    if (each.kind != Fold::Kind::reduce || each.axes.count == 0) return true;
    std::vector<Id> loads;
    for (const Id value : program_.list(each.step)) dependence_.collect_loads(value, loads);
    for (const Id load : loads) {
      stage_score += score(load, axis);
      fold_score += score(load, program_.list(each.axes).back());
    }
  }
  return stage_score >= fold_score;
}

/// Nested loops whose extents are known to be positive.
void Emitter::loop_axes(std::span<const Id> axes, const std::function<void()>& body) {
  if (axes.empty()) {
    body();
    return;
  }
  nest_.loop(integer(0), extent(axes.front()), 1, [&](Value* i) {
    set_axis(axes.front(), i);
    loop_axes(axes.subspan(1), body);
  });
}

void Emitter::stage(const Stage& stage) {
  nest_.region([&] {
    const auto folds = program_.list(stage.folds);
    if (!folds.empty() && program_.folds[folds.back()].kind == Fold::Kind::scan)
      scan(stage);
    else
      stage_loops(stage);
  });
}

/// The loops over a stage's own axes, if it has any.
void Emitter::stage_loops(const Stage& stage) {
  const auto axes = program_.list(stage.axes);
  if (axes.empty()) {
    stage_body(stage);
    return;
  }
  Value* runs = b_.getTrue();
  for (const Id axis : axes) runs = b_.CreateAnd(runs, b_.CreateICmpSGT(extent(axis), integer(0)));
  nest_.when(runs, true, [&] {
    if (block_ || !vectorises(stage)) {
      loop_axes(axes, [&] { stage_body(stage); });
      return;
    }
    const Id inner = axes.back();
    loop_axes(axes.first(axes.size() - 1), [&] {
      Value* all = extent(inner);
      if (stage.folds.count == 0) {
        block_ = Block{inner, integer(0), all, 0};
        stage_body(stage);
        block_.reset();
        return;
      }
      const unsigned limit = block_limit();
      nest_.loop(integer(0), all, limit, [&](Value* i) {
        Value* width =
            b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(all, i), integer(limit));
        block_ = Block{inner, i, width, limit};
        stage_body(stage);
        block_.reset();
      });
    });
  });
}

/// Folds, unless they were made for all of the interleaved points at once, and effects.
void Emitter::stage_body(const Stage& stage) {
  if (interleaved_.empty()) {
    for (const Id id : program_.list(stage.folds)) fold(id);
  }
  if (stage.checks.count + stage.stores.count == 0) return;
  for_lanes([&] { effects(stage); }, is_long(stage));
}

/// Whether a stage's effects take so many operations that a mask for each vector costs nothing
/// beside them, while compiling them twice would take long. Stores that bypass the caches have no
/// mask.
bool Emitter::is_long(const Stage& stage) const {
  constexpr std::int64_t long_effects = 100;
  std::vector<Id> values;
  for (const Id id : program_.list(stage.stores)) values.push_back(program_.stores[id].value);
  return level_ == Level::avx512 && !schedule_.nontemporal &&
         dependence_.operations(values) > long_effects;
}

void Emitter::effects(const Stage& stage) {
  for (const Id id : program_.list(stage.checks)) emit_check(program_.checks[id], id);
  emit_stores(stage);
}

/// What is stored is read before anything is written.
void Emitter::emit_stores(const Stage& stage) {
  struct Pending {
    const Store* store;
    Value* value;
    Value* guard;
  };
  std::vector<Pending> pending;
  for (const Id id : program_.list(stage.stores)) {
    const Store& each = program_.stores[id];
    const kernel::Access& to = each.to;
    Value* guard = guard_of(to);
    if (owned_begin_ != nullptr) {
      Value* row = evaluate(program_.list(to.index)[0]);
      guard = mask_and(guard, owns(row));
    }
    pending.push_back({&each, evaluate(each.value), guard});
  }
  for (const Pending& each : pending) store(*each.store, each.value, each.guard);
}

/// Runs `body` with lanes over the block; without one, once, on scalars. `masked`: all vectors may
/// leave lanes out, so that there is one loop, and no code for a shorter last vector besides.
void Emitter::for_lanes(const std::function<void()>& body, bool masked) {
  if (!block_) {
    body();
    return;
  }
  const Block block = *block_;
  const auto bind = [&](Value* at, Value* last) {
    lanes_ = {block.axis, at, nullptr, last, nest_.innermost()};
    body();
    lanes_ = {};
  };
  if (masked) {
    Value* end = b_.CreateAdd(block.start, block.width);
    nest_.loop(block.start, end, lane_count, [&](Value* at) {
      bind(at, b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(end, at),
                                        integer(lane_count)));
    });
    return;
  }
  Value* full = b_.CreateAnd(block.width, integer(-std::int64_t{lane_count}));
  nest_.when(b_.CreateICmpSGT(full, integer(0)), false, [&] {
    nest_.loop(block.start, b_.CreateAdd(block.start, full), lane_count,
               [&](Value* at) { bind(at, nullptr); });
  });
  Value* rest = b_.CreateAnd(block.width, integer(lane_count - 1));
  nest_.when(b_.CreateICmpSGT(rest, integer(0)), false,
             [&] { bind(b_.CreateAdd(block.start, full), rest); });
}

/// Runs `body` for each vector of the block's arrays, the last one whole; without a block, once.
void Emitter::for_vectors(const std::function<void(Value*)>& body) {
  if (!block_) {
    body(integer(0));
    return;
  }
  nest_.loop(integer(0), block_->width, lane_count, body);
}

// ---- Checks -----------------------------------------------------------------------------------

/// Remembers a failure unless one of an earlier point is known.
void Emitter::fail(std::uint32_t error, Value* position, std::span<Value* const> shown) {
  using kernel::Failure;
  const auto at = [&](Value* from, std::size_t offset) {
    return b_.CreateConstGEP1_64(b_.getInt8Ty(), from, offset);
  };
  Value* failure =
      b_.CreateLoad(b_.getPtrTy(), at(arguments_, offsetof(kernel::KernelArguments, failure)));
  Value* known = b_.CreateICmpNE(
      b_.CreateLoad(b_.getInt32Ty(), at(failure, offsetof(Failure, error))), b_.getInt32(0));
  Value* earlier = b_.CreateLoad(b_.getInt64Ty(), at(failure, offsetof(Failure, position)));
  Value* later = b_.CreateAnd(known, b_.CreateICmpSGE(position, earlier));
  nest_.branch(b_.CreateNot(later), nullptr, [&]() -> Value* {
    b_.CreateStore(b_.getInt32(error), at(failure, offsetof(Failure, error)));
    b_.CreateStore(b_.getInt32(static_cast<std::uint32_t>(shown.size())),
                   at(failure, offsetof(Failure, shown_count)));
    b_.CreateStore(position, at(failure, offsetof(Failure, position)));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      b_.CreateStore(shown[i], at(failure, offsetof(Failure, shown) + 8 * i));
    }
    return nullptr;
  });
}

void Emitter::emit_check(const kernel::Check& check, Id number) {
  Value* bad = b_.CreateNot(evaluate(check.ok));
  const bool wide = bad->getType()->isVectorTy();
  Value* bits = nullptr;
  Value* any = bad;
  if (wide) {
    if (lanes_.last != nullptr) bad = b_.CreateAnd(bad, active_mask());
    bits = b_.CreateBitCast(bad, b_.getInt16Ty());
    any = b_.CreateICmpNE(bits, b_.getInt16(0));
  }
  nest_.when(any, false, [&] {
    Value* lane = integer(0);
    if (wide) {
      Value* first =
          b_.CreateIntrinsic(llvm::Intrinsic::cttz, {b_.getInt16Ty()}, {bits, b_.getTrue()});
      lane = b_.CreateZExt(first, b_.getInt64Ty());
    }
    Values shown;
    for (const Id id : program_.list(check.shown)) {
      Value* value = evaluate(id);
      shown.push_back(value->getType()->isVectorTy() ? b_.CreateExtractElement(value, lane)
                                                     : value);
    }
    Value* at = point_;
    if (point_start_ != nullptr) {
      const Id axis = program_.list(program_.outer).back();
      const bool lanes = in_lanes() && lanes_.axis == axis;
      Value* now = lanes ? b_.CreateAdd(lanes_.base, lane) : axes_[axis].value;
      at = b_.CreateAdd(point_, b_.CreateSub(now, point_start_));
    }
    fail(number + 1, at, shown);
  });
}

}  // namespace rill::cpu::llvm_emitter
