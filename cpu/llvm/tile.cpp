// Tiles: pointwise programs with an operand that is contiguous along another axis than the result.
//
// Read lane by lane such an operand would touch a cache line per element. Instead squares of 16 x
// 16 are read along its own direction, transposed in registers and kept on the stack, where the
// loop over the result finds them in its order.
#include <rill/cpu/llvm/emitter.h>

#include <array>

#include <llvm/IR/Intrinsics.h>

#include <rill/kernel/schedule.h>
#include <rill/tensor/error.h>

namespace rill::cpu::llvm_emitter {

using llvm::Value;

namespace {

constexpr int tile_rows = kernel::tile_rows;
static_assert(tile_rows % lane_count == 0);

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

/// Rows of tiles [begin, end), numbered over the outer axes, the last but one of them by tiles.
void Emitter::tiled_points(Value* begin, Value* end) {
  const auto outer = program_.list(program_.outer);
  const Id row = outer[outer.size() - 2];
  const Id column = outer.back();
  const auto leading = outer.first(outer.size() - 2);
  Value* rows = extent(row);
  Value* columns = extent(column);
  Value* tiles = b_.CreateUDiv(b_.CreateAdd(rows, integer(tile_rows - 1)), integer(tile_rows));
  for (const Id load : kernel::transposed_loads(program_, dependence_)) {
    const DType type = program_.buffers[program_.accesses[load].buffer].type;
    llvm::BasicBlock& entry = function_->getEntryBlock();
    llvm::IRBuilder<> at(&entry, entry.begin());
    llvm::AllocaInst* tile = at.CreateAlloca(
        llvm::ArrayType::get(arithmetic_.stored(type), std::uint64_t{tile_rows} * lane_count));
    tile->setAlignment(llvm::Align(64));
    tiles_.emplace_back(load, tile);
  }
  nest_.loop(begin, end, 1, [&](Value* unit) {
    const Values place = position(leading, b_.CreateUDiv(unit, tiles));
    for (std::size_t k = 0; k < leading.size(); ++k) set_axis(leading[k], place[k]);
    Value* first_row = b_.CreateMul(b_.CreateURem(unit, tiles), integer(tile_rows));
    const auto least = [&](Value* a, std::int64_t b) {
      return b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, a, integer(b));
    };
    Value* height = least(b_.CreateSub(rows, first_row), tile_rows);
    nest_.loop(integer(0), columns, lane_count, [&](Value* first_column) {
      Value* width = least(b_.CreateSub(columns, first_column), lane_count);
      for (const auto& [load, tile] : tiles_) {
        nest_.region([&] { fill_tile(load, first_row, first_column, height, width, tile); });
      }
      const auto run = [&](Value* last) {
        nest_.loop(integer(0), height, 1, [&](Value* i) {
          tile_row_ = i;
          set_axis(row, b_.CreateAdd(first_row, i));
          lanes_ = {column, first_column, nullptr, last, nest_.innermost()};
          effects(program_.stages.front());
          lanes_ = {};
        });
      };
      Value* whole = b_.CreateICmpEQ(width, integer(lane_count));
      nest_.when(whole, false, [&] { run(nullptr); });
      nest_.when(b_.CreateNot(whole), false, [&] { run(width); });
    });
  });
  tiles_.clear();
}

/// Reads rows [row, row + rows) and columns [column, column + columns) of a load into `tile`, row
/// by row of the result.
void Emitter::fill_tile(Id load, Value* row, Value* column, Value* rows, Value* columns,
                        Value* tile) {
  const auto outer = program_.list(program_.outer);
  const kernel::Access& access = program_.accesses[load];
  const DType dtype = program_.buffers[access.buffer].type;
  llvm::Type* type = arithmetic_.stored(dtype);
  const llvm::Align align(size_of(dtype));
  const auto from = [&](Value* at) {
    Value* pointer = nullptr;
    nest_.region([&] {
      set_axis(outer[outer.size() - 2], row);
      set_axis(outer.back(), at);
      pointer = address(access);
    });
    return pointer;
  };
  Value* origin = from(column);
  Value* next = from(b_.CreateAdd(column, integer(1)));
  Value* distance = b_.CreateSub(b_.CreatePtrToInt(next, b_.getInt64Ty()),
                                 b_.CreatePtrToInt(origin, b_.getInt64Ty()));
  const auto line = [&](Value* j) {
    return element(b_.getInt8Ty(), origin, b_.CreateMul(j, distance));
  };

  Value* whole = b_.CreateAnd(b_.CreateICmpEQ(rows, integer(tile_rows)),
                              b_.CreateICmpEQ(columns, integer(lane_count)));
  nest_.when(whole, false, [&] {
    nest_.loop(integer(0), integer(tile_rows), lane_count, [&](Value* i) {
      std::array<Value*, lane_count> vectors{};
      for (unsigned j = 0; j < lane_count; ++j) {
        vectors[j] =
            b_.CreateAlignedLoad(vector_of(type), element(type, line(integer(j)), i), align);
      }
      transpose(b_, vectors);
      for (unsigned k = 0; k < lane_count; ++k) {
        Value* at = b_.CreateMul(b_.CreateAdd(i, integer(k)), integer(lane_count));
        b_.CreateAlignedStore(vectors[k], element(type, tile, at), align);
      }
    });
  });
  nest_.when(b_.CreateNot(whole), false, [&] {
    nest_.loop(integer(0), columns, 1, [&](Value* j) {
      nest_.loop(integer(0), rows, 1, [&](Value* i) {
        Value* one = b_.CreateAlignedLoad(type, element(type, line(j), i), align);
        Value* at = b_.CreateAdd(b_.CreateMul(i, integer(lane_count)), j);
        b_.CreateAlignedStore(one, element(type, tile, at), align);
      });
    });
  });
}

}  // namespace rill::cpu::llvm_emitter
