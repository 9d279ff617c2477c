// Memory: loads and stores along the lane axis.
//
// Neighbours are one vector access; other lanes are read one by one, or gathered where the
// processor can mask a gather. Invariant: a lane that is not in use, or whose guard is false,
// touches no memory.
#include <rill/cpu/llvm/emitter.h>

#include <algorithm>
#include <cstddef>

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/Metadata.h>

#include <rill/cpu/llvm/key.h>
#include <rill/kernel/schedule.h>
#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using kernel::Access;
using kernel::Buffer;
using kernel::Code;
using kernel::Step;
using kernel::Store;
using llvm::Value;

namespace {
bool is_constant(const kernel::Expr& expr, std::uint64_t bits) {
  return expr.code == Code::constant && expr.bits == bits;
}
}  // namespace

/// An array of 16 on the stack.
Value* Emitter::temporary(llvm::Type* type) {
  llvm::BasicBlock& entry = function_->getEntryBlock();
  llvm::IRBuilder<> at(&entry, entry.begin());
  llvm::AllocaInst* array = at.CreateAlloca(llvm::ArrayType::get(type, lane_count));
  array->setAlignment(llvm::Align(64));
  return array;
}

Value* Emitter::mask_and(Value* a, Value* b) {
  if (a == nullptr || b == nullptr) return a == nullptr ? b : a;
  if (a->getType()->isVectorTy() != b->getType()->isVectorTy())
    return b_.CreateAnd(splat(a), splat(b));
  return b_.CreateAnd(a, b);
}

/// What of scratch comes after the rows, whose sizes only the launch knows.
Value* Emitter::after_rows() {
  const std::uint64_t key = key_of(Key::after_rows, 0);
  if (Value* known = nest_.find(0, key)) return known;
  Value* pointer = nest_.in_scope(0, [&] {
    Value* field = b_.CreateConstGEP1_64(b_.getInt8Ty(), arguments_,
                                         offsetof(kernel::KernelArguments, scratch));
    Value* begin = b_.CreateLoad(b_.getPtrTy(), field);
    Value* rows = integer(0);
    for (const Buffer& buffer : program_.buffers) {
      if (buffer.space != Buffer::Space::row) continue;
      Value* size = integer(static_cast<std::int64_t>(size_of(buffer.type) * row_lanes_));
      for (const Id extent : program_.list(buffer.extents))
        size = b_.CreateMul(size, evaluate(extent));
      rows = b_.CreateAdd(rows, b_.CreateAnd(b_.CreateAdd(size, integer(63)), integer(-64)));
    }
    return element(b_.getInt8Ty(), begin, rows);
  });
  nest_.remember(0, key, pointer);
  return pointer;
}

/// Bytes of scratch after the rows and the accumulators of closing stages.
Value* Emitter::scratch(std::uint64_t bytes) {
  const std::uint64_t offset = (scratch_ + 63) / 64 * 64;
  scratch_ = offset + bytes;
  return nest_.in_scope(0, [&] {
    Value* begin = after_rows();
    if (!program_.closing.empty()) {
      Value* rows = b_.CreateMul(closing_offset(kernel::none, 0), integer(lane_count));
      rows = b_.CreateAnd(b_.CreateAdd(rows, integer(63)), integer(-64));
      begin = element(b_.getInt8Ty(), begin, rows);
    }
    return element(b_.getInt8Ty(), begin, integer(static_cast<std::int64_t>(offset)));
  });
}

Value* Emitter::base(Id id) {
  const bool row = program_.buffers[id].space == Buffer::Space::row;
  const unsigned turn = row ? turns_.first : 0;
  const std::size_t scope = base_scope(id);
  const std::uint64_t key = key_of(Key::buffer, id, 0, turn);
  if (Value* known = nest_.find(scope, key)) return known;
  Value* pointer = nest_.in_scope(scope, [&]() -> Value* {
    if (row) {
      Value* field = b_.CreateConstGEP1_64(b_.getInt8Ty(), arguments_,
                                           offsetof(kernel::KernelArguments, scratch));
      Value* begin = b_.CreateLoad(b_.getPtrTy(), field);
      for (Id k = 0; k < id; ++k) {
        const Buffer& buffer = program_.buffers[k];
        if (buffer.space != Buffer::Space::row) continue;
        Value* size = integer(static_cast<std::int64_t>(size_of(buffer.type) * row_lanes_));
        for (const Id extent : program_.list(buffer.extents))
          size = b_.CreateMul(size, evaluate(extent));
        begin = element(b_.getInt8Ty(), begin,
                        b_.CreateAnd(b_.CreateAdd(size, integer(63)), integer(-64)));
      }
      if (turn == 0) return begin;
      Value* now = axes_[program_.list(program_.outer).back()].value;
      const auto width = static_cast<std::int64_t>(size_of(program_.buffers[id].type));
      Value* size = b_.CreateMul(b_.CreateSub(now, interleaved_[0]), integer(width));
      for (const Id extent : program_.list(program_.buffers[id].extents))
        size = b_.CreateMul(size, evaluate(extent));
      return element(b_.getInt8Ty(), begin, size);
    }
    std::uint64_t number = 0;
    for (Id k = 0; k < id; ++k) number += program_.buffers[k].space != Buffer::Space::row ? 1 : 0;
    Value* field = b_.CreateConstGEP1_64(b_.getInt8Ty(), arguments_,
                                         offsetof(kernel::KernelArguments, buffers));
    Value* all = b_.CreateLoad(b_.getPtrTy(), field);
    return b_.CreateLoad(b_.getPtrTy(), b_.CreateConstGEP1_64(b_.getPtrTy(), all, number));
  });
  nest_.remember(scope, key, pointer);
  return pointer;
}

/// Where it is known where a buffer begins: points that are interleaved have rows of their own.
std::size_t Emitter::base_scope(Id id) const {
  const bool own = program_.buffers[id].space == Buffer::Space::row && !interleaved_.empty();
  return own ? axes_[program_.list(program_.outer).back()].scope : 0;
}

/// Loads' accesses first, then those of the stores.
std::uint32_t Emitter::number_of(const Access& access) const {
  for (std::size_t i = 0; i < program_.stores.size(); ++i) {
    if (&program_.stores[i].to == &access)
      return static_cast<std::uint32_t>(program_.accesses.size() + i);
  }
  return static_cast<std::uint32_t>(&access - program_.accesses.data());
}

/// Which of the rows that lie side by side is lane 0's.
Value* Emitter::lane_position() {
  Value* at = in_lanes() ? lanes_.base : axes_[block_->axis].value;
  return b_.CreateSub(at, block_->start);
}

Value* Emitter::address(const Access& access) {
  const Buffer& buffer = program_.buffers[access.buffer];
  llvm::Type* type = arithmetic_.stored(buffer.type);
  const auto index = program_.list(access.index);
  const auto strides = program_.list(buffer.strides);
  struct Term {
    std::size_t scope;
    Id index, stride;
    std::uint32_t dimension;
  };
  std::vector<Term> terms;
  for (std::size_t d = 0; d < index.size(); ++d) {
    if (is_constant(program_.exprs[strides[d]], 0) || is_constant(program_.exprs[index[d]], 0))
      continue;
    const std::size_t scope =
        std::max({scope_of(index[d]), scope_of(strides[d]), base_scope(access.buffer)});
    terms.push_back({scope, index[d], strides[d], std::uint32_t{1} << d});
  }
  // Outer loops first, so that what they contribute is added once.
  std::sort(terms.begin(), terms.end(), [](const Term& a, const Term& b) {
    return a.scope != b.scope ? a.scope < b.scope : a.dimension < b.dimension;
  });
  const bool side_by_side = this->side_by_side(buffer);
  Value* pointer = base(access.buffer);
  const std::uint32_t id = number_of(access);
  // A pointer is known by the dimensions that went into it: elsewhere the same terms may come in
  // another order.
  std::uint32_t dimensions = 0;
  const bool row = buffer.space == Buffer::Space::row;
  unsigned turn = row ? turns_.first : 0;
  if (index.size() > 24) throw InternalError("LLVM emitter: a buffer has more than 24 dimensions");
  for (const Term& term : terms) {
    dimensions |= term.dimension;
    turn = std::max(turn, point_of(term.index));
    const std::uint64_t key = key_of(Key::pointer, id, dimensions, turn);
    Value* known = nest_.find(term.scope, key);
    if (known == nullptr) {
      known = nest_.in_scope(term.scope, [&] {
        Value* offset = evaluate_scalar(term.index);
        if (!is_constant(program_.exprs[term.stride], 1))
          offset = b_.CreateMul(offset, evaluate(term.stride));
        if (side_by_side)
          offset = b_.CreateMul(offset, integer(static_cast<std::int64_t>(row_lanes_)));
        return element(type, pointer, offset);
      });
      nest_.remember(term.scope, key, known);
    }
    pointer = known;
  }
  return side_by_side ? element(type, pointer, lane_position()) : pointer;
}

Value* Emitter::offsets(const Access& access) {
  const Buffer& buffer = program_.buffers[access.buffer];
  const auto index = program_.list(access.index);
  const auto strides = program_.list(buffer.strides);
  const bool side_by_side = this->side_by_side(buffer);
  Value* total = splat(integer(0));
  for (std::size_t d = 0; d < index.size(); ++d) {
    if (is_constant(program_.exprs[strides[d]], 0)) continue;
    Value* offset = spread(index[d]);
    if (!is_constant(program_.exprs[strides[d]], 1))
      offset = b_.CreateMul(offset, spread(strides[d]));
    if (side_by_side)
      offset = b_.CreateMul(offset, splat(integer(static_cast<std::int64_t>(row_lanes_))));
    total = b_.CreateAdd(total, offset);
  }
  if (side_by_side) {
    std::array<llvm::Constant*, lane_count> numbers{};
    for (unsigned i = 0; i < lane_count; ++i) numbers[i] = b_.getInt64(i);
    total = b_.CreateAdd(total,
                         b_.CreateAdd(splat(lane_position()), llvm::ConstantVector::get(numbers)));
  }
  return total;
}

// ---- Guards -----------------------------------------------------------------------------------

/// Where all indices are inside; reports those that are not.
Value* Emitter::bounds_of(const Access& access) {
  const Buffer& buffer = program_.buffers[access.buffer];
  const auto index = program_.list(access.index);
  const auto extents = program_.list(buffer.extents);
  Value* inside = b_.getTrue();
  for (std::size_t d = 0; d < index.size(); ++d) {
    Value* at = evaluate(index[d]);
    const bool wide = at->getType()->isVectorTy();
    Value* extent = wide ? spread(extents[d]) : evaluate(extents[d]);
    inside = mask_and(inside, b_.CreateICmpULT(at, extent));
  }
  return inside;
}

/// The access's guard, and its bounds where they are checked; null when it always holds.
Value* Emitter::guard_of(const Access& access) {
  Value* guard = access.guard == kernel::none ? nullptr : evaluate(access.guard);
  if (!schedule_.bounds_checks) return guard;
  Value* inside = bounds_of(access);
  Value* outside = mask_and(b_.CreateNot(inside), guard);
  if (outside->getType()->isVectorTy()) {
    if (lanes_.last != nullptr) outside = b_.CreateAnd(outside, active_mask());
    outside = b_.CreateICmpNE(b_.CreateBitCast(outside, b_.getInt16Ty()), b_.getInt16(0));
  }
  nest_.branch(outside, nullptr, [&]() -> Value* {
    fail(kernel::Failure::bounds, integer(-1), {});
    return nullptr;
  });
  return mask_and(guard, inside);
}

// ---- Loads ------------------------------------------------------------------------------------

Value* Emitter::load(Id id) {
  const Access& access = program_.accesses[id];
  const Buffer& buffer = program_.buffers[access.buffer];
  llvm::Type* type = arithmetic_.stored(buffer.type);
  const llvm::Align align(size_of(buffer.type));
  const bool side_by_side = this->side_by_side(buffer);
  for (const auto& [tiled, tile] : tiles_) {
    if (tiled != id || !in_lanes()) continue;
    Value* at = b_.CreateAdd(b_.CreateMul(tile_row_, integer(kernel::tile_side)), lane_position());
    return arithmetic_.from_memory(
        buffer.type, b_.CreateAlignedLoad(vector_of(type), element(type, tile, at), align));
  }
  Step step = in_lanes() ? dependence_.step(access, lanes_.axis) : Step{};
  if (side_by_side && in_lanes()) {
    step = step.kind == Step::Kind::still ? Step{Step::Kind::constant, 1}
                                          : Step{Step::Kind::irregular, 0};
  }
  Value* guard = guard_of(access);
  Value* otherwise = nullptr;
  if (guard != nullptr && access.otherwise != kernel::none) {
    otherwise = arithmetic_.to_memory(buffer.type, evaluate(access.otherwise));
  }
  const bool varying_guard = guard != nullptr && guard->getType()->isVectorTy();
  const bool varying_otherwise = otherwise != nullptr && otherwise->getType()->isVectorTy();

  // One element for all lanes.
  if (step.kind == Step::Kind::still && !varying_guard) {
    const auto read = [&]() -> Value* {
      return b_.CreateAlignedLoad(type, address(access), align);
    };
    if (guard == nullptr) return arithmetic_.from_memory(buffer.type, read());
    Value* pointer = address(access);
    Value* missing = otherwise != nullptr ? otherwise : llvm::Constant::getNullValue(type);
    const bool wide = varying_otherwise;
    Value* value = nest_.branch(guard, missing, [&]() -> Value* {
      Value* scalar = b_.CreateAlignedLoad(type, pointer, align);
      return wide ? splat(scalar) : scalar;
    });
    return arithmetic_.from_memory(buffer.type, value);
  }

  if (otherwise != nullptr) otherwise = splat(otherwise);
  if (guard != nullptr) guard = splat(guard);
  Value* value = nullptr;
  if (step.by(1)) {
    value = load_vector(type, address(access), guard, otherwise);
    if (std::find(repeated_loads_.begin(), repeated_loads_.end(), id) != repeated_loads_.end())
      prefetch_next_row(access);
  } else if (guard == nullptr && lanes_.last == nullptr && step.by(2)) {
    // The even ones of 31 neighbours; the 32nd may lie outside.
    Value* pointer = address(access);
    Value* low = b_.CreateAlignedLoad(vector_of(type), pointer, align);
    Value* high = b_.CreateAlignedLoad(vector_of(type),
                                       element(type, pointer, integer(lane_count - 1)), align);
    std::array<int, lane_count> order{};
    for (int i = 0; i < static_cast<int>(lane_count); ++i)
      order[static_cast<std::size_t>(i)] = i < 8 ? 2 * i : 2 * i + 1;
    value = b_.CreateShuffleVector(low, high, order);
  } else if (guard == nullptr && lanes_.last == nullptr && step.by(-1)) {
    Value* pointer =
        element(type, address(access), integer(1 - static_cast<std::int64_t>(lane_count)));
    value = b_.CreateVectorReverse(b_.CreateAlignedLoad(vector_of(type), pointer, align));
  } else if (step.kind == Step::Kind::irregular ||
             (step.kind == Step::Kind::uniform && gathers(buffer.type))) {
    Value* from = base(access.buffer);
    Value* all = offsets(access);
    if (gathers(buffer.type)) {
      Value* mask = mask_and(lanes_.last == nullptr ? nullptr : active_mask(), guard);
      if (mask == nullptr) mask = splat(b_.getTrue());
      Value* missing =
          otherwise != nullptr ? otherwise : llvm::Constant::getNullValue(vector_of(type));
      value =
          b_.CreateMaskedGather(vector_of(type), element(type, from, all), align, mask, missing);
    } else if (guard == nullptr && lanes_.last == nullptr) {
      value = gather(
          type,
          [&](Value* lane) { return element(type, from, b_.CreateExtractElement(all, lane)); },
          nullptr, nullptr);
    } else {
      Value* table = temporary(b_.getInt64Ty());
      b_.CreateAlignedStore(all, table, llvm::Align(64));
      value = gather(
          type,
          [&](Value* lane) {
            return element(type, from,
                           b_.CreateLoad(b_.getInt64Ty(), element(b_.getInt64Ty(), table, lane)));
          },
          guard, otherwise);
    }
  } else {
    Value* pointer = address(access);
    Value* stride = nullptr;
    if (step.kind == Step::Kind::still) {
      stride = integer(0);
    } else if (step.kind == Step::Kind::constant) {
      stride = integer(step.amount);
    } else {
      // Affine: the distance between the first two lanes is that of all.
      Value* all = offsets(access);
      stride = b_.CreateSub(b_.CreateExtractElement(all, std::uint64_t{1}),
                            b_.CreateExtractElement(all, std::uint64_t{0}));
    }
    value = gather(
        type, [&](Value* lane) { return element(type, pointer, b_.CreateMul(lane, stride)); },
        guard, otherwise);
  }
  return arithmetic_.from_memory(buffer.type, value);
}

/// 16 neighbours, those in use and with a guard that holds; the others are `otherwise`, or
/// anything.
Value* Emitter::load_vector(llvm::Type* type, Value* pointer, Value* guard, Value* otherwise) {
  llvm::FixedVectorType* wide = vector_of(type);
  const llvm::Align align(type->getScalarSizeInBits() / 8);
  const auto plain = [&]() -> Value* { return b_.CreateAlignedLoad(wide, pointer, align); };
  if (guard == nullptr && lanes_.last == nullptr) return plain();
  Value* missing = otherwise != nullptr ? otherwise : llvm::Constant::getNullValue(wide);
  if (level_ == Level::avx512) {
    Value* mask = mask_and(lanes_.last == nullptr ? nullptr : active_mask(), guard);
    return b_.CreateMaskedLoad(wide, pointer, align, mask, missing);
  }
  const auto one_by_one = [&] {
    return gather(
        type, [&](Value* lane) { return element(type, pointer, lane); }, guard, otherwise);
  };
  if (lanes_.last != nullptr) return one_by_one();
  Value* all = b_.CreateICmpEQ(b_.CreateBitCast(guard, b_.getInt16Ty()), b_.getInt16(0xffff));
  Value* neighbours = nest_.branch(all, missing, plain);
  return nest_.branch(b_.CreateNot(all), neighbours, one_by_one);
}

/// One by one.
Value* Emitter::gather(llvm::Type* type, const std::function<Value*(Value*)>& pointer, Value* guard,
                       Value* otherwise) {
  llvm::FixedVectorType* wide = vector_of(type);
  const llvm::Align align(type->getScalarSizeInBits() / 8);
  if (guard == nullptr && lanes_.last == nullptr) {
    Value* all = llvm::PoisonValue::get(wide);
    for (unsigned i = 0; i < lane_count; ++i) {
      Value* one = b_.CreateAlignedLoad(type, pointer(integer(i)), align);
      all = b_.CreateInsertElement(all, one, std::uint64_t{i});
    }
    return all;
  }
  Value* collected = temporary(type);
  b_.CreateAlignedStore(otherwise != nullptr ? otherwise : llvm::Constant::getNullValue(wide),
                        collected, llvm::Align(64));
  Value* flags = nullptr;
  if (guard != nullptr) {
    flags = temporary(b_.getInt8Ty());
    b_.CreateAlignedStore(b_.CreateZExt(guard, vector_of(b_.getInt8Ty())), flags, llvm::Align(64));
  }
  Value* first = lanes_.first == nullptr ? integer(0) : lanes_.first;
  Value* last = lanes_.last == nullptr ? integer(lane_count) : lanes_.last;
  nest_.plain_loop(first, last, [&](Value* lane) {
    const auto read = [&]() -> Value* {
      b_.CreateStore(b_.CreateAlignedLoad(type, pointer(lane), align),
                     element(type, collected, lane));
      return nullptr;
    };
    if (flags == nullptr) {
      read();
      return;
    }
    Value* flag = b_.CreateLoad(b_.getInt8Ty(), element(b_.getInt8Ty(), flags, lane));
    nest_.branch(b_.CreateICmpNE(flag, b_.getInt8(0)), nullptr, read);
  });
  return b_.CreateAlignedLoad(wide, collected, llvm::Align(64));
}

// ---- Stores -----------------------------------------------------------------------------------

void Emitter::store_one(const Store& store, Value* pointer, Value* value) {
  const DType dtype = program_.buffers[store.to.buffer].type;
  llvm::Type* type = arithmetic_.stored(dtype);
  const llvm::Align align(size_of(dtype));
  if (store.mode != Store::Mode::set) {
    Value* old = arithmetic_.from_memory(dtype, b_.CreateAlignedLoad(type, pointer, align));
    value = arithmetic_.combine(store.mode, dtype, old, value);
  }
  b_.CreateAlignedStore(arithmetic_.to_memory(dtype, value), pointer, align);
}

/// `guard` is the access's, a scalar or one bit per lane; null where it always holds.
void Emitter::store(const Store& store, Value* value, Value* guard) {
  const Access& access = store.to;
  const Buffer& buffer = program_.buffers[access.buffer];
  const bool side_by_side = this->side_by_side(buffer);
  if (guard != nullptr && !guard->getType()->isVectorTy()) {
    // Offsets are evaluated before the branch: what is remembered must dominate later code.
    const auto later = [&](auto&& emit) {
      nest_.branch(guard, nullptr, [&]() -> Value* {
        emit();
        return nullptr;
      });
    };
    if (!in_lanes()) {
      Value* pointer = address(store.to);
      later([&] { store_one(store, pointer, value); });
      return;
    }
    guard = splat(guard);
  }
  if (!in_lanes()) {
    store_one(store, address(store.to), value);
    return;
  }
  Step step = dependence_.step(access, lanes_.axis);
  if (side_by_side) {
    step = step.kind == Step::Kind::still ? Step{Step::Kind::constant, 1}
                                          : Step{Step::Kind::irregular, 0};
  }
  value = splat(value);
  if (!step.by(1)) {
    store_lanes(store, value, guard);
    return;
  }
  Value* pointer = address(store.to);
  llvm::Type* type = arithmetic_.stored(buffer.type);
  if (store.mode != Store::Mode::set) {
    Value* old = arithmetic_.from_memory(buffer.type, load_vector(type, pointer, guard, nullptr));
    value = arithmetic_.combine(store.mode, buffer.type, old, value);
  }
  const bool bypass = schedule_.nontemporal && buffer.space == Buffer::Space::output;
  store_vector(arithmetic_.to_memory(buffer.type, value), pointer, guard, bypass);
}

void Emitter::store_vector(Value* value, Value* pointer, Value* guard, bool bypass) {
  llvm::Type* type = value->getType()->getScalarType();
  const llvm::Align align(type->getScalarSizeInBits() / 8);
  if (guard == nullptr && lanes_.last == nullptr) {
    if (bypass) {
      // Whoever chose this has seen to the alignment.
      const unsigned bytes = std::min(64U, type->getScalarSizeInBits() / 8 * lane_count);
      llvm::StoreInst* store = b_.CreateAlignedStore(value, pointer, llvm::Align(bytes));
      auto& context = b_.getContext();
      auto* one = llvm::ConstantAsMetadata::get(b_.getInt32(1));
      store->setMetadata(llvm::LLVMContext::MD_nontemporal, llvm::MDNode::get(context, one));
    } else {
      b_.CreateAlignedStore(value, pointer, align);
    }
    return;
  }
  if (level_ == Level::avx512) {
    Value* mask = mask_and(lanes_.last == nullptr ? nullptr : active_mask(), guard);
    b_.CreateMaskedStore(value, pointer, align, mask);
    return;
  }
  const auto one_by_one = [&]() -> Value* {
    Value* values = temporary(type);
    b_.CreateAlignedStore(value, values, llvm::Align(64));
    Value* flags = nullptr;
    if (guard != nullptr) {
      flags = temporary(b_.getInt8Ty());
      b_.CreateAlignedStore(b_.CreateZExt(guard, vector_of(b_.getInt8Ty())), flags,
                            llvm::Align(64));
    }
    Value* first = lanes_.first == nullptr ? integer(0) : lanes_.first;
    Value* last = lanes_.last == nullptr ? integer(lane_count) : lanes_.last;
    nest_.plain_loop(first, last, [&](Value* lane) {
      const auto write = [&]() -> Value* {
        Value* one = b_.CreateLoad(type, element(type, values, lane));
        b_.CreateAlignedStore(one, element(type, pointer, lane), align);
        return nullptr;
      };
      if (flags == nullptr) {
        write();
        return;
      }
      Value* flag = b_.CreateLoad(b_.getInt8Ty(), element(b_.getInt8Ty(), flags, lane));
      nest_.branch(b_.CreateICmpNE(flag, b_.getInt8(0)), nullptr, write);
    });
    return nullptr;
  };
  if (lanes_.last != nullptr) {
    one_by_one();
    return;
  }
  Value* all = b_.CreateICmpEQ(b_.CreateBitCast(guard, b_.getInt16Ty()), b_.getInt16(0xffff));
  nest_.branch(all, nullptr, [&]() -> Value* {
    b_.CreateAlignedStore(value, pointer, align);
    return nullptr;
  });
  nest_.branch(b_.CreateNot(all), nullptr, one_by_one);
}

/// Lane after lane, in order: two of them may meet one element.
void Emitter::store_lanes(const Store& store, Value* value, Value* guard) {
  const DType dtype = program_.buffers[store.to.buffer].type;
  llvm::Type* type = arithmetic_.stored(dtype);
  Value* from = base(store.to.buffer);
  Value* values = temporary(type);
  b_.CreateAlignedStore(arithmetic_.to_memory(dtype, value), values, llvm::Align(64));
  Value* places = temporary(b_.getInt64Ty());
  b_.CreateAlignedStore(offsets(store.to), places, llvm::Align(64));
  Value* flags = nullptr;
  if (guard != nullptr) {
    flags = temporary(b_.getInt8Ty());
    b_.CreateAlignedStore(b_.CreateZExt(guard, vector_of(b_.getInt8Ty())), flags, llvm::Align(64));
  }
  Value* first = lanes_.first == nullptr ? integer(0) : lanes_.first;
  Value* last = lanes_.last == nullptr ? integer(lane_count) : lanes_.last;
  nest_.plain_loop(first, last, [&](Value* lane) {
    const auto write = [&]() -> Value* {
      Value* place = b_.CreateLoad(b_.getInt64Ty(), element(b_.getInt64Ty(), places, lane));
      Value* one = arithmetic_.from_memory(dtype, b_.CreateLoad(type, element(type, values, lane)));
      store_one(store, element(type, from, place), one);
      return nullptr;
    };
    if (flags == nullptr) {
      write();
      return;
    }
    Value* flag = b_.CreateLoad(b_.getInt8Ty(), element(b_.getInt8Ty(), flags, lane));
    nest_.branch(b_.CreateICmpNE(flag, b_.getInt8(0)), nullptr, write);
  });
}

}  // namespace rill::cpu::llvm_emitter
