// Turns a kernel program and a schedule into one LLVM function, or two.
//
// Lanes. At most one axis at a time is spread over 16 vector lanes; a value that depends on it is a
// vector, all others stay scalars and are hoisted out of the loops that they do not depend on. The
// lane axis is the last outer axis (then each fold works on a block of neighbouring outputs, with
// accumulators in scratch), the last axis of a stage, or that of a fold in which neighbours are
// summed into one output. In the last case several points may be interleaved: their reductions are
// one loop, in which each has accumulators of its own, so that none waits for its last addition.
//
// Invariant: the order of every fold is the one in kernel/program.h, whatever the lanes, blocks or
// calls.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <rill/cpu/compiled_object.h>
#include <rill/cpu/llvm/arithmetic.h>
#include <rill/cpu/llvm/nest.h>
#include <rill/kernel/dependence.h>
#include <rill/kernel/program.h>

namespace rill::cpu::llvm_emitter {

/// Elements side by side in a vector: the lanes of a fold, whatever the width of the processor's
/// registers.
inline constexpr unsigned lane_count = kernel::fold_lanes;
/// Levels of the tree that any count of chunks needs.
inline constexpr unsigned tree_levels = 48;
/// What a prefetch is into.
inline constexpr std::uint32_t first_cache = 3;
inline constexpr std::uint32_t second_cache = 2;

class Emitter {
 public:
  Emitter(llvm::Module& module, const kernel::Program& program, const kernel::Schedule& schedule,
          Level level);

  /// Adds `run` and, for `Map::split` and `Map::chunks`, `finish` to the module.
  void emit();

  [[nodiscard]] std::uint64_t fixed_scratch() const { return (scratch_ + 63) / 64 * 64; }
  [[nodiscard]] std::uint64_t row_lanes() const { return row_lanes_; }

 private:
  using Id = kernel::Id;
  using Value = llvm::Value;

  enum class Part : std::uint8_t { whole, split, finish };

  /// The lane axis where code is being emitted. Lanes [first, last) are active; null means 0
  /// and 16.
  struct Lanes {
    Id axis = kernel::none;
    Value* base = nullptr;  ///< the axis's value in lane 0
    Value* first = nullptr;
    Value* last = nullptr;
    std::size_t scope = 0;
  };
  /// A stretch of the lane axis that is worked on together: every loop over lanes runs through it.
  /// Not empty.
  struct Block {
    Id axis = kernel::none;
    Value* start = nullptr;
    Value* width = nullptr;
    unsigned limit = 0;  ///< the most lanes that it has; 0 where nothing is kept per lane
  };
  struct Known {
    Value* value = nullptr;
    std::size_t scope = 0;
  };
  /// Which of the points that are interleaved code is being emitted for; from `interleave_` on:
  /// for whichever one a loop over them has come to.
  struct Turns {
    unsigned first = 0;
    unsigned last = 1;
  };
  /// Results of a fold: values, or arrays in scratch with one element per lane of the block.
  struct Results {
    Values values;
    std::size_t scope = 0;
    Values arrays;
    Value* start = nullptr;  ///< of the block
  };

  // ---- emitter.cpp, tile.cpp and prefetch.cpp: functions, outer axes, stages -------------------
  void function(const char* name, Part part);
  void points(Value* begin, Value* end);
  void split_points(Value* begin, Value* end);
  void tiled_points(Value* begin, Value* end);
  void tiled_block(Value* first_row, Value* first_column,
                   const std::function<void(Value* strip)>& ahead);
  void fetch_strip(Value* first_row, Value* first_column, Value* offset);
  std::pair<Value*, Value*> tile_origin(Id access, Value* row, Value* column);
  void fill_tile(Id access, Value* row, Value* column, Value* rows, Value* columns, Value* tile);
  void segment(Value* start, Value* stop);
  void one_segment(Value* start, Value* stop);
  void prefetch_rows(Value* start, Value* stop,
                     const std::function<void(std::int64_t rows)>& ahead);
  void prefetch_next_row(const kernel::Access& access);
  void prefetch(Value* pointer, std::uint32_t cache);
  Value* point_number();
  void stages();
  void stage(const kernel::Stage& stage);
  void stage_loops(const kernel::Stage& stage);
  void stage_body(const kernel::Stage& stage);
  void effects(const kernel::Stage& stage);
  void emit_stores(const kernel::Stage& stage);
  void loop_axes(std::span<const Id> axes, const std::function<void()>& body);
  bool vectorises(const kernel::Stage& stage) const;
  bool is_long(const kernel::Stage& stage) const;
  unsigned block_limit() const;
  Value* extent(Id axis);
  Value* product_of_extents(std::span<const Id> axes);
  void set_axis(Id axis, Value* value);
  Values position(std::span<const Id> axes, Value* linear);
  Values advance(std::span<const Id> axes, const Values& position);
  void for_lanes(const std::function<void()>& body, bool masked = false);
  void for_vectors(const std::function<void(Value* offset)>& body);
  void emit_check(const kernel::Check& check, Id number);
  void fail(std::uint32_t error, Value* position, std::span<Value* const> shown);

  // ---- interleave.cpp -------------------------------------------------------------------------
  void interleaved_segment(Value* start, Value* stop);
  void interleaved_stage(const kernel::Stage& stage, Value* count);
  void each_point(const std::function<void()>& body);
  Values of_each_point(const Values& all, const std::function<Values(const Values&)>& body);
  void loop_points(Value* count, const std::function<void()>& body);

  // ---- value.cpp: expressions -----------------------------------------------------------------
  Value* evaluate(Id expr);
  Value* evaluate_scalar(Id expr);  ///< of an affine expression, its value in lane 0
  Value* lower(Id expr);
  std::size_t scope_of(Id expr) const;
  unsigned point_of(Id expr) const;
  Value* spread(Id expr);  ///< as a vector
  Value* splat(Value* scalar);
  Value* result(Id fold, Id slot);
  Value* parameter(Id number, DType dtype);
  Value* size(Id number);
  Value* integer(std::int64_t number) { return b_.getInt64(static_cast<std::uint64_t>(number)); }
  llvm::FixedVectorType* vector_of(llvm::Type* element) const;
  bool in_lanes() const { return lanes_.axis != kernel::none; }
  Value* active_mask();

  // ---- access.cpp: memory ---------------------------------------------------------------------
  Value* load(Id access);
  void store(const kernel::Store& store, Value* value, Value* guard);
  Value* after_rows();
  Value* base(Id buffer);
  std::size_t base_scope(Id buffer) const;
  Value* address(const kernel::Access& access);  ///< in lane 0
  Value* offsets(const kernel::Access& access);  ///< from the buffer's start, per lane
  Value* lane_position();
  /// Whether the points of a block have their rows side by side.
  bool side_by_side(const kernel::Buffer& buffer) const {
    return outer_lanes_ && row_lanes_ > 1 && buffer.space == kernel::Buffer::Space::row;
  }
  Value* guard_of(const kernel::Access& access);
  Value* bounds_of(const kernel::Access& access);
  std::uint32_t number_of(const kernel::Access& access) const;
  Value* load_vector(llvm::Type* element, Value* pointer, Value* mask, Value* otherwise);
  Value* gather(llvm::Type* element, const std::function<Value*(Value* lane)>& pointer, Value* mask,
                Value* otherwise);
  void store_vector(Value* value, Value* pointer, Value* mask, bool bypass);
  void store_lanes(const kernel::Store& store, Value* value, Value* guard);
  void store_one(const kernel::Store& store, Value* pointer, Value* value);
  /// Whether the processor gathers elements of a type, leaving out lanes that are not in use.
  bool gathers(DType dtype) const { return level_ == Level::avx512 && size_of(dtype) >= 4; }
  Value* temporary(llvm::Type* type);
  Value* element(llvm::Type* type, Value* pointer, Value* index) {
    return b_.CreateGEP(type, pointer, index);
  }
  Value* mask_and(Value* a, Value* b);

  // ---- fold.cpp -------------------------------------------------------------------------------
  void fold(Id fold);
  void reduce_neighbours(Id fold, Value* first, Value* count);
  void reduce_in_place(Id fold, Value* first, Value* count);
  Value* fold_elements(Id fold);
  bool is_light(const kernel::Fold& fold) const;
  Values init_values(Id fold);
  Values step_values(Id fold, const Values& accumulators);
  Values merge_values(Id fold, const Values& left, const Values& right);
  Values merge_lanes(Id fold, const Values& accumulators);
  void bind(Id fold, bool right, const Values& values);
  Value* scratch(std::uint64_t bytes);
  Values stack_for(Id fold, unsigned elements);
  Value* lowest_bit(Value* bits);
  Value* without_lowest_bit(Value* bits);
  void push_total(Id fold, const Values& stack, Value* number, Values total, std::int64_t level);
  Values join_totals(Id fold, const Values& stack, Value* count, bool wide);
  Value* on_stack(Value* level, bool wide);
  Values load_slots(Id fold, const Values& arrays, Value* index, bool vector);
  void store_slots(Id fold, const Values& arrays, Value* index, const Values& values);
  DType slot_type(Id fold, std::size_t slot) const;
  Results& results_of(Id fold) { return results_[turns_.first * program_.folds.size() + fold]; }
  const Results& results_of(Id fold) const {
    return results_[turns_.first * program_.folds.size() + fold];
  }

  // ---- scan.cpp -------------------------------------------------------------------------------
  void run_sequence(Id fold);
  Values written_out_sequence(Id fold, std::int64_t count, Values values);
  void scan(const kernel::Stage& stage);

  // ---- owned.cpp ------------------------------------------------------------------------------
  void owned_points(Value* begin, Value* end);
  void listed_points();
  bool owns_stretches() const;
  Value* owns(Value* row);

  // ---- split.cpp ------------------------------------------------------------------------------
  void store_partials(Id fold, Value* block);
  Value* partial_slot(Id fold, Value* block, Value* point, Id slot);
  void finish_split(Id fold);
  Value* partials();

  // ---- closing.cpp ----------------------------------------------------------------------------
  Value* places(const kernel::Stage& stage);
  Value* whole_vectors(Id axis);
  Value* closing_offset(Id before, Id slot);
  Value* closing_row(Value* rows, Value* number);
  Values closing_arrays(Id fold, Value* row);
  Values closing_init(Id fold);
  Values closing_total(Id fold, Value* place, Value* chunks);
  Values merged_rows(Id fold, Value* place, bool wide, unsigned lane, unsigned stride);
  void at_places(const kernel::Stage& stage, const std::function<void(Value* place)>& body);
  void chunked_points(Value* begin, Value* end);
  void start_chunk();
  void take_point();
  void end_chunk(Value* chunk);
  void close();

  llvm::Module& module_;
  const kernel::Program& program_;
  const kernel::Schedule& schedule_;
  Level level_;
  llvm::IRBuilder<> b_;
  Arithmetic arithmetic_;
  Nest nest_;
  kernel::Dependence dependence_;

  // Of the function being emitted.
  Part part_ = Part::whole;
  llvm::Function* function_ = nullptr;
  llvm::Argument* arguments_ = nullptr;
  Lanes lanes_;
  std::optional<Block> block_;
  bool lane_zero_ = false;
  std::vector<Known> axes_;
  std::vector<Results> results_;  // of all folds, point by point where these are interleaved
  std::vector<std::array<Values, 2>> accumulators_;
  std::vector<std::size_t> accumulator_scopes_;
  Value* point_ =
      nullptr;  // number of the point; in lanes over outer points, of the segment's first
  Value* point_start_ = nullptr;  // the last outer axis's value there
  Value* owned_begin_ = nullptr;
  Value* owned_end_ = nullptr;
  Value* split_block_ = nullptr;
  Turns turns_;
  Values interleaved_;          // the last outer axis's values at points that are interleaved
  std::vector<Values> totals_;  // of folds, over these points: arrays in scratch
  std::vector<std::pair<Id, Value*>>
      tiles_;  // loads that have been read into squares, and where these are
  Value* tile_row_ = nullptr;

  bool outer_lanes_ = false;
  std::vector<Id> repeated_loads_;  // which ask for the next point's row, too
  Id split_fold_ = kernel::none;
  std::uint64_t scratch_ = 0;
  unsigned interleave_ = 1;  // points at once, at most
  std::uint64_t row_lanes_ = 1;
};

}  // namespace rill::cpu::llvm_emitter
