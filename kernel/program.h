/// The kernel language: a small loop-nest program over scalar expressions. Whatever is elementwise,
/// broadcast, view, gather, scatter or reduction is said once in it; a CPU emitter turns it into
/// vector code, a GPU emitter into CUDA, and an interpreter runs it as the reference. Invariant:
/// expressions are pure and hash-consed; a program's meaning is what the interpreter computes, and
/// no `Schedule`, emitter, instruction set or number of threads changes a bit of it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>

namespace rill::kernel {

/// Position in one of a program's pools.
using Id = std::uint32_t;
inline constexpr Id none = 0xffffffffU;

/// Consecutive entries of `Program::ids`.
struct Range {
  Id first = 0;
  Id count = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

/// What an expression computes. Arithmetic is IEEE round-to-nearest-even in the expression's type
/// and never contracted; operands have that type except where it says otherwise. Arithmetic takes
/// integers, float32 and float64. Half types are only loaded, stored, selected, cast and bitcast;
/// bool is loaded, stored, selected, cast, compared and combined by the bitwise codes.
/// `kernel/arithmetic.cpp` is the definition in code.
enum class Code : std::uint8_t {
  constant,     ///< `bits` is the element
  parameter,    ///< a scalar given at each launch; `bits` is its number
  size,         ///< an int64 given at each launch (extents and strides); `bits` is its number
  axis,         ///< int64 value of loop variable `bits`
  load,         ///< through access `bits`
  accumulator,  ///< inside a fold's step and merge: see `accumulator_bits`
  result,       ///< of a finished fold: `bits` is fold << 8 | slot
  add,
  subtract,
  multiply,
  divide,   ///< integers: floor; by zero 0; the lowest by -1 wraps
  modulo,   ///< integers only: sign of the divisor; by zero 0
  minimum,  ///< NaN if either is; -0 below +0
  maximum,  ///< likewise
  fma,      ///< floats: rounds once
  negate,
  absolute,  ///< floats: clears the sign bit; integers wrap
  sqrt,      ///< correctly rounded
  floor,
  ceil,
  trunc,
  round,    ///< to nearest, ties to even
  bit_and,  ///< integers and bool, as the three that follow
  bit_or,
  bit_xor,
  bit_not,      ///< of bool: logical not
  shift_left,   ///< by the second operand, same type; counts outside [0, width) give 0
  shift_right,  ///< arithmetic for signed types; counts outside [0, width) give 0, or all sign bits
  equal,  ///< bool of two operands of one type (no half type), as the three that follow; of NaN
          ///< only `not_equal` is true
  not_equal,
  less,
  less_equal,
  select,  ///< operand 0 is bool
  cast,  ///< float to integer truncates and saturates, NaN gives 0; integers wrap; anything to bool
         ///< is `!= 0`; anything to a float rounds once (float64 or int64 to a half type too)
  bitcast,  ///< same width, not bool
};

/// Operands stand before what uses them: an expression's `args`, those of its access, and those of
/// the fold whose result it is have lower ids.
struct Expr {
  Code code = Code::constant;
  DType type = DType::int64;
  std::uint8_t arity = 0;
  std::array<Id, 3> args{none, none, none};
  std::uint64_t bits = 0;
  friend bool operator==(const Expr&, const Expr&) = default;
};

/// `bits` of an accumulator: the fold, the slot, and in a merge which of the two sides (0: the
/// earlier elements').
constexpr std::uint64_t accumulator_bits(Id fold, Id slot, bool right = false) {
  return std::uint64_t{fold} << 9U | std::uint64_t{right ? 1U : 0U} << 8U | slot;
}

/// A loop variable that runs over [0, extent). The extent is an int64 expression over sizes and
/// constants.
struct Axis {
  Id extent = none;
};

/// What an emitter may take for granted of a buffer; the CPU's asks for none of it so far.
struct Facts {
  bool aligned = false;    ///< the first element is 64-byte aligned
  bool no_alias = false;   ///< no other buffer of the launch overlaps it
  bool wide_index = true;  ///< offsets may need more than 32 bits
  friend bool operator==(const Facts&, const Facts&) = default;
};

/// Memory that a program reads or writes: one pointer per launch, except for rows.
struct Buffer {
  enum class Space : std::uint8_t { input, output, in_out, row };
  DType type = DType::float32;
  Space space = Space::input;
  Range extents;  ///< int64 expressions over sizes and constants, outermost first
  Range strides;  ///< in elements, likewise; constants 0 and 1 say what the emitter vectorises by;
                  ///< rows are contiguous
  Facts facts;
};

/// An element of a buffer. A bool is a byte that is not 0; stored it is 1. Outputs are not loaded,
/// inputs not stored. Where `guard` is given and false, a load gives `otherwise` and touches
/// nothing.
struct Access {
  Id buffer = none;
  Range index;  ///< int64 expressions, one per axis of the buffer
  Id guard = none;
  Id otherwise = none;
  friend bool operator==(const Access&, const Access&) = default;
};

/// A reduction or scan over axes of its own.
/// Order (numerics contract, rule 3). The elements of the axes are numbered in row-major order, j =
/// 0 ... n-1. `reduce`: chunks of 512 consecutive elements; within a chunk element j goes to lane j
/// mod 16; each lane starts at `init` and takes its elements in order by `step`; lanes merge
/// pairwise (0 with 8, 1 with 9 ...; then 0 with 4 ...; 2; 1); chunks merge pairwise level by level
/// (0 with 1, 2 with 3 ...; an odd last one moves up unchanged). n = 0 gives `init`. A lane without
/// elements takes part with `init`, which therefore must be neutral in `merge`. `scan`: sequential
/// inside chunks of 512 from `init`; element j's prefix is merge(total of the chunks before, prefix
/// in its chunk), the totals being merged sequentially; the first chunk's prefixes are used as they
/// are. A stage holds one scan at most, as its last fold, and has then no axes of its own; its
/// stores run once per element, over the scan's axes, and they alone may use its `result`, which
/// stands for element j's prefix. `sequence`: element after element by `step`, no merge. Without
/// axes a fold has one element.
struct Fold {
  enum class Kind : std::uint8_t { reduce, scan, sequence };
  Kind kind = Kind::reduce;
  Range axes;
  Range init;   ///< one expression per accumulator, outside the fold's axes
  Range step;   ///< over the axes and the accumulators
  Range merge;  ///< over the accumulators' two sides, constants, parameters and sizes; empty for a
                ///< sequence
};
inline constexpr int fold_lanes = 16;
inline constexpr int fold_chunk_bits = 9;
inline constexpr int fold_chunk = 1 << fold_chunk_bits;

/// Writes `value` when the access's guard, if any, holds. The modes other than `set` read, combine
/// and write (half types in float32, rounded once; no bool; not into outputs, whose elements start
/// undefined): in iteration order where several iterations meet one element.
struct Store {
  enum class Mode : std::uint8_t { set, add, multiply, minimum, maximum };
  Access to;
  Id value = none;
  Mode mode = Mode::set;
  bool unique = true;  ///< no two iterations write one element; false for scatters
};

/// A condition that must hold. The first failure in iteration order is reported through `Failure`:
/// of the lowest point of the outer axes, and there of the first stage, the lowest point of its
/// axes, the first check. Code goes on with accesses that the program itself has clamped.
struct Check {
  Id ok = none;
  std::uint16_t error = 0;  ///< meaning is the operator's
  Range shown;              ///< int64 expressions, at most 4, for the message
};

/// One step inside the outer axes: for each point of `axes`: the folds, the checks, the stores, in
/// this order. All values that the stores of a point use are computed before the first of them
/// writes, and no iteration loads what another iteration of the same stage stores. Results of folds
/// of a stage without axes are visible to all later stages.
struct Stage {
  Range axes;
  Range folds;   ///< ids into `Program::folds`
  Range checks;  ///< into `Program::checks`
  Range stores;  ///< into `Program::stores`
};

/// The whole: stages in order, for each point of the outer axes; then, once, the closing stages.
/// Iterations of the outer axes are independent, save for stores that are not unique.
///
/// A closing stage reduces over the points: column sums beside what rows compute. Its axes are its
/// own, none of them an outer one, and for each point of them it has folds, of kind `reduce` and
/// over the outer axes, all of them in their order, and stores; no checks. A step may use what its
/// outer point knows, results of folds and rows included; init and stores know nothing of outer
/// points, and the stores may use the results of their own stage's folds. Nothing of a closing
/// stage loads from a buffer in `Space::in_out`, and all stores of the program are unique.
struct Program {
  std::vector<Id> ids;  ///< what every `Range` points into
  std::vector<Expr> exprs;
  std::vector<Axis> axes;
  std::vector<Buffer> buffers;
  std::vector<Access> accesses;
  std::vector<Fold> folds;
  std::vector<Store> stores;
  std::vector<Check> checks;
  std::vector<Stage> stages;
  std::vector<Stage> closing;
  Range outer;                    ///< axes, outermost first
  std::vector<DType> parameters;  ///< one per `Code::parameter` number
  Id sizes = 0;                   ///< how many `Code::size` numbers there are

  [[nodiscard]] std::span<const Id> list(Range range) const {
    return {ids.data() + range.first, range.count};
  }
};

/// Two phrases in which a schedule says how work is cut; neither it nor anything else in it changes
/// a result.
struct Schedule {
  /// What the [begin, end) of a call of the kernel counts.
  enum class Map : std::uint8_t {
    points,  ///< points of the outer axes, in row-major order
    split,   ///< blocks of `split_block` elements of the only reducing stage's fold, for programs
             ///< with few outer points
    owned,   ///< positions along axis 0 of the destination of stores that are not unique: each call
             ///< walks all iterations and applies the stores that fall into its own positions
    tiles,   ///< `tile_units` of blocks over the last two outer axes (transposed operands)
    chunks,  ///< chunks of `fold_chunk` points, for programs with closing stages, whose folds are
             ///< so cut: each leaves its totals in `partials`; `finish` over [0, 1) merges them
  };
  Map map = Map::points;
  Id vector_axis = none;        ///< its neighbours become vector lanes; none: scalar code
  std::uint8_t interleave = 1;  ///< neighbours along the last outer axis whose folds take turns in
                                ///< one loop, so that none waits for its own accumulators: 1, 2, 4
                                ///< or 8
  bool nontemporal = false;  ///< stores bypass the caches; whoever asks knows that whole vectors of
                             ///< 16 elements are aligned
  bool prefetches = false;   ///< rows are asked for before they are used: those that loaded
                             ///< indices name, and those that are walked over several times
  bool bounds_checks = false;  ///< every access is checked against its buffer's extents
  friend bool operator==(const Schedule&, const Schedule&) = default;
};
inline constexpr int split_block = 64 * fold_chunk;

/// The first failed check of a launch, or a bounds violation.
struct Failure {
  static constexpr std::uint32_t bounds =
      0xffffU;              ///< `error` of an access outside its buffer: a fault of rill
  std::uint32_t error = 0;  ///< 0: none; else the check's place in `Program::checks` + 1
  std::uint32_t shown_count = 0;
  std::int64_t position =
      0;  ///< row-major number of the point of the outer axes; the lowest of several threads' wins
  std::array<std::int64_t, 4> shown{};
};

/// What a compiled kernel reads; the binary interface of generated code.
struct KernelArguments {
  std::byte* const* buffers;        ///< the first elements, in the program's order, rows left out
  const std::int64_t* sizes;        ///< by number
  const std::uint64_t* parameters;  ///< by number, the element in the low bytes
  std::byte*
      scratch;  ///< rows and what the emitter needs, 64-byte aligned, one per concurrent call
  std::byte* partials;  ///< `Map::split`: one set of accumulators per block, 8 bytes each;
                        ///< `Map::chunks`: per chunk one array for each accumulator of the closing
                        ///< folds, in which the stage's last axis is made up to a multiple of 16
  Failure* failure;     ///< one per concurrent call
};
using KernelFunction = void (*)(const KernelArguments*, std::int64_t begin, std::int64_t end);

/// Throws `InternalError` naming what is wrong: an operand of another type, an index of the wrong
/// rank, a load through an axis that is not in scope, a cycle, an id out of range.
RILL_API void check(const Program& program);

/// The program as text, one line per part: what tests compare and people read.
RILL_API std::string text(const Program& program);

/// A hash of everything that the program says; equal programs have equal hashes on every machine.
RILL_API std::array<std::uint64_t, 2> fingerprint(const Program& program);

/// Runs a program plainly, one element after the other: the reference for emitters, and the
/// fallback without one.
RILL_API void interpret(const Program& program, const KernelArguments& arguments);

}  // namespace rill::kernel
