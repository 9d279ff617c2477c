// The interpreter takes up to 256 points at a time: each expression becomes an array with one
// element per point, and each code one loop over such arrays. A fold walks over its elements for
// all points together; where there are few points and many elements, the chunks and lanes of the
// documented order are taken together instead, which gives the same bits.
//
// Compiled without contraction, like all of rill: the meaning of the codes is in arithmetic.cpp.

#include <rill/kernel/interpret.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_map>
#include <utility>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/tapes.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// Points that are taken together, and the bytes of one array.
constexpr std::size_t block_points = 256;
constexpr std::size_t array_bytes = block_points * 8;
/// Rows are kept for as many points as fit into this.
constexpr std::size_t rows_bytes = std::size_t{16} << 20U;

struct alignas(64) Array {
  std::array<std::byte, array_bytes> bytes;
};

/// Calls `f` with an unsigned number as wide as an element.
template <class F>
void with_word(std::size_t width, F&& f) {
  switch (width) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(std::uint32_t{});
    default:
      return f(std::uint64_t{});
  }
}

/// `count` copies of one element.
void fill(std::byte* to, const std::byte* element, std::size_t width, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * width, element, width);
}

}  // namespace

/// One call: the arrays, and the place in the loops.
class Interpreter::Run {
 public:
  Run(const Tapes& tapes, const KernelArguments& arguments)
      : tapes_(tapes),
        p_(tapes.program),
        arguments_(arguments),
        arrays_(p_.exprs.size()),
        axis_values_(p_.axes.size()),
        results_(p_.folds.size()) {
    for (std::byte*& values : axis_values_) values = fresh();
    for (Id id = 0; id < arrays_.size(); ++id) {
      const Expr& expr = p_.exprs[id];
      if (expr.code == Code::axis)
        arrays_[id] = axis_values_[expr.bits];
      else if (expr.code != Code::accumulator)
        arrays_[id] = fresh();
    }
    for (const Id id : tapes_.once) {
      const Expr& expr = p_.exprs[id];
      if (expr.arity != 0) {
        compute(id, block_points);
        continue;
      }
      std::uint64_t bits = expr.bits;
      if (expr.code == Code::parameter) bits = arguments_.parameters[expr.bits];
      if (expr.code == Code::size) bits = static_cast<std::uint64_t>(arguments_.sizes[expr.bits]);
      if (expr.type == bool_) bits = (bits & 0xffU) != 0 ? 1 : 0;
      fill(arrays_[id], reinterpret_cast<const std::byte*>(&bits), tapes_.width(id), block_points);
    }
    for (Id fold = 0; fold < results_.size(); ++fold) results_[fold] = fresh_set(fold);
    if (tapes_.point_by_point) points_at_once_ = 1;
    bind_buffers();
  }

  void run(std::int64_t begin, std::int64_t end) {
    const auto step = static_cast<std::int64_t>(points_at_once_);
    for (first_point_ = begin; first_point_ < end;
         first_point_ += std::min(step, end - first_point_)) {
      const std::int64_t count = std::min(step, end - first_point_);
      for (std::size_t number = 0; number < p_.stages.size(); ++number) {
        stage(p_.stages[number], tapes_.stages[number], count);
      }
    }
    if (failure_.error != 0 && arguments_.failure != nullptr &&
        (arguments_.failure->error == 0 || failure_.position < arguments_.failure->position)) {
      *arguments_.failure = failure_;
    }
  }

 private:
  /// One array per accumulator of a fold.
  using Set = std::vector<std::byte*>;

  struct Memory {
    std::byte* first = nullptr;  ///< of rows the first point's
    std::vector<std::int64_t> extents, strides;
    std::size_t per_point =
        0;  ///< bytes from one point's row to the next one's; 0 for other buffers
  };

  std::byte* fresh() {
    pool_.push_back(
        std::make_unique<Array>());  // zeros: nothing ever shows what memory held before
    return pool_.back()->bytes.data();
  }

  Set fresh_set(Id fold) {
    Set set(p_.folds[fold].init.count);
    for (std::byte*& array : set) array = fresh();
    return set;
  }

  [[nodiscard]] std::int64_t uniform_value(Id expr) const {
    std::int64_t value = 0;
    std::memcpy(&value, arrays_[expr], sizeof value);
    return value;
  }

  [[nodiscard]] std::int64_t extent(Id axis) const {
    return std::max<std::int64_t>(0, uniform_value(p_.axes[axis].extent));
  }

  void bind_buffers() {
    std::size_t given = 0;
    std::size_t bytes_per_point = 0;
    for (const Buffer& buffer : p_.buffers) {
      Memory memory;
      for (const Id id : p_.list(buffer.extents)) memory.extents.push_back(uniform_value(id));
      for (const Id id : p_.list(buffer.strides)) memory.strides.push_back(uniform_value(id));
      if (buffer.space == Buffer::Space::row) {
        std::int64_t count = 1;
        for (std::size_t i = memory.extents.size(); i-- > 0;) {
          memory.strides[i] = count;
          count = product_of_extents(count, std::max<std::int64_t>(0, memory.extents[i]));
        }
        // Each row begins aligned for any element.
        const std::int64_t words =
            (product_of_extents(count, static_cast<std::int64_t>(size_of(buffer.type))) - 1) / 8 +
            1;
        memory.per_point = static_cast<std::size_t>(product_of_extents(words, 8));
        if (__builtin_add_overflow(bytes_per_point, memory.per_point, &bytes_per_point)) {
          throw InternalError("kernel: the rows of a launch overflow");
        }
      } else {
        memory.first = arguments_.buffers[given++];
      }
      memories_.push_back(std::move(memory));
    }
    if (bytes_per_point == 0) return;
    points_at_once_ =
        std::min(points_at_once_, std::max<std::size_t>(rows_bytes / bytes_per_point, 1));
    rows_.resize(points_at_once_ * bytes_per_point);
    std::size_t used = 0;
    for (std::size_t i = 0; i < memories_.size(); ++i) {
      if (p_.buffers[i].space != Buffer::Space::row) continue;
      memories_[i].first = rows_.data() + used;
      used += points_at_once_ * memories_[i].per_point;
    }
  }

  // ---- Expressions ----------------------------------------------------------------------------

  void compute(Id id, std::size_t count) {
    const Expr& expr = p_.exprs[id];
    std::array<const std::byte*, 3> args{};
    for (std::size_t i = 0; i < expr.arity; ++i) args[i] = arrays_[expr.args[i]];
    tapes_.operations[id](arrays_[id], args.data(), count);
  }

  void evaluate(const Tape& tape, std::size_t count) {
    for (const Id id : tape) {
      const Expr& expr = p_.exprs[id];
      if (expr.arity != 0)
        compute(id, count);
      else if (expr.code == Code::load)
        load(id, p_.accesses[expr.bits], count);
      else if (expr.code == Code::result)
        recall(id, expr, count);
      // Axes and accumulators stand in their arrays already.
    }
  }

  void recall(Id id, const Expr& expr, std::size_t count) {
    const Id fold = static_cast<Id>(expr.bits >> 8U);
    const std::byte* from = results_[fold][expr.bits & 0xffU];
    const std::size_t width = tapes_.width(id);
    if (!tapes_.per_point[fold]) {
      std::memcpy(arrays_[id], from, count * width);
      return;
    }
    with_word(width, [&](auto word) {
      for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(arrays_[id] + i * sizeof word, from + points_[i] * sizeof word, sizeof word);
      }
    });
  }

  // ---- Memory ---------------------------------------------------------------------------------

  struct Places {
    std::array<std::byte*, block_points> at;         ///< null where nothing may be touched
    std::array<std::int64_t, block_points> offsets;  ///< in elements
  };

  /// Where an access leads at each place of the arrays: nowhere if its guard says no or an index is
  /// outside.
  void find(const Access& access, std::size_t count, Places& places) {
    const Memory& memory = memories_[access.buffer];
    std::array<bool, block_points> touched;
    if (access.guard == none)
      std::fill_n(touched.begin(), count, true);
    else
      std::memcpy(touched.data(), arrays_[access.guard], count);
    std::fill_n(places.offsets.begin(), count, 0);
    const auto index = p_.list(access.index);
    for (std::size_t d = 0; d < index.size(); ++d) {
      const auto* at = reinterpret_cast<const std::int64_t*>(arrays_[index[d]]);
      const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(0, memory.extents[d]));
      const auto stride = static_cast<std::uint64_t>(memory.strides[d]);
      bool all_inside = true;
      for (std::size_t i = 0; i < count; ++i) {
        const auto index_here = static_cast<std::uint64_t>(at[i]);  // a negative one is far outside
        all_inside = all_inside && index_here < extent;
        places.offsets[i] = static_cast<std::int64_t>(
            static_cast<std::uint64_t>(places.offsets[i]) + index_here * stride);
      }
      for (std::size_t i = 0; i < count && !all_inside; ++i) {
        if (!touched[i] || static_cast<std::uint64_t>(at[i]) < extent) continue;
        touched[i] = false;
        fail(i, Failure::bounds);
      }
    }
    const auto width = static_cast<std::int64_t>(size_of(p_.buffers[access.buffer].type));
    for (std::size_t i = 0; i < count; ++i) {
      places.at[i] = touched[i]
                         ? memory.first + points_[i] * memory.per_point + places.offsets[i] * width
                         : nullptr;
    }
  }

  void load(Id id, const Access& access, std::size_t count) {
    find(access, count, places_);
    with_word(tapes_.width(id), [&](auto word) {
      constexpr decltype(word) nothing = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const void* from = &nothing;
        if (places_.at[i] != nullptr)
          from = places_.at[i];
        else if (access.guard != none && arrays_[access.guard][i] == std::byte{0}) {
          from = arrays_[access.otherwise] + i * sizeof word;
        }
        std::memcpy(arrays_[id] + i * sizeof word, from, sizeof word);
      }
    });
    if (p_.exprs[id].type != bool_) return;
    for (std::size_t i = 0; i < count; ++i)
      arrays_[id][i] = std::byte{arrays_[id][i] != std::byte{0}};
  }

  /// Writes the values of places [first, last) of the arrays.
  void store(const Store& store, const Places& places, std::size_t first, std::size_t last) {
    const DType type = p_.exprs[store.value].type;
    const Operation join = combination(store.mode, type);
    with_word(size_of(type), [&](auto word) {
      for (std::size_t i = first; i < last; ++i) {
        if (places.at[i] == nullptr) continue;
        auto value = word;
        std::memcpy(&value, arrays_[store.value] + i * sizeof word, sizeof word);
        if (join != nullptr) {
          auto stored = word;
          std::memcpy(&stored, places.at[i], sizeof word);
          const std::array args = {reinterpret_cast<const std::byte*>(&stored),
                                   reinterpret_cast<const std::byte*>(&value)};
          auto joined = word;
          join(reinterpret_cast<std::byte*>(&joined), args.data(), 1);
          value = joined;
        }
        std::memcpy(places.at[i], &value, sizeof word);
      }
    });
  }

  void write(const Stage& stage, bool in_order, std::size_t count) {
    const auto stores = p_.list(stage.stores);
    if (store_places_.size() < stores.size()) store_places_.resize(stores.size());
    for (std::size_t s = 0; s < stores.size(); ++s)
      find(p_.stores[stores[s]].to, count, store_places_[s]);
    const std::size_t step = in_order && stores.size() > 1 ? 1 : count;
    for (std::size_t i = 0; i < count; i += step) {
      for (std::size_t s = 0; s < stores.size(); ++s)
        store(p_.stores[stores[s]], store_places_[s], i, i + step);
    }
  }

  // ---- Failures -------------------------------------------------------------------------------

  /// True when a failure at place `i` of the arrays would be the earliest.
  [[nodiscard]] bool earliest(std::size_t i) const {
    return failure_.error == 0 ||
           first_point_ + static_cast<std::int64_t>(points_[i]) < failure_.position;
  }

  void fail(std::size_t i, std::uint32_t error) {
    if (!earliest(i)) return;
    failure_ = Failure{};
    failure_.error = error;
    failure_.position = first_point_ + static_cast<std::int64_t>(points_[i]);
  }

  void run_checks(const Stage& stage, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      for (const Id id : p_.list(stage.checks)) {
        const Check& check = p_.checks[id];
        if (arrays_[check.ok][i] != std::byte{0} || !earliest(i)) continue;
        fail(i, id + 1);
        for (const Id number : p_.list(check.shown)) {
          std::memcpy(&failure_.shown[failure_.shown_count++], arrays_[number] + i * 8, 8);
        }
      }
    }
  }

  // ---- Stages ---------------------------------------------------------------------------------

  void stage(const Stage& stage, const StageTape& tape, std::int64_t points) {
    std::vector<Id> axes(p_.list(p_.outer).begin(), p_.list(p_.outer).end());
    std::int64_t inner = 1;
    for (const Id axis : p_.list(stage.axes)) {
      axes.push_back(axis);
      inner = product_of_extents(inner, extent(axis));
    }
    const std::int64_t total = product_of_extents(points, inner);
    for (std::int64_t done = 0; done < total;) {
      const std::size_t count =
          static_cast<std::size_t>(std::min<std::int64_t>(block_points, total - done));
      place(axes, inner, done, count);
      for (const FoldTape& loop : tape.folds) {
        evaluate(loop.before, count);
        if (p_.folds[loop.fold].kind != Fold::Kind::scan) fold(loop, count);
      }
      evaluate(tape.after, count);
      run_checks(stage, count);
      if (!tape.folds.empty() && p_.folds[tape.folds.back().fold].kind == Fold::Kind::scan) {
        scan(stage, tape, tape.folds.back(), count);
      } else {
        write(stage, tape.in_order, count);
      }
      done += static_cast<std::int64_t>(count);
    }
  }

  /// Sets the axes of `count` iterations from number `from` of the block on, and the points that
  /// they belong to.
  void place(std::span<const Id> axes, std::int64_t inner, std::int64_t from, std::size_t count) {
    std::vector<std::int64_t> extents;
    for (const Id axis : axes) extents.push_back(extent(axis));
    std::vector<std::int64_t> at(axes.size());
    std::int64_t rest_inner = from % inner;
    std::int64_t rest_outer = first_point_ + from / inner;
    const std::size_t outer = p_.outer.count;
    for (std::size_t d = axes.size(); d-- > 0;) {
      std::int64_t& rest = d < outer ? rest_outer : rest_inner;
      at[d] = rest % extents[d];
      rest /= extents[d];
    }
    std::int64_t point = from / inner;
    std::int64_t within = from % inner;
    for (std::size_t i = 0; i < count; ++i) {
      points_[i] = static_cast<std::size_t>(point);
      if (++within == inner) within = 0, ++point;
    }
    // Along the last axis values follow each other; the others stay as long.
    for (std::size_t i = 0; i < count && !axes.empty();) {
      const std::size_t last = axes.size() - 1;
      const std::size_t length =
          std::min(count - i, static_cast<std::size_t>(extents[last] - at[last]));
      for (std::size_t d = 0; d < last; ++d) std::fill_n(values_of(axes[d]) + i, length, at[d]);
      std::iota(values_of(axes[last]) + i, values_of(axes[last]) + i + length, at[last]);
      at[last] += static_cast<std::int64_t>(length) - 1;
      advance(at, extents);
      i += length;
    }
  }

  std::int64_t* values_of(Id axis) { return reinterpret_cast<std::int64_t*>(axis_values_[axis]); }

  /// The next point in row-major order; gives the first axis that changed.
  static std::size_t advance(std::vector<std::int64_t>& at,
                             const std::vector<std::int64_t>& extents) {
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < extents[d]) return d;
      at[d] = 0;
    }
    return 0;
  }

  // ---- Folds ----------------------------------------------------------------------------------

  /// What a fold keeps its partial results in, made when it first runs.
  struct Partials {
    std::vector<Set> lanes;
    std::vector<Set> totals;  ///< of chunks and merged chunks: a binary counter
    std::vector<int>
        levels;  ///< how often each total was merged; their number is how many there are
    Set aside, left, right;
    std::vector<std::byte*> invariants;
  };

  Partials& partials(const FoldTape& loop) {
    Partials& made = partials_[loop.fold];
    if (made.lanes.empty()) {
      for (int lane = 0; lane < fold_lanes; ++lane) made.lanes.push_back(fresh_set(loop.fold));
      made.aside = fresh_set(loop.fold);
      made.left = fresh_set(loop.fold);
      made.right = fresh_set(loop.fold);
      for (std::size_t i = 0; i < loop.invariants.size(); ++i) made.invariants.push_back(fresh());
    }
    made.levels.clear();
    return made;
  }

  /// Lets the accumulators stand for `set`, on one side.
  void bind(const FoldTape& loop, const Set& set, std::size_t side) {
    for (const Id id : loop.accumulators[side]) arrays_[id] = set[p_.exprs[id].bits & 0xffU];
  }

  void copy(const FoldTape& loop, const Set& to, const Set& from, std::size_t count) const {
    const auto init = p_.list(p_.folds[loop.fold].init);
    for (std::size_t slot = 0; slot < to.size(); ++slot) {
      std::memmove(to[slot], from[slot], count * tapes_.width(init[slot]));
    }
  }

  /// Puts computed values into `set`, whose arrays may be among the values.
  void keep(const FoldTape& loop, Range values, const Set& set, std::size_t count) {
    const auto ids = p_.list(values);
    const Set& first = loop.swaps ? partials_[loop.fold].aside : set;
    for (std::size_t slot = 0; slot < set.size(); ++slot) {
      std::memmove(first[slot], arrays_[ids[slot]], count * tapes_.width(ids[slot]));
    }
    if (loop.swaps) copy(loop, set, first, count);
  }

  void start(const FoldTape& loop, const Set& set, std::size_t count) {
    const auto init = p_.list(p_.folds[loop.fold].init);
    for (std::size_t slot = 0; slot < set.size(); ++slot) {
      std::memcpy(set[slot], arrays_[init[slot]], count * tapes_.width(init[slot]));
    }
  }

  void step(const FoldTape& loop, const Set& set, std::size_t count) {
    bind(loop, set, 0);
    evaluate(loop.element, count);
    keep(loop, p_.folds[loop.fold].step, set, count);
  }

  /// left = merge(left, right)
  void merge(const FoldTape& loop, const Set& left, const Set& right, std::size_t count) {
    bind(loop, left, 0);
    bind(loop, right, 1);
    evaluate(loop.merge, count);
    keep(loop, p_.folds[loop.fold].merge, left, count);
  }

  /// Takes the next chunk's total. Two neighbours that stand for equally many chunks merge at once:
  /// the tree of the contract, without keeping all chunks.
  void push_total(const FoldTape& loop, Partials& partials, const Set& total, std::size_t count) {
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

  void merge_last_totals(const FoldTape& loop, Partials& partials, std::size_t count) {
    const std::size_t last = partials.levels.size() - 1;
    merge(loop, partials.totals[last - 1], partials.totals[last], count);
    partials.levels.pop_back();
  }

  /// All chunks' total; odd ones that moved up merge from the back.
  const Set& total(const FoldTape& loop, Partials& partials, std::size_t count) {
    while (partials.levels.size() > 1) merge_last_totals(loop, partials, count);
    return partials.totals.front();
  }

  /// The elements of a fold, one after the other.
  struct Elements {
    std::span<const Id> axes;
    std::vector<std::int64_t> extents;
    std::vector<std::int64_t> at;
    std::int64_t count = 1;
    std::size_t changed = 0;  ///< axes before this one stand as they were placed
  };

  Elements elements(const FoldTape& loop) const {
    Elements all;
    all.axes = p_.list(p_.folds[loop.fold].axes);
    for (const Id axis : all.axes) {
      all.extents.push_back(extent(axis));
      all.count = product_of_extents(all.count, all.extents.back());
    }
    all.at.resize(all.axes.size());
    return all;
  }

  void place_next(Elements& elements, std::size_t count) {
    for (std::size_t d = elements.changed; d < elements.axes.size(); ++d) {
      std::fill_n(values_of(elements.axes[d]), count, elements.at[d]);
    }
    elements.changed = advance(elements.at, elements.extents);
  }

  void fold(const FoldTape& loop, std::size_t count) {
    Elements all = elements(loop);
    Partials& partials = this->partials(loop);
    const Set& result = results_[loop.fold];
    if (all.count == 0 || p_.folds[loop.fold].kind == Fold::Kind::sequence) {
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

  /// A reduction at `count` points, element by element.
  void fold_together(const FoldTape& loop, Partials& partials, Elements& all, std::size_t count) {
    for (std::int64_t first = 0; first < all.count; first += fold_chunk) {
      for (const Set& lane : partials.lanes) start(loop, lane, count);
      const std::int64_t length = std::min<std::int64_t>(fold_chunk, all.count - first);
      for (std::int64_t j = 0; j < length; ++j) {
        place_next(all, count);
        step(loop, partials.lanes[static_cast<std::size_t>(j % fold_lanes)], count);
      }
      for (std::size_t half = fold_lanes / 2; half != 0; half /= 2) {
        for (std::size_t lane = 0; lane < half; ++lane) {
          merge(loop, partials.lanes[lane], partials.lanes[lane + half], count);
        }
      }
      push_total(loop, partials, partials.lanes[0], count);
    }
  }

  /// A reduction at place `i` alone: the lanes of up to 16 chunks side by side.
  void fold_one(const FoldTape& loop, Partials& partials, const Elements& all, std::size_t i) {
    const Fold& fold = p_.folds[loop.fold];
    const auto init = p_.list(fold.init);
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

  /// Gives place `lane` of the arrays element `number` of a fold.
  void place_element(const Elements& all, std::size_t lane, std::int64_t number) {
    for (std::size_t d = all.axes.size(); d-- > 0;) {
      values_of(all.axes[d])[lane] = d == 0 ? number : number % all.extents[d];
      number /= all.extents[d];
    }
  }

  /// Merges the lanes of each of `chunks` chunks, which stand side by side, and takes the totals.
  void merge_lanes(const FoldTape& loop, Partials& partials, std::size_t chunks) {
    const auto init = p_.list(p_.folds[loop.fold].init);
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

  /// A scan at `count` points, and the stores of its stage after each element.
  void scan(const Stage& stage, const StageTape& tape, const FoldTape& loop, std::size_t count) {
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

  const Tapes& tapes_;
  const Program& p_;
  const KernelArguments& arguments_;
  std::vector<std::byte*> arrays_;  ///< by expression
  std::vector<std::byte*> axis_values_;
  std::vector<Set> results_;  ///< by fold
  std::unordered_map<Id, Partials> partials_;
  std::vector<std::unique_ptr<Array>> pool_;
  std::vector<Memory> memories_;
  std::vector<std::byte> rows_;
  std::size_t points_at_once_ = block_points;
  std::int64_t first_point_ = 0;
  std::array<std::size_t, block_points>
      points_{};  ///< of each iteration, counted from `first_point_`
  Places places_{};
  std::vector<Places> store_places_;
  Failure failure_;
};

// ---- The interface ----------------------------------------------------------------------------

Interpreter::Interpreter(const Program& program) : tapes_(std::make_shared<const Tapes>(program)) {}

std::int64_t Interpreter::points(const std::int64_t* sizes) const { return tapes_->points(sizes); }

void Interpreter::run(const KernelArguments& arguments, std::int64_t begin,
                      std::int64_t end) const {
  end = std::min(end, points(arguments.sizes));
  if (begin < end) Run(*tapes_, arguments).run(begin, end);
}

void interpret(const Program& program, const KernelArguments& arguments) {
  const Interpreter interpreter(program);
  interpreter.run(arguments, 0, interpreter.points(arguments.sizes));
}

}  // namespace rill::kernel
