// Rows asked for before they are used: those that lie where loaded indices say, and those that are
// walked over several times.
//
// The processor foresees walks along memory, not jumps. Without help each row of a gather or a
// scatter waits for memory; asked for early, into the second cache and later into the first, many
// are on their way at once. And it does not foresee that a row which is worked on in the caches
// will be followed by another one: memory would rest meanwhile. Invariant: a prefetch reads indices
// inside their buffers, and changes nothing; where it points to nothing, nothing happens.
#include <rill/cpu/llvm/emitter.h>

#include <array>

#include <llvm/IR/Intrinsics.h>

#include <rill/kernel/schedule.h>

namespace rill::cpu::llvm_emitter {

using kernel::Access;
using kernel::Buffer;
using llvm::Value;

namespace {

/// How many rows ahead, and into which cache. Measured on rows of 256
/// bytes of a table of 256 MB: one stage alone took a fifth longer than both.
struct Distance {
  std::int64_t rows;
  std::uint32_t cache;
};
constexpr std::array<Distance, 2> distances = {Distance{48, second_cache},
                                               Distance{8, first_cache}};
constexpr std::int64_t line = 64;
/// The processor sees by itself how a longer row goes on.
constexpr std::int64_t longest_row = 1024;

}  // namespace

/// For the stretch [start, stop) of the last outer axis: the same stretch some rows later, to which
/// `ahead` moves the other outer axes. Of a destination in parts, too, where rows are the call's
/// own.
void Emitter::prefetch_rows(Value* start, Value* stop,
                            const std::function<void(std::int64_t rows)>& ahead) {
  const bool owned = owned_begin_ != nullptr;
  const std::vector<Known> now = axes_;
  std::vector<const Access*> accesses;
  for (const Id id : kernel::jumping_loads(program_, dependence_, owned))
    accesses.push_back(&program_.accesses[id]);
  if (owned) accesses.push_back(&program_.stores.front().to);
  for (const Distance& distance : distances) {
    nest_.region([&] {
      ahead(distance.rows);
      set_axis(program_.list(program_.outer).back(), start);
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
        nest_.plain_loop(integer(0), groups, [&](Value* group) {
          for (std::int64_t k = 0; k < 4; ++k) {
            Value* at = b_.CreateAdd(b_.CreateMul(group, integer(4 * line)), integer(k * line));
            at = b_.CreateBinaryIntrinsic(llvm::Intrinsic::umin, at, last);
            prefetch(element(b_.getInt8Ty(), from, at), distance.cache);
          }
        });
      }
    });
    axes_ = now;
  }
}

/// What a vector of 16 elements takes of the next point's row, as this one's has just been read.
/// Where there is no next point it asks for other memory, or for none.
void Emitter::prefetch_next_row(const Access& access) {
  const Buffer& buffer = program_.buffers[access.buffer];
  const Id point = program_.list(program_.outer).back();
  const auto index = program_.list(access.index);
  Value* distance = integer(0);
  for (std::size_t d = 0; d < index.size(); ++d) {
    const kernel::Step step = dependence_.step(index[d], point);
    if (step.kind == kernel::Step::Kind::still) continue;
    Value* stride = evaluate(program_.list(buffer.strides)[d]);
    distance = b_.CreateAdd(distance, b_.CreateMul(stride, integer(step.amount)));
  }
  Value* next = element(arithmetic_.stored(buffer.type), address(access), distance);
  const auto bytes = static_cast<std::int64_t>(size_of(buffer.type)) * lane_count;
  for (std::int64_t at = 0; at < bytes; at += line)
    prefetch(element(b_.getInt8Ty(), next, integer(at)), first_cache);
}

/// Into the first cache, or the second.
void Emitter::prefetch(Value* pointer, std::uint32_t cache) {
  constexpr std::uint32_t reading = 0;
  constexpr std::uint32_t data = 1;
  b_.CreateIntrinsic(llvm::Intrinsic::prefetch, {b_.getPtrTy()},
                     {pointer, b_.getInt32(reading), b_.getInt32(cache), b_.getInt32(data)});
}

}  // namespace rill::cpu::llvm_emitter
