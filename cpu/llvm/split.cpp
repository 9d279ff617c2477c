// Reductions that several threads share.
//
// Each call reduces whole blocks and leaves their accumulators in memory; the last part joins them
// by the tree that one thread would have followed, of which a block is a node.
#include <rill/cpu/llvm/emitter.h>

#include <cstddef>

#include <llvm/IR/Intrinsics.h>

#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using llvm::Value;

Value* Emitter::partials() {
  Value* field = b_.CreateConstGEP1_64(b_.getInt8Ty(), arguments_,
                                       offsetof(kernel::KernelArguments, partials));
  return b_.CreateLoad(b_.getPtrTy(), field);
}

/// partials[block][point][slot], 8 bytes each.
Value* Emitter::partial_slot(Id id, Value* block, Value* point, Id slot) {
  Value* all = partials();
  Value* points = product_of_extents(program_.list(program_.outer));
  Value* index = b_.CreateAdd(b_.CreateMul(block, points), point);
  index = b_.CreateMul(index, integer(program_.folds[id].init.count));
  return element(b_.getInt64Ty(), all, b_.CreateAdd(index, integer(slot)));
}

void Emitter::store_partials(Id id, Value* block) {
  const Results& results = results_of(id);
  const auto write = [&](Value* point, const Values& values) {
    for (std::size_t slot = 0; slot < values.size(); ++slot) {
      Value* to = partial_slot(id, block, point, static_cast<Id>(slot));
      b_.CreateAlignedStore(arithmetic_.to_memory(slot_type(id, slot), values[slot]), to,
                            llvm::Align(8));
    }
  };
  if (!block_) {
    write(point_number(), results.values);
    return;
  }
  Value* start = b_.CreateAdd(point_, b_.CreateSub(block_->start, point_start_));
  nest_.loop(integer(0), block_->width, 1, [&](Value* i) {
    write(b_.CreateAdd(start, i), load_slots(id, results.arrays, i, false));
  });
}

/// Joins the blocks' accumulators by the same tree: a whole block is a node of it.
void Emitter::finish_split(Id id) {
  const Values init = init_values(id);
  Value* count = fold_elements(id);
  if (block_) throw InternalError("LLVM emitter: a split reduction ends on scalars");
  const Values stack = stack_for(id, tree_levels);
  Value* point = point_number();
  const Values results = nest_.when(b_.CreateICmpSGT(count, integer(0)), init, true, [&] {
    Value* blocks = b_.CreateUDiv(b_.CreateAdd(count, integer(kernel::split_block - 1)),
                                  integer(kernel::split_block));
    const auto read = [&](Value* block) {
      Values values;
      for (Id slot = 0; slot < program_.folds[id].init.count; ++slot) {
        const DType dtype = slot_type(id, slot);
        Value* from = partial_slot(id, block, point, slot);
        values.push_back(arithmetic_.from_memory(
            dtype, b_.CreateAlignedLoad(arithmetic_.stored(dtype), from, llvm::Align(8))));
      }
      return values;
    };
    nest_.loop(integer(0), blocks, 1,
               [&](Value* block) { push_total(id, stack, block, read(block), 0); });
    return join_totals(id, stack, blocks, false);
  });
  results_of(id) = {results, nest_.innermost(), {}, nullptr};
}

}  // namespace rill::cpu::llvm_emitter
