// Tiles: pointwise programs with an operand that is contiguous along another axis than the result.
//
// Read lane by lane such an operand would touch a cache line per element. Instead squares of 16 x
// 16 are read along its own direction, transposed in registers and kept on the stack, where the
// loop over the result finds them in its order. Blocks of the result are visited together with
// their mirror images: an operand and its own transpose then come from memory once. Meanwhile the
// lines of the next blocks are asked for.
#include <rill/cpu/llvm/emitter.h>

#include <array>

#include <llvm/IR/Intrinsics.h>

#include <rill/kernel/schedule.h>
#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using llvm::Value;

namespace {

constexpr int side = kernel::tile_side;
static_assert(side % lane_count == 0);
constexpr std::int64_t cache_line = 64;

/// Transposes a square of vectors by exchanging the off-diagonal blocks of 8, of 4, of 2 and of 1
/// (Eklundh, "A fast computer method for matrix transposing", IEEE Transactions on Computers 21(7),
/// 1972).
void transpose(llvm::IRBuilder<>& b, std::array<Value*, lane_count>& rows) {
  for (unsigned distance = lane_count / 2; distance > 0; distance /= 2) {
    std::array<int, lane_count> upper{};
    std::array<int, lane_count> lower{};
    for (unsigned lane = 0; lane < lane_count; ++lane) {
      const bool high = (lane & distance) != 0;
      upper[lane] = static_cast<int>(high ? lane_count + (lane ^ distance) : lane);
      lower[lane] = static_cast<int>(high ? lane_count + lane : lane ^ distance);
    }
    for (unsigned i = 0; i < lane_count; ++i) {
      if ((i & distance) != 0) continue;
      Value* first = rows[i];
      Value* second = rows[i + distance];
      rows[i] = b.CreateShuffleVector(first, second, upper);
      rows[i + distance] = b.CreateShuffleVector(first, second, lower);
    }
  }
}

}  // namespace

/// Units [begin, end), numbered over the leading axes and, within each of their points, as
/// `kernel::tile_units` says.
void Emitter::tiled_points(Value* begin, Value* end) {
  const auto outer = program_.list(program_.outer);
  const Id row = outer[outer.size() - 2];
  const Id column = outer.back();
  const auto leading = outer.first(outer.size() - 2);
  for (const Id load : kernel::transposed_loads(program_, dependence_)) {
    const DType type = program_.buffers[program_.accesses[load].buffer].type;
    llvm::BasicBlock& entry = function_->getEntryBlock();
    llvm::IRBuilder<> at(&entry, entry.begin());
    llvm::AllocaInst* tile = at.CreateAlloca(
        llvm::ArrayType::get(arithmetic_.stored(type), std::uint64_t{lane_count} * side));
    tile->setAlignment(llvm::Align(64));
    tiles_.emplace_back(load, tile);
  }
  const auto blocks = [&](Id axis) {
    return b_.CreateUDiv(b_.CreateAdd(extent(axis), integer(side - 1)), integer(side));
  };
  Value* rows = blocks(row);
  Value* columns = blocks(column);
  // The triangle of pairs has `longer` rows; row k and the k-th from the end are one unit row, as
  // long as all others.
  Value* longer = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, rows, columns);
  Value* length = b_.CreateAdd(longer, integer(1));
  Value* units = b_.CreateMul(b_.CreateUDiv(length, integer(2)), length);
  struct Unit {
    Values leading;
    Value* real;  // whether there is such a pair of blocks: (i, j) and (j, i)
    Value* i;
    Value* j;
  };
  const auto locate = [&](Value* unit) {
    Value* number = b_.CreateURem(unit, units);
    Value* short_row = b_.CreateUDiv(number, length);
    Value* step = b_.CreateURem(number, length);
    Value* long_row = b_.CreateSub(b_.CreateSub(longer, integer(1)), short_row);
    Value* in_long = b_.CreateICmpSLE(step, long_row);
    // With an odd number of rows the middle one is its own partner.
    Value* real = b_.CreateOr(in_long, b_.CreateICmpNE(long_row, short_row));
    return Unit{
        position(leading, b_.CreateUDiv(unit, units)), real,
        b_.CreateSelect(in_long, long_row, short_row),
        b_.CreateSelect(in_long, step, b_.CreateSub(b_.CreateSub(step, long_row), integer(1)))};
  };
  const auto lead = [&](const Unit& unit) {
    for (std::size_t k = 0; k < leading.size(); ++k) set_axis(leading[k], unit.leading[k]);
  };
  nest_.loop(begin, end, 1, [&](Value* number) {
    const Unit unit = locate(number);
    const Unit next = locate(b_.CreateAdd(number, integer(1)));
    lead(unit);
    // First (i, j), then (j, i), through one body.
    Value* mirror = b_.CreateICmpNE(unit.i, unit.j);
    Value* count = b_.CreateAdd(integer(1), b_.CreateZExt(mirror, b_.getInt64Ty()));
    nest_.when(unit.real, false, [&] {
      nest_.loop(integer(0), count, 1, [&](Value* which) {
        Value* mirrored = b_.CreateICmpNE(which, integer(0));
        const auto corner = [&](Value* first, Value* second) {
          return b_.CreateMul(b_.CreateSelect(mirrored, second, first), integer(side));
        };
        Value* r = corner(unit.i, unit.j);
        Value* c = corner(unit.j, unit.i);
        nest_.when(
            b_.CreateAnd(b_.CreateICmpSLT(r, extent(row)), b_.CreateICmpSLT(c, extent(column))),
            false, [&] {
              tiled_block(r, c, [&](Value* strip) {
                lead(next);
                fetch_strip(corner(next.i, next.j), corner(next.j, next.i), strip);
              });
            });
      });
    });
  });
  tiles_.clear();
}

/// The block of the result that begins at a row and a column, in strips of 16 rows. Before each of
/// them `ahead` asks for as much of a later block.
void Emitter::tiled_block(Value* first_row, Value* first_column,
                          const std::function<void(Value* strip)>& ahead) {
  const auto outer = program_.list(program_.outer);
  const Id row = outer[outer.size() - 2];
  const Id column = outer.back();
  const auto least = [&](Value* a, std::int64_t b) {
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, integer(b));
  };
  Value* height = least(b_.CreateSub(extent(row), first_row), side);
  Value* width = least(b_.CreateSub(extent(column), first_column), side);
  nest_.loop(integer(0), height, lane_count, [&](Value* strip) {
    const std::vector<Known> axes = axes_;
    nest_.region([&] { ahead(strip); });
    axes_ = axes;
    Value* top = b_.CreateAdd(first_row, strip);
    Value* rows = least(b_.CreateSub(height, strip), lane_count);
    for (const auto& [load, tile] : tiles_) {
      nest_.region([&] { fill_tile(load, top, first_column, rows, width, tile); });
    }
    nest_.loop(integer(0), rows, 1, [&](Value* i) {
      tile_row_ = i;
      set_axis(row, b_.CreateAdd(top, i));
      block_ = Block{column, first_column, width, 0};
      for_lanes([&] { effects(program_.stages.front()); });
      block_.reset();
    });
  });
}

/// Where a load's element at a row and a column is, and how many bytes further on that of the next
/// column.
std::pair<Value*, Value*> Emitter::tile_origin(Id load, Value* row, Value* column) {
  const auto outer = program_.list(program_.outer);
  const auto from = [&](Value* at) {
    Value* pointer = nullptr;
    nest_.region([&] {
      set_axis(outer[outer.size() - 2], row);
      set_axis(outer.back(), at);
      pointer = address(program_.accesses[load]);
    });
    return pointer;
  };
  Value* origin = from(column);
  Value* next = from(b_.CreateAdd(column, integer(1)));
  return {origin, b_.CreateSub(b_.CreatePtrToInt(next, b_.getInt64Ty()),
                               b_.CreatePtrToInt(origin, b_.getInt64Ty()))};
}

/// Asks for what the block of the result at a row and a column takes of the loads that are read in
/// squares: 16 of its columns, from `offset` on. Their lines lie too far apart for processors to
/// foresee.
void Emitter::fetch_strip(Value* first_row, Value* first_column, Value* offset) {
  const auto outer = program_.list(program_.outer);
  Value* column = b_.CreateAdd(first_column, offset);
  const auto left = [&](Id axis, Value* from, std::int64_t most) {
    return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, b_.CreateSub(extent(axis), from),
                                    integer(most));
  };
  Value* height = left(outer[outer.size() - 2], first_row, side);
  Value* width = left(outer.back(), column, lane_count);
  for (const auto& [load, tile] : tiles_) {
    const auto [origin, distance] = tile_origin(load, first_row, column);
    const DType dtype = program_.buffers[program_.accesses[load].buffer].type;
    Value* lines = b_.CreateSDiv(
        b_.CreateAdd(b_.CreateMul(height, integer(static_cast<std::int64_t>(size_of(dtype)))),
                     integer(cache_line - 1)),
        integer(cache_line));
    nest_.plain_loop(integer(0), width, [&, origin = origin, distance = distance](Value* j) {
      Value* from = element(b_.getInt8Ty(), origin, b_.CreateMul(j, distance));
      nest_.plain_loop(integer(0), lines, [&](Value* number) {
        prefetch(element(b_.getInt8Ty(), from, b_.CreateMul(number, integer(cache_line))),
                 second_cache);
      });
    });
  }
}

/// Reads rows [row, row + rows) and columns [column, column + columns) of a load into `tile`, row
/// by row of the result.
void Emitter::fill_tile(Id load, Value* row, Value* column, Value* rows, Value* columns,
                        Value* tile) {
  const DType dtype = program_.buffers[program_.accesses[load].buffer].type;
  llvm::Type* type = arithmetic_.stored(dtype);
  const llvm::Align align(size_of(dtype));
  const auto [origin, distance] = tile_origin(load, row, column);
  const auto line = [&, origin = origin, distance = distance](Value* j) {
    return element(b_.getInt8Ty(), origin, b_.CreateMul(j, distance));
  };
  const auto place = [&](Value* i, Value* j) {
    return element(type, tile, b_.CreateAdd(b_.CreateMul(i, integer(side)), j));
  };

  Value* whole =
      b_.CreateSelect(b_.CreateICmpEQ(rows, integer(lane_count)),
                      b_.CreateAnd(columns, integer(-static_cast<int>(lane_count))), integer(0));
  nest_.when(b_.CreateICmpSGT(whole, integer(0)), false, [&] {
    nest_.loop(integer(0), whole, lane_count, [&](Value* first) {
      std::array<Value*, lane_count> vectors{};
      for (unsigned j = 0; j < lane_count; ++j) {
        vectors[j] =
            b_.CreateAlignedLoad(vector_of(type), line(b_.CreateAdd(first, integer(j))), align);
      }
      transpose(b_, vectors);
      for (unsigned i = 0; i < lane_count; ++i)
        b_.CreateAlignedStore(vectors[i], place(integer(i), first), align);
    });
  });
  nest_.when(b_.CreateICmpSLT(whole, columns), false, [&] {
    nest_.loop(whole, columns, 1, [&](Value* j) {
      nest_.loop(integer(0), rows, 1, [&](Value* i) {
        Value* one = b_.CreateAlignedLoad(type, element(type, line(j), i), align);
        b_.CreateAlignedStore(one, place(i, j), align);
      });
    });
  });
}

}  // namespace rill::cpu::llvm_emitter
