// Expressions: each is emitted once per scope in which it is needed, as a scalar unless it changes
// from lane to lane.
#include <rill/cpu/llvm/emitter.h>

#include <algorithm>
#include <cstddef>

#include <rill/cpu/llvm/key.h>

namespace rill::cpu::llvm_emitter {

using kernel::Code;
using kernel::contains;
using kernel::Expr;
using llvm::Value;

llvm::FixedVectorType* Emitter::vector_of(llvm::Type* element) const {
  return llvm::FixedVectorType::get(element, lane_count);
}

/// The innermost of the scopes where what `id` reads came to be known.
std::size_t Emitter::scope_of(Id id) const {
  const auto& leaves = dependence_.leaves(id);
  std::size_t scope = 0;
  const auto each = [](kernel::Set set, auto&& visit) {
    for (; set != 0; set &= set - 1) visit(static_cast<Id>(std::countr_zero(set)));
  };
  each(leaves.axes, [&](Id axis) {
    scope = std::max(scope, in_lanes() && axis == lanes_.axis ? lanes_.scope : axes_[axis].scope);
  });
  each(leaves.accumulators, [&](Id fold) { scope = std::max(scope, accumulator_scopes_[fold]); });
  each(leaves.results, [&](Id fold) {
    const Results& results = results_of(fold);
    scope = std::max(scope, results.arrays.empty() ? results.scope : lanes_.scope);
  });
  if (leaves.loads) scope = std::max(scope, nest_.safe());
  if (leaves.loads_written) scope = nest_.innermost();
  return std::min(scope, nest_.innermost());
}

/// Which of the points that are interleaved a value belongs to; 0 where it is the same for all.
unsigned Emitter::point_of(Id id) const {
  if (interleaved_.empty()) return 0;
  const auto& leaves = dependence_.leaves(id);
  const bool differs = contains(dependence_.axes(id), program_.list(program_.outer).back()) ||
                       leaves.accumulators != 0 || leaves.results != 0 || leaves.loads_written;
  return differs ? turns_.first : 0;
}

Value* Emitter::evaluate(Id id) {
  const bool zero = lane_zero_ && in_lanes() && contains(dependence_.axes(id), lanes_.axis);
  const std::size_t scope = scope_of(id);
  const std::uint64_t key = key_of(zero ? Key::lane_zero : Key::value, id, 0, point_of(id));
  if (Value* known = nest_.find(scope, key)) return known;
  Value* value = nest_.in_scope(scope, [&] { return lower(id); });
  nest_.remember(scope, key, value);
  return value;
}

Value* Emitter::evaluate_scalar(Id id) {
  const bool before = lane_zero_;
  lane_zero_ = true;
  Value* value = evaluate(id);
  lane_zero_ = before;
  return value;
}

Value* Emitter::spread(Id id) {
  Value* value = evaluate(id);
  if (value->getType()->isVectorTy()) return value;
  const std::size_t scope = scope_of(id);
  const std::uint64_t key = key_of(Key::splat, id, 0, point_of(id));
  if (Value* known = nest_.find(scope, key)) return known;
  Value* wide = nest_.in_scope(scope, [&] { return splat(value); });
  nest_.remember(scope, key, wide);
  return wide;
}

Value* Emitter::splat(Value* scalar) {
  return scalar->getType()->isVectorTy() ? scalar : b_.CreateVectorSplat(lane_count, scalar);
}

Value* Emitter::lower(Id id) {
  const Expr& expr = program_.exprs[id];
  switch (expr.code) {
    case Code::constant:
      return arithmetic_.constant(expr.type, expr.bits);
    case Code::parameter:
      return parameter(static_cast<Id>(expr.bits), expr.type);
    case Code::size:
      return size(static_cast<Id>(expr.bits));
    case Code::load:
      return load(static_cast<Id>(expr.bits));
    case Code::result:
      return result(static_cast<Id>(expr.bits >> 8U), static_cast<Id>(expr.bits & 0xffU));
    case Code::accumulator: {
      const auto fold = static_cast<std::size_t>(expr.bits >> 9U);
      return accumulators_[fold][expr.bits >> 8U & 1U][expr.bits & 0xffU];
    }
    case Code::axis: {
      const Id axis = static_cast<Id>(expr.bits);
      if (!in_lanes() || axis != lanes_.axis) return axes_[axis].value;
      if (lane_zero_) return lanes_.base;
      std::array<llvm::Constant*, lane_count> numbers{};
      for (unsigned i = 0; i < lane_count; ++i) numbers[i] = b_.getInt64(i);
      return b_.CreateAdd(splat(lanes_.base), llvm::ConstantVector::get(numbers));
    }
    default:
      break;
  }
  Values args;
  bool wide = false;
  for (unsigned i = 0; i < expr.arity; ++i) {
    args.push_back(evaluate(expr.args[i]));
    wide = wide || args.back()->getType()->isVectorTy();
  }
  if (wide) {
    for (unsigned i = 0; i < expr.arity; ++i) args[i] = spread(expr.args[i]);
  }
  const DType operand = program_.exprs[expr.args[expr.code == Code::select ? 1 : 0]].type;
  return arithmetic_.apply(expr.code, operand, expr.type, args);
}

/// The field of `KernelArguments` at `offset`, a pointer.
static Value* argument_field(llvm::IRBuilder<>& b, Value* arguments, std::size_t offset) {
  return b.CreateLoad(b.getPtrTy(), b.CreateConstGEP1_64(b.getInt8Ty(), arguments, offset));
}

Value* Emitter::parameter(Id number, DType dtype) {
  Value* all = argument_field(b_, arguments_, offsetof(kernel::KernelArguments, parameters));
  Value* slot = b_.CreateConstGEP1_64(b_.getInt64Ty(), all, number);
  return arithmetic_.from_memory(dtype, b_.CreateLoad(arithmetic_.stored(dtype), slot));
}

Value* Emitter::size(Id number) {
  Value* all = argument_field(b_, arguments_, offsetof(kernel::KernelArguments, sizes));
  return b_.CreateLoad(b_.getInt64Ty(), b_.CreateConstGEP1_64(b_.getInt64Ty(), all, number));
}

Value* Emitter::result(Id fold, Id slot) {
  const Results& results = results_of(fold);
  if (results.arrays.empty()) return results.values[slot];
  const DType dtype = slot_type(fold, slot);
  llvm::Type* stored = arithmetic_.stored(dtype);
  Value* at = element(stored, results.arrays[slot], b_.CreateSub(lanes_.base, results.start));
  return arithmetic_.from_memory(
      dtype, b_.CreateAlignedLoad(vector_of(stored), at, llvm::Align(size_of(dtype))));
}

/// The lanes that are in use, as bits.
Value* Emitter::active_mask() {
  const std::uint64_t key = key_of(Key::active, 0);
  if (Value* known = nest_.find(lanes_.scope, key)) return known;
  Value* mask = nest_.in_scope(lanes_.scope, [&] {
    std::array<llvm::Constant*, lane_count> numbers{};
    for (unsigned i = 0; i < lane_count; ++i) numbers[i] = b_.getInt32(i);
    Value* lane = llvm::ConstantVector::get(numbers);
    const auto narrow = [&](Value* bound) { return splat(b_.CreateTrunc(bound, b_.getInt32Ty())); };
    Value* below = b_.CreateICmpSLT(lane, narrow(lanes_.last));
    return lanes_.first == nullptr
               ? below
               : b_.CreateAnd(below, b_.CreateICmpSGE(lane, narrow(lanes_.first)));
  });
  nest_.remember(lanes_.scope, key, mask);
  return mask;
}

}  // namespace rill::cpu::llvm_emitter
