// The interpreter's folds and scans. A fold walks over its elements for all points together; where
// there are few points and many elements, the chunks and lanes of the documented order are taken
// together instead, which gives the same bits.
#include <algorithm>
#include <cstring>
#include <utility>

#include <rill/kernel/interpreter_run.h>

namespace rill::kernel {

void Interpreter::Run::prepare(const FoldTape& loop, Partials& partials) {
  for (int lane = 0; lane < fold_lanes; ++lane) partials.lanes.push_back(fresh_set(loop.fold));
  partials.aside = fresh_set(loop.fold);
  partials.left = fresh_set(loop.fold);
  partials.right = fresh_set(loop.fold);
  for (std::size_t i = 0; i < loop.invariants.size(); ++i) partials.invariants.push_back(fresh());
}

Interpreter::Run::Partials& Interpreter::Run::partials(const FoldTape& loop) {
  Partials& made = partials_[loop.fold];
  if (made.lanes.empty()) prepare(loop, made);
  made.levels.clear();
  return made;
}

void Interpreter::Run::bind(const FoldTape& loop, const Set& set, std::size_t side) {
  for (const Id id : loop.accumulators[side]) arrays_[id] = set[program_.exprs[id].bits & 0xffU];
}

void Interpreter::Run::copy(const FoldTape& loop, const Set& to, const Set& from,
                            std::size_t count) const {
  const auto init = program_.list(program_.folds[loop.fold].init);
  for (std::size_t slot = 0; slot < to.size(); ++slot) {
    std::memmove(to[slot], from[slot], count * tapes_.width(init[slot]));
  }
}

void Interpreter::Run::keep(const FoldTape& loop, Range values, const Set& set, std::size_t count) {
  const auto ids = program_.list(values);
  const Set& first = loop.swaps ? partials_[loop.fold].aside : set;
  for (std::size_t slot = 0; slot < set.size(); ++slot) {
    std::memmove(first[slot], arrays_[ids[slot]], count * tapes_.width(ids[slot]));
  }
  if (loop.swaps) copy(loop, set, first, count);
}

void Interpreter::Run::start(const FoldTape& loop, const Set& set, std::size_t count) {
  const auto init = program_.list(program_.folds[loop.fold].init);
  for (std::size_t slot = 0; slot < set.size(); ++slot) {
    std::memcpy(set[slot], arrays_[init[slot]], count * tapes_.width(init[slot]));
  }
}

void Interpreter::Run::step(const FoldTape& loop, const Set& set, std::size_t count) {
  bind(loop, set, 0);
  evaluate(loop.element, count);
  keep(loop, program_.folds[loop.fold].step, set, count);
}

void Interpreter::Run::merge(const FoldTape& loop, const Set& left, const Set& right,
                             std::size_t count) {
  bind(loop, left, 0);
  bind(loop, right, 1);
  evaluate(loop.merge, count);
  keep(loop, program_.folds[loop.fold].merge, left, count);
}

void Interpreter::Run::push_total(const FoldTape& loop, Partials& partials, const Set& total,
                                  std::size_t count) {
  const std::size_t used = partials.levels.size();
  if (partials.totals.size() == used) partials.totals.push_back(fresh_set(loop.fold));
  copy(loop, partials.totals[used], total, count);
  partials.levels.push_back(0);
  while (partials.levels.size() > 1 &&
         partials.levels[partials.levels.size() - 2] == partials.levels.back()) {
    merge_last_totals(loop, partials, count);
    ++partials.levels.back();
  }
}

void Interpreter::Run::merge_last_totals(const FoldTape& loop, Partials& partials,
                                         std::size_t count) {
  const std::size_t last = partials.levels.size() - 1;
  merge(loop, partials.totals[last - 1], partials.totals[last], count);
  partials.levels.pop_back();
}

const Interpreter::Run::Set& Interpreter::Run::total(const FoldTape& loop, Partials& partials,
                                                     std::size_t count) {
  while (partials.levels.size() > 1) merge_last_totals(loop, partials, count);
  return partials.totals.front();
}

Interpreter::Run::Elements Interpreter::Run::elements(const FoldTape& loop) const {
  Elements all;
  all.axes = program_.list(program_.folds[loop.fold].axes);
  for (const Id axis : all.axes) {
    all.extents.push_back(extent(axis));
    all.count = product_of_extents(all.count, all.extents.back());
  }
  all.at.resize(all.axes.size());
  return all;
}

void Interpreter::Run::place_next(Elements& elements, std::size_t count) {
  for (std::size_t d = elements.changed; d < elements.axes.size(); ++d) {
    std::fill_n(values_of(elements.axes[d]), count, elements.at[d]);
  }
  elements.changed = advance(elements.at, elements.extents);
}

void Interpreter::Run::fold(const FoldTape& loop, std::size_t count) {
  Elements all = elements(loop);
  Partials& partials = this->partials(loop);
  const Set& result = results_[loop.fold];
  if (all.count == 0 || program_.folds[loop.fold].kind == Fold::Kind::sequence) {
    start(loop, result, count);
    for (std::int64_t j = 0; j < all.count; ++j) {
      place_next(all, count);
      step(loop, result, count);
    }
  } else if (count < fold_lanes && all.count > 2 * fold_lanes) {
    for (std::size_t i = 0; i < count; ++i) fold_one(loop, partials, all, i);
  } else {
    fold_together(loop, partials, all, count);
    copy(loop, result, total(loop, partials, count), count);
  }
}

void Interpreter::Run::fold_together(const FoldTape& loop, Partials& partials, Elements& all,
                                     std::size_t count) {
  for (std::int64_t first = 0; first < all.count; first += fold_chunk) {
    for (const Set& lane : partials.lanes) start(loop, lane, count);
    const std::int64_t length = std::min<std::int64_t>(fold_chunk, all.count - first);
    for (std::int64_t j = 0; j < length; ++j) {
      place_next(all, count);
      step(loop, partials.lanes[static_cast<std::size_t>(j % fold_lanes)], count);
    }
    end_chunk(loop, partials, count);
  }
}

void Interpreter::Run::end_chunk(const FoldTape& loop, Partials& partials, std::size_t count) {
  for (std::size_t half = fold_lanes / 2; half != 0; half /= 2) {
    for (std::size_t lane = 0; lane < half; ++lane) {
      merge(loop, partials.lanes[lane], partials.lanes[lane + half], count);
    }
  }
  push_total(loop, partials, partials.lanes[0], count);
}

void Interpreter::Run::fold_one(const FoldTape& loop, Partials& partials, const Elements& all,
                                std::size_t i) {
  const Fold& fold = program_.folds[loop.fold];
  const auto init = program_.list(fold.init);
  const std::array<std::size_t, block_points> points = points_;
  points_.fill(points[i]);
  partials.levels.clear();
  const Set& starts = partials.lanes[1];
  for (std::size_t slot = 0; slot < init.size(); ++slot) {
    const std::size_t width = tapes_.width(init[slot]);
    fill(starts[slot], arrays_[init[slot]] + i * width, width, block_points);
  }
  // What the stage's points know of themselves is known to all lanes now.
  for (std::size_t k = 0; k < loop.invariants.size(); ++k) {
    const Id id = loop.invariants[k];
    const std::size_t width = tapes_.width(id);
    fill(partials.invariants[k], arrays_[id] + i * width, width, block_points);
    std::swap(partials.invariants[k], arrays_[id]);
  }
  const Set& lanes = partials.lanes[0];
  for (std::int64_t first = 0; first < all.count;) {
    const std::int64_t full = (all.count - first) / fold_chunk;
    const auto chunks = static_cast<std::size_t>(std::clamp<std::int64_t>(full, 1, fold_lanes));
    const std::int64_t length = std::min<std::int64_t>(fold_chunk, all.count - first);
    copy(loop, lanes, starts, chunks * fold_lanes);
    for (std::int64_t from = 0; from < length; from += fold_lanes) {
      // In the last, shorter chunk some lanes may have had their last element.
      const std::int64_t active = std::min<std::int64_t>(fold_lanes, length - from);
      const std::size_t count =
          chunks == 1 ? static_cast<std::size_t>(active) : chunks * fold_lanes;
      for (std::size_t lane = 0; lane < count; ++lane) {
        const auto chunk = static_cast<std::int64_t>(lane / fold_lanes);
        place_element(
            all, lane,
            first + chunk * fold_chunk + from + static_cast<std::int64_t>(lane % fold_lanes));
      }
      step(loop, lanes, count);
    }
    merge_lanes(loop, partials, chunks);
    first += full == 0 ? length : static_cast<std::int64_t>(chunks) * fold_chunk;
  }
  const Set& sum = total(loop, partials, 1);
  for (std::size_t slot = 0; slot < init.size(); ++slot) {
    const std::size_t width = tapes_.width(init[slot]);
    std::memcpy(results_[loop.fold][slot] + i * width, sum[slot], width);
  }
  for (std::size_t k = 0; k < loop.invariants.size(); ++k) {
    std::swap(partials.invariants[k], arrays_[loop.invariants[k]]);
  }
  points_ = points;
}

void Interpreter::Run::place_element(const Elements& all, std::size_t lane, std::int64_t number) {
  for (std::size_t d = all.axes.size(); d-- > 0;) {
    values_of(all.axes[d])[lane] = d == 0 ? number : number % all.extents[d];
    number /= all.extents[d];
  }
}

void Interpreter::Run::merge_lanes(const FoldTape& loop, Partials& partials, std::size_t chunks) {
  const auto init = program_.list(program_.folds[loop.fold].init);
  Set from = partials.lanes[0];
  for (std::size_t half = fold_lanes / 2; half != 0; half /= 2) {
    for (std::size_t slot = 0; slot < init.size(); ++slot) {
      const std::size_t bytes = half * tapes_.width(init[slot]);
      for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
        std::memcpy(partials.left[slot] + chunk * bytes, from[slot] + 2 * chunk * bytes, bytes);
        std::memcpy(partials.right[slot] + chunk * bytes, from[slot] + (2 * chunk + 1) * bytes,
                    bytes);
      }
    }
    merge(loop, partials.left, partials.right, chunks * half);
    copy(loop, from, partials.left, chunks * half);
  }
  Set one = from;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::size_t slot = 0; slot < one.size(); ++slot) {
      one[slot] = from[slot] + chunk * tapes_.width(init[slot]);
    }
    push_total(loop, partials, one, 1);
  }
}

void Interpreter::Run::scan(const Stage& stage, const StageTape& tape, const FoldTape& loop,
                            std::size_t count) {
  Elements all = elements(loop);
  Partials& partials = this->partials(loop);
  const Set& prefix = partials.lanes[0];
  const Set& before = partials.lanes[1];  // the total of the chunks before this one
  const Set& result = results_[loop.fold];
  start(loop, prefix, count);
  for (std::int64_t j = 0; j < all.count; ++j) {
    if (j != 0 && j % fold_chunk == 0) {
      if (j == fold_chunk)
        copy(loop, before, prefix, count);
      else
        merge(loop, before, prefix, count);
      start(loop, prefix, count);
    }
    place_next(all, count);
    step(loop, prefix, count);
    if (j < fold_chunk) {
      copy(loop, result, prefix, count);
    } else {
      copy(loop, result, before, count);
      merge(loop, result, prefix, count);
    }
    evaluate(tape.each, count);
    write(stage, tape.in_order, count);
  }
}

}  // namespace rill::kernel
