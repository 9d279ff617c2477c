// Closing stages: reductions over the points themselves, at all places of the stage.
//
// A call takes whole chunks of points. While it walks them, each point adds its step to one of 16
// rows of accumulators in scratch, with lanes along the places; the chunk's end merges the rows
// into one that stays in memory. The last part merges the chunks' rows, and stores.
#include <rill/cpu/llvm/emitter.h>

#include <cstddef>

#include <rill/cpu/llvm/key.h>

namespace rill::cpu::llvm_emitter {

using kernel::fold_chunk;
using kernel::fold_chunk_bits;
using kernel::Stage;
using llvm::Value;

// ---- Where the accumulators lie ---------------------------------------------------------------

/// Elements in an array of accumulators: whole vectors along the last of the stage's axes.
Value* Emitter::places(const Stage& stage) {
  const auto axes = program_.list(stage.axes);
  if (axes.empty()) return integer(lane_count);
  return b_.CreateMul(product_of_extents(axes.first(axes.size() - 1)), whole_vectors(axes.back()));
}

/// An axis's extent made up to a multiple of the lanes.
Value* Emitter::whole_vectors(Id axis) {
  return b_.CreateAnd(b_.CreateAdd(extent(axis), integer(lane_count - 1)),
                      integer(-std::int64_t{lane_count}));
}

/// Bytes of a row of accumulators before those of a slot of a fold; of the whole row for none.
Value* Emitter::closing_offset(Id before, Id slot) {
  const std::uint64_t key = key_of(Key::closing, before, slot);
  if (Value* known = nest_.find(0, key)) return known;
  Value* bytes = nest_.in_scope(0, [&] {
    Value* sum = integer(0);
    for (const Stage& stage : program_.closing) {
      Value* elements = places(stage);
      for (const Id fold : program_.list(stage.folds)) {
        for (Id each = 0; each < program_.folds[fold].init.count; ++each) {
          if (fold == before && each == slot) return sum;
          const auto size = static_cast<std::int64_t>(size_of(slot_type(fold, each)));
          sum = b_.CreateAdd(sum, b_.CreateMul(elements, integer(size)));
        }
      }
    }
    return sum;
  });
  nest_.remember(0, key, bytes);
  return bytes;
}

/// Row `number` of those that begin at `rows`.
Value* Emitter::closing_row(Value* rows, Value* number) {
  return element(b_.getInt8Ty(), rows, b_.CreateMul(number, closing_offset(kernel::none, 0)));
}

/// The arrays of a fold in a row of accumulators.
Values Emitter::closing_arrays(Id fold, Value* row) {
  Values arrays;
  for (Id slot = 0; slot < program_.folds[fold].init.count; ++slot)
    arrays.push_back(element(b_.getInt8Ty(), row, closing_offset(fold, slot)));
  return arrays;
}

/// Runs `body` at each place of a stage, with lanes along the last axis if the schedule has lanes.
/// `place`: the number of the place, in lane 0, in the arrays.
void Emitter::at_places(const Stage& stage, const std::function<void(Value* place)>& body) {
  const auto axes = program_.list(stage.axes);
  if (axes.empty()) {
    nest_.region([&] { body(integer(0)); });
    return;
  }
  Value* runs = b_.getTrue();
  for (const Id axis : axes) runs = b_.CreateAnd(runs, b_.CreateICmpSGT(extent(axis), integer(0)));
  nest_.when(runs, true, [&] {
    const Id inner = axes.back();
    loop_axes(axes.first(axes.size() - 1), [&] {
      Value* first = integer(0);
      for (const Id axis : axes.first(axes.size() - 1))
        first = b_.CreateAdd(b_.CreateMul(first, extent(axis)), axes_[axis].value);
      first = b_.CreateMul(first, whole_vectors(inner));
      if (schedule_.vector_axis == kernel::none) {
        nest_.loop(integer(0), extent(inner), 1, [&](Value* i) {
          set_axis(inner, i);
          body(b_.CreateAdd(first, i));
        });
        return;
      }
      block_ = Block{inner, integer(0), extent(inner), 0};
      for_lanes([&] { body(b_.CreateAdd(first, lanes_.base)); });
      block_.reset();
    });
  });
}

// ---- The chunks of the points -----------------------------------------------------------------

/// Chunks [begin, end) of the points. Not empty.
void Emitter::chunked_points(Value* begin, Value* end) {
  Value* count = product_of_extents(program_.list(program_.outer));
  nest_.loop(begin, end, 1, [&](Value* chunk) {
    Value* first = b_.CreateShl(chunk, integer(fold_chunk_bits));
    Value* last = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, count,
                                           b_.CreateAdd(first, integer(fold_chunk)));
    start_chunk();
    nest_.when(b_.CreateICmpSLT(first, last), true, [&] { points(first, last); });
    end_chunk(chunk);
  });
}

Values Emitter::closing_init(Id fold) {
  Values values = init_values(fold);
  if (in_lanes()) {
    for (Value*& value : values) value = splat(value);
  }
  return values;
}

void Emitter::start_chunk() {
  nest_.loop(integer(0), integer(lane_count), 1, [&](Value* lane) {
    Value* row = closing_row(after_rows(), lane);
    for (const Stage& stage : program_.closing) {
      at_places(stage, [&](Value* place) {
        for (const Id fold : program_.list(stage.folds))
          store_slots(fold, closing_arrays(fold, row), place, closing_init(fold));
      });
    }
  });
}

/// The steps of the point that has just been worked on.
void Emitter::take_point() {
  for (const Stage& stage : program_.closing) {
    Value* lane = b_.CreateAnd(point_number(), integer(lane_count - 1));
    Value* row = closing_row(after_rows(), lane);
    at_places(stage, [&](Value* place) {
      for (const Id fold : program_.list(stage.folds)) {
        const Values arrays = closing_arrays(fold, row);
        const Values now = load_slots(fold, arrays, place, in_lanes());
        store_slots(fold, arrays, place, step_values(fold, now));
      }
    });
  }
}

void Emitter::end_chunk(Value* chunk) {
  Value* to = closing_row(partials(), chunk);
  for (const Stage& stage : program_.closing) {
    const bool wide = stage.axes.count > 0 && schedule_.vector_axis != kernel::none;
    Value* count = stage.axes.count > 0 ? places(stage) : integer(1);
    nest_.when(b_.CreateICmpSGT(count, integer(0)), true, [&] {
      nest_.loop(integer(0), count, wide ? lane_count : 1, [&](Value* place) {
        for (const Id fold : program_.list(stage.folds))
          store_slots(fold, closing_arrays(fold, to), place, merged_rows(fold, place, wide, 0, 1));
      });
    });
  }
}

/// The rows `stride` apart from `lane` on, merged by the tree: depth first, so that few are held in
/// registers at a time.
Values Emitter::merged_rows(Id fold, Value* place, bool wide, unsigned lane, unsigned stride) {
  if (stride == lane_count) {
    Value* row = closing_row(after_rows(), integer(lane));
    return load_slots(fold, closing_arrays(fold, row), place, wide);
  }
  const Values left = merged_rows(fold, place, wide, lane, 2 * stride);
  const Values right = merged_rows(fold, place, wide, lane + stride, 2 * stride);
  return merge_values(fold, left, right);
}

// ---- The end ----------------------------------------------------------------------------------

void Emitter::close() {
  Value* points = product_of_extents(program_.list(program_.outer));
  Value* chunks =
      b_.CreateLShr(b_.CreateAdd(points, integer(fold_chunk - 1)), integer(fold_chunk_bits));
  for (const Stage& stage : program_.closing) {
    at_places(stage, [&](Value* place) {
      for (const Id fold : program_.list(stage.folds)) {
        const Values total = closing_total(fold, place, chunks);
        results_of(fold) = {total, nest_.innermost(), {}, nullptr};
      }
      emit_stores(stage);
    });
  }
}

Values Emitter::closing_total(Id fold, Value* place, Value* chunks) {
  const bool wide = in_lanes();
  const Values stack = stack_for(fold, tree_levels * (wide ? lane_count : 1));
  const Values init = closing_init(fold);
  return nest_.when(b_.CreateICmpSGT(chunks, integer(0)), init, false, [&] {
    nest_.loop(integer(0), chunks, 1, [&](Value* chunk) {
      const Values arrays = closing_arrays(fold, closing_row(partials(), chunk));
      push_total(fold, stack, chunk, load_slots(fold, arrays, place, wide), 0);
    });
    return join_totals(fold, stack, chunks, wide);
  });
}

}  // namespace rill::cpu::llvm_emitter
