/// `Interpreter::Run`: one call of the interpreter, with its arrays and its place in the loops.
/// Invariant: up to 256 points are taken at a time: each expression becomes an array with one
/// element per point, and each code one loop over such arrays; how many are taken changes no bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include <rill/kernel/interpret.h>
#include <rill/kernel/tapes.h>

namespace rill::kernel {

class Interpreter::Run {
 public:
  Run(const Tapes& tapes, const KernelArguments& arguments);
  /// Runs the points [begin, end), of `points` that there are, then the closing stages.
  void run(std::int64_t begin, std::int64_t end, std::int64_t points);

 private:
  /// Points that are taken together, and the bytes of one array.
  static constexpr std::size_t block_points = 256;
  static constexpr std::size_t array_bytes = block_points * 8;

  struct alignas(64) Array {
    std::array<std::byte, array_bytes> bytes;
  };
  /// One array per accumulator of a fold.
  using Set = std::vector<std::byte*>;

  // ---- Arrays ---------------------------------------------------------------------------------
  std::byte* fresh();
  Set fresh_set(Id fold);
  std::int64_t* values_of(Id axis) { return reinterpret_cast<std::int64_t*>(axis_values_[axis]); }
  /// What an expression that is the same at every point has come to.
  [[nodiscard]] std::int64_t uniform_value(Id expr) const;
  [[nodiscard]] std::int64_t extent(Id axis) const;

  // ---- Expressions ----------------------------------------------------------------------------
  void compute(Id id, std::size_t count);
  void evaluate(const Tape& tape, std::size_t count);
  void recall(Id id, const Expr& expr, std::size_t count);

  // ---- Memory (interpreter_memory.cpp) --------------------------------------------------------
  struct Memory {
    std::byte* first = nullptr;  ///< of rows the first point's
    std::vector<std::int64_t> extents, strides;
    /// Bytes from one point's row to the next one's; 0 for other buffers.
    std::size_t per_point = 0;
  };
  struct Places {
    std::array<std::byte*, block_points> at;         ///< null where nothing may be touched
    std::array<std::int64_t, block_points> offsets;  ///< in elements
  };
  void bind_buffers();
  /// Where an access leads at each place of the arrays: nowhere if its guard says no or an index is
  /// outside.
  void find(const Access& access, std::size_t count, Places& places);
  void load(Id id, const Access& access, std::size_t count);
  /// Writes the values of places [first, last) of the arrays.
  void store(const Store& store, const Places& places, std::size_t first, std::size_t last);
  void write(const Stage& stage, bool in_order, std::size_t count);

  // ---- Failures -------------------------------------------------------------------------------
  /// True when a failure at place `i` of the arrays would be the earliest.
  [[nodiscard]] bool earliest(std::size_t i) const;
  void fail(std::size_t i, std::uint32_t error);
  void run_checks(const Stage& stage, std::size_t count);

  // ---- Stages ---------------------------------------------------------------------------------
  void stage(const Stage& stage, const StageTape& tape, std::int64_t points);
  /// Sets the axes of `count` iterations from number `from` of the block on, and the points that
  /// they belong to.
  void place(std::span<const Id> axes, std::int64_t inner, std::int64_t from, std::size_t count);
  /// The next point in row-major order; gives the first axis that changed.
  static std::size_t advance(std::vector<std::int64_t>& at,
                             const std::vector<std::int64_t>& extents);

  // ---- Folds (interpreter_fold.cpp) -----------------------------------------------------------
  /// What a fold keeps its partial results in, made when it first runs.
  struct Partials {
    std::vector<Set> lanes;
    std::vector<Set> totals;  ///< of chunks and merged chunks: a binary counter
    /// How often each total was merged; their number is how many there are.
    std::vector<int> levels;
    Set aside, left, right;
    std::vector<std::byte*> invariants;
  };
  /// The elements of a fold, one after the other.
  struct Elements {
    std::span<const Id> axes;
    std::vector<std::int64_t> extents;
    std::vector<std::int64_t> at;
    std::int64_t count = 1;
    std::size_t changed = 0;  ///< axes before this one stand as they were placed
  };
  Partials& partials(const FoldTape& loop);
  void prepare(const FoldTape& loop, Partials& partials);
  /// Lets the accumulators stand for `set`, on one side.
  void bind(const FoldTape& loop, const Set& set, std::size_t side);
  void copy(const FoldTape& loop, const Set& to, const Set& from, std::size_t count) const;
  /// Puts computed values into `set`, whose arrays may be among the values.
  void keep(const FoldTape& loop, Range values, const Set& set, std::size_t count);
  void start(const FoldTape& loop, const Set& set, std::size_t count);
  void step(const FoldTape& loop, const Set& set, std::size_t count);
  /// left = merge(left, right)
  void merge(const FoldTape& loop, const Set& left, const Set& right, std::size_t count);
  /// Takes the next chunk's total. Two neighbours that stand for equally many chunks merge at once:
  /// the tree of the contract, without keeping all chunks.
  void push_total(const FoldTape& loop, Partials& partials, const Set& total, std::size_t count);
  void merge_last_totals(const FoldTape& loop, Partials& partials, std::size_t count);
  /// All chunks' total; odd ones that moved up merge from the back.
  const Set& total(const FoldTape& loop, Partials& partials, std::size_t count);
  Elements elements(const FoldTape& loop) const;
  void place_next(Elements& elements, std::size_t count);
  void fold(const FoldTape& loop, std::size_t count);
  /// A reduction at `count` points, element by element.
  void fold_together(const FoldTape& loop, Partials& partials, Elements& all, std::size_t count);
  /// Merges the lanes of a chunk at `count` points, and takes the total.
  void end_chunk(const FoldTape& loop, Partials& partials, std::size_t count);
  /// A reduction at place `i` alone: the lanes of up to 16 chunks side by side.
  void fold_one(const FoldTape& loop, Partials& partials, const Elements& all, std::size_t i);
  /// Gives place `lane` of the arrays element `number` of a fold.
  void place_element(const Elements& all, std::size_t lane, std::int64_t number);
  /// Merges the lanes of each of `chunks` chunks, which stand side by side, and takes the totals.
  void merge_lanes(const FoldTape& loop, Partials& partials, std::size_t chunks);
  /// A scan at `count` points, and the stores of its stage after each element.
  void scan(const Stage& stage, const StageTape& tape, const FoldTape& loop, std::size_t count);

  // ---- Closing stages (interpreter_closing.cpp) -----------------------------------------------
  /// What a fold has taken so far at up to 256 places of its closing stage.
  Partials& closing_partials(const FoldTape& loop, std::int64_t first_place);
  [[nodiscard]] std::int64_t places(const Stage& stage) const;
  /// Lets the folds take `count` points, of the `points` that there are.
  void take_points(const Stage& stage, const StageTape& tape, std::int64_t count,
                   std::int64_t points);
  /// The stores, when all points have been taken.
  void close(const Stage& stage, const StageTape& tape, std::int64_t points);

  const Tapes& tapes_;
  const Program& program_;
  const KernelArguments& arguments_;
  std::vector<std::byte*> arrays_;  ///< by expression
  std::vector<std::byte*> axis_values_;
  std::vector<Set> results_;  ///< by fold
  std::unordered_map<Id, Partials> partials_;
  std::unordered_map<Id, std::vector<Partials>> closing_partials_;
  std::vector<std::unique_ptr<Array>> pool_;
  std::vector<Memory> memories_;
  std::vector<std::byte> rows_;
  std::size_t points_at_once_ = block_points;
  std::int64_t first_point_ = 0;
  /// Of each iteration, counted from `first_point_`.
  std::array<std::size_t, block_points> points_{};
  Places places_{};
  std::vector<Places> store_places_;
  Failure failure_;
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
inline void fill(std::byte* to, const std::byte* element, std::size_t width, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) std::memcpy(to + i * width, element, width);
}

}  // namespace rill::kernel
