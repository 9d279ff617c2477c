// Folds, in the order that kernel/program.h defines.
//
// A reduction takes one of two shapes. Neighbours: the fold's elements lie side by side in vector
// lanes and the 16 accumulators are one register. In place: the lanes are outputs, or there are
// none; the 16 accumulators of each lie in scratch, and every element of the fold is met by all
// outputs of the block before the next one is. Chunk totals are merged as they come, by the carries
// of a binary counter: that is the tree, level by level.
#include <rill/cpu/llvm/emitter.h>

#include <algorithm>
#include <cstddef>

#include <llvm/IR/Intrinsics.h>

#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using kernel::Fold;
using kernel::fold_chunk;
using kernel::fold_chunk_bits;
using llvm::Value;

namespace {
/// A step of at most this many operations waits for its accumulator, or for its memory.
constexpr std::int64_t light_step = 10;
/// Elements of one lane that are taken at a time where accumulators lie in scratch: so often less
/// are these read and written.
constexpr unsigned elements_at_once = 4;
}  // namespace

DType Emitter::slot_type(Id fold, std::size_t slot) const {
  return program_.exprs[program_.list(program_.folds[fold].init)[slot]].type;
}

bool Emitter::is_light(const Fold& fold) const {
  return dependence_.operations(program_.list(fold.step)) <= light_step;
}

Value* Emitter::fold_elements(Id id) {
  return product_of_extents(program_.list(program_.folds[id].axes));
}

Values Emitter::init_values(Id id) {
  Values values;
  for (const Id init : program_.list(program_.folds[id].init)) values.push_back(evaluate(init));
  return values;
}

void Emitter::bind(Id fold, bool right, const Values& values) {
  accumulators_[fold][right ? 1 : 0] = values;
  accumulator_scopes_[fold] = nest_.innermost();
}

/// The next accumulators, of the shape that these have.
Values Emitter::step_values(Id id, const Values& accumulators) {
  bind(id, false, accumulators);
  Values next;
  const auto step = program_.list(program_.folds[id].step);
  for (std::size_t slot = 0; slot < step.size(); ++slot) {
    Value* value = evaluate(step[slot]);
    next.push_back(accumulators[slot]->getType()->isVectorTy() ? splat(value) : value);
  }
  return next;
}

/// Of the accumulators of any number of points. Each in a region of its own: one fold's merge is
/// emitted several times in one scope.
Values Emitter::merge_values(Id id, const Values& left, const Values& right) {
  const auto merge = program_.list(program_.folds[id].merge);
  const auto part = [&](const Values& all, std::size_t first) {
    const auto from = all.begin() + static_cast<std::ptrdiff_t>(first);
    return Values(from, from + static_cast<std::ptrdiff_t>(merge.size()));
  };
  Values merged;
  for (std::size_t first = 0; first < left.size(); first += merge.size()) {
    nest_.region([&] {
      bind(id, false, part(left, first));
      bind(id, true, part(right, first));
      for (const Id each : merge) {
        Value* value = evaluate(each);
        merged.push_back(left[first]->getType()->isVectorTy() ? splat(value) : value);
      }
    });
  }
  return merged;
}

/// 16 lanes into one, of each of the interleaved points: 0 with 8, 1 with 9 ...; 0 with 4 ...; 0
/// with 2, 1 with 3; 0 with 1. Where one level has freed half of the lanes of two points, these
/// share a vector from the next on.
Values Emitter::merge_lanes(Id id, const Values& accumulators) {
  const std::size_t slots = program_.folds[id].init.count;
  std::vector<Values> vectors;
  for (auto from = accumulators.begin(); from != accumulators.end();) {
    const auto to = from + static_cast<std::ptrdiff_t>(slots);
    vectors.emplace_back(from, to);
    from = to;
  }
  // A point's lanes lie `stride` apart; each level makes half of them.
  const auto points = static_cast<unsigned>(vectors.size());
  unsigned stride = lane_count;
  for (unsigned half = lane_count / 2; half > 0; half /= 2) {
    std::vector<Values> merged;
    const bool pairs = vectors.size() > 1;
    for (std::size_t v = 0; v < vectors.size(); v += pairs ? 2 : 1) {
      Values left;
      Values right;
      for (std::size_t slot = 0; slot < slots; ++slot) {
        std::array<int, lane_count> low{};
        std::array<int, lane_count> high{};
        for (unsigned i = 0; i < lane_count; ++i) {
          // With pairs lanes are closed up: `half` of them for each point of both vectors.
          const unsigned from = pairs ? i / half * 2 * half + i % half : i;
          low[i] = static_cast<int>(from);
          high[i] = static_cast<int>(pairs || i % stride < half ? from + half : from);
        }
        Value* first = vectors[v][slot];
        Value* second = pairs ? vectors[v + 1][slot] : first;
        left.push_back(pairs ? b_.CreateShuffleVector(first, second, low) : first);
        right.push_back(b_.CreateShuffleVector(first, second, high));
      }
      merged.push_back(merge_values(id, left, right));
    }
    if (pairs) stride = half;
    vectors = std::move(merged);
  }
  Values results;
  for (unsigned point = 0; point < points; ++point) {
    for (Value* value : vectors.front())
      results.push_back(b_.CreateExtractElement(value, std::uint64_t{point} * stride));
  }
  return results;
}

// ---- Arrays of accumulators -------------------------------------------------------------------

/// One array per accumulator of each of the interleaved points.
Values Emitter::stack_for(Id id, unsigned elements) {
  Values arrays;
  each_point([&] {
    for (std::size_t slot = 0; slot < program_.folds[id].init.count; ++slot)
      arrays.push_back(scratch(size_of(slot_type(id, slot)) * elements));
  });
  return arrays;
}

Values Emitter::load_slots(Id id, const Values& arrays, Value* index, bool vector) {
  Values values;
  const std::size_t slots = program_.folds[id].init.count;
  for (std::size_t slot = 0; slot < arrays.size(); ++slot) {
    const DType dtype = slot_type(id, slot % slots);
    llvm::Type* type = arithmetic_.stored(dtype);
    llvm::Type* shape = vector ? static_cast<llvm::Type*>(vector_of(type)) : type;
    Value* at = element(type, arrays[slot], index);
    values.push_back(arithmetic_.from_memory(
        dtype, b_.CreateAlignedLoad(shape, at, llvm::Align(size_of(dtype)))));
  }
  return values;
}

void Emitter::store_slots(Id id, const Values& arrays, Value* index, const Values& values) {
  const std::size_t slots = program_.folds[id].init.count;
  for (std::size_t slot = 0; slot < arrays.size(); ++slot) {
    const DType dtype = slot_type(id, slot % slots);
    Value* at = element(arithmetic_.stored(dtype), arrays[slot], index);
    b_.CreateAlignedStore(arithmetic_.to_memory(dtype, values[slot]), at,
                          llvm::Align(size_of(dtype)));
  }
}

// ---- The tree over chunks ---------------------------------------------------------------------

Value* Emitter::lowest_bit(Value* bits) {
  return b_.CreateIntrinsic(llvm::Intrinsic::cttz, {b_.getInt64Ty()}, {bits, b_.getTrue()});
}

Value* Emitter::without_lowest_bit(Value* bits) {
  return b_.CreateAnd(bits, b_.CreateSub(bits, integer(1)));
}

/// Where a level's total lies on a stack.
Value* Emitter::on_stack(Value* level, bool wide) {
  return wide ? b_.CreateMul(level, integer(lane_count)) : level;
}

/// Puts the total of node `number` of a level on the stack, merged with those that wait for it; of
/// each of the interleaved points. Vectors are totals side by side.
void Emitter::push_total(Id id, const Values& stack, Value* number, Values total,
                         std::int64_t level) {
  const bool wide = total.front()->getType()->isVectorTy();
  total.push_back(integer(level));
  total = nest_.repeat(
      total,
      [&](const Values& now) {
        return b_.CreateTrunc(b_.CreateLShr(number, now.back()), b_.getInt1Ty());
      },
      [&](const Values& now) {
        const Values left = load_slots(id, stack, on_stack(now.back(), wide), wide);
        Values next = merge_values(id, left, Values(now.begin(), now.end() - 1));
        next.push_back(b_.CreateAdd(now.back(), integer(1)));
        return next;
      });
  store_slots(id, stack, on_stack(total.back(), wide), Values(total.begin(), total.end() - 1));
}

/// All of `count` totals: what is left on the stack, from the counter's lowest bit up.
Values Emitter::join_totals(Id id, const Values& stack, Value* count, bool wide) {
  Values now = load_slots(id, stack, on_stack(lowest_bit(count), wide), wide);
  now.push_back(without_lowest_bit(count));
  now = nest_.repeat(
      now, [&](const Values& c) { return b_.CreateICmpNE(c.back(), integer(0)); },
      [&](const Values& c) {
        const Values left = load_slots(id, stack, on_stack(lowest_bit(c.back()), wide), wide);
        Values next = merge_values(id, left, Values(c.begin(), c.end() - 1));
        next.push_back(without_lowest_bit(c.back()));
        return next;
      });
  now.pop_back();
  return now;
}

// ---- Reductions -------------------------------------------------------------------------------

void Emitter::fold(Id id) {
  const Fold& fold = program_.folds[id];
  if (fold.kind == Fold::Kind::sequence) {
    run_sequence(id);
    return;
  }
  if (part_ == Part::finish && id == split_fold_) {
    finish_split(id);
    return;
  }
  Value* first = integer(0);
  Value* count = fold_elements(id);
  if (part_ == Part::split) {
    first = b_.CreateMul(split_block_, integer(kernel::split_block));
    count = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(count, first),
                                     integer(kernel::split_block));
  }
  const bool neighbours = !block_ && schedule_.vector_axis != kernel::none && fold.axes.count > 0;
  if (neighbours)
    reduce_neighbours(id, first, count);
  else
    each_point([&] { reduce_in_place(id, first, count); });
  if (part_ == Part::split) store_partials(id, split_block_);
}

void Emitter::reduce_neighbours(Id id, Value* first, Value* count) {
  const Fold& fold = program_.folds[id];
  const auto axes = program_.list(fold.axes);
  const Id last = axes.back();
  Values init;
  each_point([&] {
    const Values mine = init_values(id);
    init.insert(init.end(), mine.begin(), mine.end());
  });
  const Values stack = stack_for(id, tree_levels);

  // One vector of elements: `lanes` says which.
  const auto step = [&](const Lanes& lanes, const Values& accumulators) {
    lanes_ = lanes;
    lanes_.axis = last;
    lanes_.scope = nest_.innermost();
    Values next =
        of_each_point(accumulators, [&](const Values& mine) { return step_values(id, mine); });
    if (lanes_.last != nullptr) {
      for (std::size_t slot = 0; slot < next.size(); ++slot) {
        next[slot] = b_.CreateSelect(active_mask(), next[slot], accumulators[slot]);
      }
    }
    lanes_ = {};
    return next;
  };
  Values fresh;
  for (Value* value : init) fresh.push_back(splat(value));

  // Two whole chunks side by side as long as there are two, so that an accumulator need not wait
  // for itself; returns the number of the first chunk that is left. Not for what comes from memory:
  // two streams in one page are fetched ahead less well than one.
  const auto pairs_of_chunks = [&] {
    Value* end = b_.CreateAnd(b_.CreateLShr(count, integer(fold_chunk_bits)), integer(-2));
    nest_.when(b_.CreateICmpSGT(end, integer(0)), false, [&] {
      nest_.loop(integer(0), end, 2, [&](Value* chunk) {
        Values both = fresh;
        both.insert(both.end(), fresh.begin(), fresh.end());
        const auto half = [&](const Values& all, std::size_t i) {
          const auto size = static_cast<std::ptrdiff_t>(fresh.size());
          const auto from = all.begin() + static_cast<std::ptrdiff_t>(i) * size;
          return Values(from, from + size);
        };
        Value* start = b_.CreateAdd(first, b_.CreateShl(chunk, integer(fold_chunk_bits)));
        both = nest_.loop(start, b_.CreateAdd(start, integer(fold_chunk)), lane_count, both,
                          [&](Value* at, const Values& now) {
                            Values next;
                            for (std::size_t i = 0; i < 2; ++i) {
                              nest_.region([&] {
                                Lanes lanes;
                                lanes.base = i == 0 ? at : b_.CreateAdd(at, integer(fold_chunk));
                                const Values stepped = step(lanes, half(now, i));
                                next.insert(next.end(), stepped.begin(), stepped.end());
                              });
                            }
                            return next;
                          });
        push_total(id, stack, chunk,
                   merge_values(id, merge_lanes(id, half(both, 0)), merge_lanes(id, half(both, 1))),
                   1);
      });
    });
    return end;
  };

  Values results = nest_.when(b_.CreateICmpSGT(count, integer(0)), init, true, [&] {
    Value* chunks =
        b_.CreateLShr(b_.CreateAdd(count, integer(fold_chunk - 1)), integer(fold_chunk_bits));
    Value* begin = integer(0);
    const auto first_read = program_.list(program_.stages.front().folds);
    const bool again = first_read.empty() || id != first_read.front();
    if (again && is_light(fold) && axes.size() == 1 && turns_.last == 1) begin = pairs_of_chunks();
    nest_.when(b_.CreateICmpSLT(begin, chunks), false, [&] {
      Values carried;
      if (axes.size() > 1) carried = position(axes, first);
      nest_.loop(begin, chunks, 1, carried, [&](Value* chunk, const Values& outer_position) {
        Value* done = b_.CreateShl(chunk, integer(fold_chunk_bits));
        Value* length = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(count, done),
                                                 integer(fold_chunk));
        Values accumulators = fresh;
        Values position_now = outer_position;
        if (axes.size() == 1) {
          Value* start = b_.CreateAdd(first, done);
          Value* full = b_.CreateAnd(length, integer(-static_cast<std::int64_t>(lane_count)));
          Value* stop = b_.CreateAdd(start, full);
          accumulators = nest_.when(b_.CreateICmpSGT(full, integer(0)), accumulators, false, [&] {
            return nest_.loop(start, stop, lane_count, fresh, [&](Value* at, const Values& now) {
              Lanes lanes;
              lanes.base = at;
              return step(lanes, now);
            });
          });
          Value* rest = b_.CreateAnd(length, integer(lane_count - 1));
          const Values before = accumulators;
          accumulators = nest_.when(b_.CreateICmpSGT(rest, integer(0)), before, false, [&] {
            Lanes lanes;
            lanes.base = stop;
            lanes.last = rest;
            return step(lanes, before);
          });
        } else {
          // Rows need not end where vectors do: a vector holds what its 16 elements have in this
          // row.
          Values carried_in = position_now;
          carried_in.insert(carried_in.end(), accumulators.begin(), accumulators.end());
          carried_in.push_back(integer(0));
          const std::size_t rank = axes.size();
          const Values carried_out = nest_.repeat(
              carried_in, [&](const Values& now) { return b_.CreateICmpSLT(now.back(), length); },
              [&](const Values& now) {
                Value* i = now.back();
                for (std::size_t a = 0; a + 1 < rank; ++a) set_axis(axes[a], now[a]);
                Value* low = b_.CreateAnd(i, integer(lane_count - 1));
                const auto least = [&](Value* a, Value* b) {
                  return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, b);
                };
                Value* take =
                    least(b_.CreateSub(length, i), b_.CreateSub(integer(lane_count), low));
                take = least(take, b_.CreateSub(extent(last), now[rank - 1]));
                Lanes lanes;
                lanes.base = b_.CreateSub(now[rank - 1], low);
                const auto begin_of = now.begin() + static_cast<std::ptrdiff_t>(rank);
                const Values before(begin_of, begin_of + static_cast<std::ptrdiff_t>(init.size()));
                Value* whole = b_.CreateICmpEQ(take, integer(lane_count));
                const Values after_whole =
                    nest_.when(whole, before, false, [&] { return step(lanes, before); });
                lanes.first = low;
                lanes.last = b_.CreateAdd(low, take);
                const Values after = nest_.when(b_.CreateNot(whole), after_whole, false,
                                                [&] { return step(lanes, before); });
                Values next(now.begin(), now.begin() + static_cast<std::ptrdiff_t>(rank));
                next[rank - 1] = b_.CreateAdd(next[rank - 1], take);
                next = advance(axes, next);
                next.insert(next.end(), after.begin(), after.end());
                next.push_back(b_.CreateAdd(i, take));
                return next;
              });
          const auto split = carried_out.begin() + static_cast<std::ptrdiff_t>(rank);
          position_now.assign(carried_out.begin(), split);
          accumulators.assign(split, carried_out.end() - 1);
        }
        push_total(id, stack, chunk, merge_lanes(id, accumulators), 0);
        return position_now;
      });
    });
    return join_totals(id, stack, chunks, false);
  });
  of_each_point(results, [&](const Values& mine) {
    results_of(id) = {mine, nest_.innermost(), {}, nullptr};
    return Values{};
  });
}

void Emitter::reduce_in_place(Id id, Value* first, Value* count) {
  const Fold& fold = program_.folds[id];
  const auto axes = program_.list(fold.axes);
  const bool wide = block_.has_value();
  const unsigned width = wide ? block_->limit : 1;
  const Values accumulators = stack_for(id, lane_count * width);
  const Values stack = stack_for(id, tree_levels * width);
  const Values results = stack_for(id, width);
  const auto at = [&](Value* row, Value* offset) {
    return b_.CreateAdd(b_.CreateMul(row, integer(width)), offset);
  };
  const auto in_block = [&] {
    return wide ? b_.CreateSub(lanes_.base, block_->start) : integer(0);
  };
  const auto shaped = [&](Values values) {
    if (wide) {
      for (Value*& value : values) value = splat(value);
    }
    return values;
  };
  // to[to_row] = merge(left[left_row], right[right_row]), for the whole block.
  const auto merge_rows = [&](const Values& to, Value* to_row, const Values& left, Value* left_row,
                              const Values& right, Value* right_row) {
    for_vectors([&](Value* offset) {
      const Values a = load_slots(id, left, at(left_row, offset), wide);
      const Values b = load_slots(id, right, at(right_row, offset), wide);
      store_slots(id, to, at(to_row, offset), merge_values(id, a, b));
    });
  };
  const auto copy_row = [&](const Values& to, Value* to_row, const Values& from, Value* from_row) {
    for_vectors([&](Value* offset) {
      store_slots(id, to, at(to_row, offset), load_slots(id, from, at(from_row, offset), wide));
    });
  };

  Value* empty = b_.CreateICmpSLE(count, integer(0));
  nest_.when(empty, true, [&] {
    for_lanes([&] { store_slots(id, results, in_block(), shaped(init_values(id))); });
  });
  nest_.when(b_.CreateNot(empty), true, [&] {
    Value* chunks =
        b_.CreateLShr(b_.CreateAdd(count, integer(fold_chunk - 1)), integer(fold_chunk_bits));
    Values carried = position(axes, first);
    nest_.loop(integer(0), chunks, 1, carried, [&](Value* chunk, const Values& start) {
      Value* done = b_.CreateShl(chunk, integer(fold_chunk_bits));
      Value* length = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(count, done),
                                               integer(fold_chunk));
      // Lanes without elements are neutral, so a short chunk leaves most of them out: the next
      // power of two counts.
      Value* below = b_.CreateSub(
          b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, length, integer(lane_count)), integer(1));
      Value* shift = b_.CreateSub(
          integer(64),
          b_.CreateIntrinsic(llvm::Intrinsic::ctlz, {b_.getInt64Ty()}, {below, b_.getFalse()}));
      Value* used = b_.CreateShl(integer(1), shift);
      nest_.loop(integer(0), used, 1, [&](Value* lane) {
        for_lanes(
            [&] { store_slots(id, accumulators, at(lane, in_block()), shaped(init_values(id))); });
      });
      Values rest = start;
      Value* begin = integer(0);
      if (wide && axes.size() == 1 && is_light(fold)) {
        constexpr std::int64_t group = elements_at_once * lane_count;
        begin = b_.CreateAnd(length, integer(-group));
        rest.back() = b_.CreateAdd(start.back(), begin);
        nest_.when(b_.CreateICmpSGT(begin, integer(0)), false, [&] {
          nest_.loop(integer(0), begin, group, [&](Value* i) {
            nest_.loop(integer(0), integer(lane_count), 1, [&](Value* lane) {
              Value* from = b_.CreateAdd(b_.CreateAdd(start.back(), i), lane);
              for_lanes([&] {
                Value* place = at(lane, in_block());
                Values now = load_slots(id, accumulators, place, wide);
                for (unsigned k = 0; k < elements_at_once; ++k) {
                  nest_.region([&] {
                    set_axis(axes.back(),
                             b_.CreateAdd(from, integer(std::int64_t{k} * lane_count)));
                    now = step_values(id, now);
                  });
                }
                store_slots(id, accumulators, place, now);
              });
            });
          });
        });
      }
      const Values next = nest_.when(b_.CreateICmpSLT(begin, length), rest, true, [&] {
        return nest_.loop(begin, length, 1, rest, [&](Value* i, const Values& position_now) {
          for (std::size_t a = 0; a < axes.size(); ++a) set_axis(axes[a], position_now[a]);
          Value* lane = b_.CreateAnd(i, integer(lane_count - 1));
          for_lanes([&] {
            Value* place = at(lane, in_block());
            const Values now = load_slots(id, accumulators, place, wide);
            store_slots(id, accumulators, place, step_values(id, now));
          });
          Values after = position_now;
          if (!after.empty()) after.back() = b_.CreateAdd(after.back(), integer(1));
          return advance(axes, after);
        });
      });
      nest_.repeat(
          {b_.CreateLShr(used, integer(1))},
          [&](const Values& half) { return b_.CreateICmpSGT(half[0], integer(0)); },
          [&](const Values& half) {
            nest_.loop(integer(0), half[0], 1, [&](Value* lane) {
              merge_rows(accumulators, lane, accumulators, lane, accumulators,
                         b_.CreateAdd(lane, half[0]));
            });
            return Values{b_.CreateLShr(half[0], integer(1))};
          });
      const Values level = nest_.repeat(
          {integer(0)},
          [&](const Values& now) {
            return b_.CreateTrunc(b_.CreateLShr(chunk, now[0]), b_.getInt1Ty());
          },
          [&](const Values& now) {
            merge_rows(accumulators, integer(0), stack, now[0], accumulators, integer(0));
            return Values{b_.CreateAdd(now[0], integer(1))};
          });
      copy_row(stack, level[0], accumulators, integer(0));
      return next;
    });
    copy_row(results, integer(0), stack, lowest_bit(chunks));
    nest_.repeat(
        {without_lowest_bit(chunks)},
        [&](const Values& bits) { return b_.CreateICmpNE(bits[0], integer(0)); },
        [&](const Values& bits) {
          merge_rows(results, integer(0), stack, lowest_bit(bits[0]), results, integer(0));
          return Values{without_lowest_bit(bits[0])};
        });
  });
  if (wide)
    results_of(id) = {{}, 0, results, block_->start};
  else
    results_of(id) = {load_slots(id, results, integer(0), false), nest_.innermost(), {}, nullptr};
}

}  // namespace rill::cpu::llvm_emitter
