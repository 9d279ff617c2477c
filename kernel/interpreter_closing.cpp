// The interpreter's closing stages: their folds take the points one after the other, in order, each
// at all places of the stage. The lanes of a chunk wait in arrays of their own, one set for every
// 256 places.
#include <algorithm>

#include <rill/kernel/interpreter_run.h>

namespace rill::kernel {

Interpreter::Run::Partials& Interpreter::Run::closing_partials(const FoldTape& loop,
                                                               std::int64_t first_place) {
  std::vector<Partials>& all = closing_partials_[loop.fold];
  const auto block = static_cast<std::size_t>(first_place) / block_points;
  while (all.size() <= block) prepare(loop, all.emplace_back());
  return all[block];
}

std::int64_t Interpreter::Run::places(const Stage& stage) const {
  std::int64_t count = 1;
  for (const Id axis : program_.list(stage.axes)) count = product_of_extents(count, extent(axis));
  return count;
}

void Interpreter::Run::take_points(const Stage& stage, const StageTape& tape, std::int64_t count,
                                   std::int64_t points) {
  const auto outer = program_.list(program_.outer);
  const auto own = program_.list(stage.axes);
  std::vector<Id> axes(outer.begin(), outer.end());
  axes.insert(axes.end(), own.begin(), own.end());
  const std::int64_t places = this->places(stage);
  for (const FoldTape& loop : tape.folds) partials(loop);  // where `keep` puts results aside
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t point = first_point_ + i;
    const bool last = point % fold_chunk == fold_chunk - 1 || point == points - 1;
    for (std::int64_t first = 0; first < places; first += block_points) {
      const auto here = static_cast<std::size_t>(
          std::min(places - first, static_cast<std::int64_t>(block_points)));
      place(axes, places, i * places + first, here);
      for (const FoldTape& loop : tape.folds) {
        evaluate(loop.before, here);
        Partials& taken = closing_partials(loop, first);
        if (point % fold_chunk == 0) {
          for (const Set& lane : taken.lanes) start(loop, lane, here);
        }
        step(loop, taken.lanes[static_cast<std::size_t>(point % fold_lanes)], here);
        if (last) end_chunk(loop, taken, here);
      }
    }
  }
}

void Interpreter::Run::close(const Stage& stage, const StageTape& tape, std::int64_t points) {
  const auto axes = program_.list(stage.axes);
  const std::int64_t places = this->places(stage);
  std::vector<std::int64_t> extents;
  for (const Id axis : axes) extents.push_back(extent(axis));
  points_.fill(0);
  for (std::int64_t first = 0; first < places; first += block_points) {
    const auto here =
        static_cast<std::size_t>(std::min(places - first, static_cast<std::int64_t>(block_points)));
    for (std::size_t i = 0; i < here; ++i) {
      std::int64_t rest = first + static_cast<std::int64_t>(i);
      for (std::size_t d = axes.size(); d-- > 0; rest /= extents[d])
        values_of(axes[d])[i] = rest % extents[d];
    }
    if (points == 0) evaluate(tape.start, here);
    for (const FoldTape& loop : tape.folds) {
      const Set& result = results_[loop.fold];
      if (points == 0)
        start(loop, result, here);
      else
        copy(loop, result, total(loop, closing_partials(loop, first), here), here);
    }
    evaluate(tape.after, here);
    write(stage, tape.in_order, here);
  }
}

}  // namespace rill::kernel
