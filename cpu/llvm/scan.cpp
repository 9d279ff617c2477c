// Sequences and scans: folds in which each element waits for the one before it.
//
// Lanes can only be other outputs here: the prefixes of a block of them lie side by side in
// scratch.
#include <rill/cpu/llvm/emitter.h>

#include <cstddef>

#include <llvm/IR/Intrinsics.h>

namespace rill::cpu::llvm_emitter {

using kernel::Fold;
using kernel::fold_chunk;
using kernel::fold_chunk_bits;
using llvm::Value;

namespace {
constexpr std::int64_t most_written_out = 16;  // elements of a sequence
}  // namespace

/// The steps of a short sequence, one after the other.
Values Emitter::written_out_sequence(Id id, std::int64_t count, Values values) {
  const auto axes = program_.list(program_.folds[id].axes);
  for (std::int64_t element = 0; element < count; ++element) {
    nest_.region([&] {
      const Values place = position(axes, integer(element));
      for (std::size_t a = 0; a < axes.size(); ++a) set_axis(axes[a], place[a]);
      values = step_values(id, values);
    });
  }
  return values;
}

void Emitter::run_sequence(Id id) {
  const Fold& fold = program_.folds[id];
  const auto axes = program_.list(fold.axes);
  const bool wide = block_.has_value();
  Values results;
  if (wide) results = stack_for(id, block_->limit);
  for_lanes([&] {
    Values init = init_values(id);
    if (wide) {
      for (Value*& value : init) value = splat(value);
    }
    Value* count = fold_elements(id);
    const auto* known = llvm::dyn_cast<llvm::ConstantInt>(count);
    const bool written_out = known != nullptr && known->getSExtValue() <= most_written_out;
    const Values values =
        written_out
            ? written_out_sequence(id, known->getSExtValue(), init)
            : nest_.when(b_.CreateICmpSGT(count, integer(0)), init, true, [&] {
                Values carried = position(axes, integer(0));
                carried.insert(carried.end(), init.begin(), init.end());
                const Values last =
                    nest_.loop(integer(0), count, 1, carried, [&](Value*, const Values& now) {
                      const auto split = now.begin() + static_cast<std::ptrdiff_t>(axes.size());
                      Values place(now.begin(), split);
                      for (std::size_t a = 0; a < axes.size(); ++a) set_axis(axes[a], place[a]);
                      const Values stepped = step_values(id, Values(split, now.end()));
                      if (!place.empty()) place.back() = b_.CreateAdd(place.back(), integer(1));
                      Values next = advance(axes, place);
                      next.insert(next.end(), stepped.begin(), stepped.end());
                      return next;
                    });
                return Values(last.begin() + static_cast<std::ptrdiff_t>(axes.size()), last.end());
              });
    if (wide)
      store_slots(id, results, b_.CreateSub(lanes_.base, block_->start), values);
    else
      results_of(id) = {values, nest_.innermost(), {}, nullptr};
  });
  if (wide) results_of(id) = {{}, 0, results, block_->start};
}

/// The last fold of its stage; the stage's stores follow each element.
void Emitter::scan(const kernel::Stage& stage) {
  const auto folds = program_.list(stage.folds);
  for (const Id each : folds.first(folds.size() - 1)) fold(each);
  if (stage.checks.count > 0) {
    for_lanes([&] {
      for (const Id each : program_.list(stage.checks)) emit_check(program_.checks[each], each);
    });
  }
  const Id id = folds.back();
  const auto axes = program_.list(program_.folds[id].axes);
  const bool wide = block_.has_value();
  const unsigned width = wide ? block_->limit : 1;
  const Values prefixes = stack_for(id, width);
  const Values totals = stack_for(id, width);
  const auto in_block = [&] {
    return wide ? b_.CreateSub(lanes_.base, block_->start) : integer(0);
  };
  // What stands before the chunk, merged with `prefix`; the first chunk has nothing before it.
  const auto joined = [&](const Values& before, const Values& prefix, Value* is_first) {
    Values values = merge_values(id, before, prefix);
    for (std::size_t slot = 0; slot < values.size(); ++slot) {
      values[slot] = b_.CreateSelect(is_first, prefix[slot], values[slot]);
    }
    return values;
  };
  Value* count = fold_elements(id);
  nest_.when(b_.CreateICmpSGT(count, integer(0)), true, [&] {
    Value* chunks =
        b_.CreateLShr(b_.CreateAdd(count, integer(fold_chunk - 1)), integer(fold_chunk_bits));
    nest_.loop(
        integer(0), chunks, 1, position(axes, integer(0)), [&](Value* chunk, const Values& start) {
          Value* done = b_.CreateShl(chunk, integer(fold_chunk_bits));
          Value* length = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(count, done),
                                                   integer(fold_chunk));
          Value* is_first = b_.CreateICmpEQ(chunk, integer(0));
          for_lanes([&] {
            Values init = init_values(id);
            if (wide) {
              for (Value*& value : init) value = splat(value);
            }
            store_slots(id, prefixes, in_block(), init);
          });
          const Values next =
              nest_.loop(integer(0), length, 1, start, [&](Value*, const Values& now) {
                for (std::size_t a = 0; a < axes.size(); ++a) set_axis(axes[a], now[a]);
                for_lanes([&] {
                  const Values prefix = step_values(id, load_slots(id, prefixes, in_block(), wide));
                  store_slots(id, prefixes, in_block(), prefix);
                  const Values before = load_slots(id, totals, in_block(), wide);
                  const Values values = joined(before, prefix, is_first);
                  results_of(id) = {values, nest_.innermost(), {}, nullptr};
                  emit_stores(stage);
                });
                Values after = now;
                if (!after.empty()) after.back() = b_.CreateAdd(after.back(), integer(1));
                return advance(axes, after);
              });
          for_vectors([&](Value* offset) {
            const Values prefix = load_slots(id, prefixes, offset, wide);
            const Values before = load_slots(id, totals, offset, wide);
            store_slots(id, totals, offset, joined(before, prefix, is_first));
          });
          return next;
        });
  });
}

}  // namespace rill::cpu::llvm_emitter
