// Rows that lie where loaded indices say: asked for some rows before they are used.
//
// The processor foresees walks along memory, not jumps. Without help each row of a gather or a
// scatter waits for memory; asked for early, into the second cache and later into the first, many
// are on their way at once. Invariant: a prefetch reads indices inside their buffers, and changes
// nothing; where it points to nothing, nothing happens.
#include <rill/cpu/llvm/emitter.h>

#include <array>

#include <llvm/IR/Intrinsics.h>

#include <rill/kernel/schedule.h>

namespace rill::cpu::llvm_emitter {

using kernel::Access;
using llvm::Value;

namespace {

/// How many rows ahead, and into which cache (3: the first, 2: the second). Measured on rows of 256
/// bytes of a table of 256 MB: one stage alone took a fifth longer than both.
struct Distance {
  std::int64_t rows;
  std::uint32_t locality;
};
constexpr std::array<Distance, 2> distances = {Distance{48, 2}, Distance{8, 3}};
constexpr std::int64_t line = 64;
/// The processor sees by itself how a longer row goes on.
constexpr std::int64_t longest_row = 1024;

}  // namespace

/// For the stretch [start, stop) of the last outer axis: the same stretch of later rows. Where
/// threads own rows, only of those that this call will write.
void Emitter::prefetch_rows(Value* start, Value* stop) {
  const auto outer = program_.list(program_.outer);
  const Id row = outer[outer.size() - 2];
  const Known row_now = axes_[row];
  const Known last_now = axes_[outer.back()];
  const bool owned = owned_begin_ != nullptr;
  std::vector<const Access*> accesses;
  for (const Id id : kernel::jumping_loads(program_, dependence_, owned))
    accesses.push_back(&program_.accesses[id]);
  if (owned) accesses.push_back(&program_.stores.front().to);
  for (const Distance& ahead : distances) {
    nest_.region([&] {
      Value* last_row = b_.CreateSub(extent(row), integer(1));
      Value* later = b_.CreateAdd(row_now.value, integer(ahead.rows));
      set_axis(row, b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, later, last_row));
      set_axis(outer.back(), start);
      Value* mine = owned ? owns(evaluate(program_.list(accesses.back()->index)[0])) : nullptr;
      for (const Access* access : accesses) {
        const DType dtype = program_.buffers[access->buffer].type;
        Value* from = address(*access);
        Value* bytes = b_.CreateMul(b_.CreateSub(stop, start),
                                    integer(static_cast<std::int64_t>(size_of(dtype))));
        bytes = b_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, bytes, integer(longest_row));
        // Four lines at a time, the last one again where there are fewer.
        Value* last = b_.CreateSub(bytes, integer(1));
        Value* groups =
            b_.CreateUDiv(b_.CreateAdd(bytes, integer(4 * line - 1)), integer(4 * line));
        if (mine != nullptr) groups = b_.CreateSelect(mine, groups, integer(0));
        nest_.plain_loop(integer(0), groups, [&](Value* group) {
          for (std::int64_t k = 0; k < 4; ++k) {
            Value* at = b_.CreateAdd(b_.CreateMul(group, integer(4 * line)), integer(k * line));
            at = b_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, at, last);
            b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {b_.getPtrTy()},
                               {element(b_.getInt8Ty(), from, at), b_.getInt32(0),
                                b_.getInt32(ahead.locality), b_.getInt32(1)});
          }
        });
      }
    });
  }
  axes_[row] = row_now;
  axes_[outer.back()] = last_now;
}

}  // namespace rill::cpu::llvm_emitter
