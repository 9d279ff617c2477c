// Kernels whose reductions several threads share: blocks of one long reduction, or chunks of the
// points that closing stages reduce over. Both leave totals in memory, which one call more merges
// by the tree that one thread would have followed.
#include <rill/cpu/kernel.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <mutex>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/scratch.h>
#include <rill/cpu/thread_pool.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu {

using kernel::Failure;
using kernel::Id;
using kernel::KernelArguments;

namespace {

/// What so many accumulators take. Throws `OutOfMemoryError` when it overflows.
std::size_t accumulator_bytes(std::initializer_list<std::int64_t> factors) {
  std::size_t bytes = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(factor), &bytes))
      throw detail::UnnamedError<OutOfMemoryError>("the accumulators of a kernel overflow");
  }
  return bytes;
}

}  // namespace

/// What the accumulators of the closing folds take once, at all places of their stages: as
/// `Emitter::closing_offset` lays them out.
std::size_t Kernel::closing_bytes(const std::int64_t* sizes) const {
  std::size_t bytes = 0;
  for (const kernel::Stage& stage : program_.closing) {
    const auto axes = program_.list(stage.axes);
    std::int64_t outer = 1;
    std::int64_t padded = kernel::fold_lanes;
    if (!axes.empty()) {
      outer = product(axes.first(axes.size() - 1), sizes);
      padded = divide_up(product(axes.last(1), sizes), padded) * padded;
    }
    for (const Id fold : program_.list(stage.folds)) {
      for (const Id init : program_.list(program_.folds[fold].init)) {
        const auto each = static_cast<std::int64_t>(size_of(program_.exprs[init].type));
        if (__builtin_add_overflow(bytes, accumulator_bytes({outer, padded, each}), &bytes))
          throw detail::UnnamedError<OutOfMemoryError>("the accumulators of a kernel overflow");
      }
    }
  }
  return bytes;
}

/// First the blocks of the reduction's elements, on all threads, then the points, which are few.
void Kernel::run_split(const Launch& launch, const Code& code, Failure& failure) const {
  const std::int64_t elements = product(program_.list(program_.folds.front().axes), launch.sizes);
  const std::int64_t blocks = divide_up(elements, kernel::split_block);
  const auto slots = static_cast<std::int64_t>(program_.folds.front().init.count);
  constexpr std::int64_t slot = 8;  // whatever the type
  run_parts(launch, code, {blocks, 1}, accumulator_bytes({blocks, launch.points, slots, slot}),
            launch.points, failure);
}

/// First the chunks of the points, on all threads, then the closing stages' stores.
void Kernel::run_chunks(const Launch& launch, const Code& code, Failure& failure) const {
  const std::int64_t chunks = divide_up(launch.points, std::int64_t{kernel::fold_chunk});
  const std::size_t partials =
      accumulator_bytes({static_cast<std::int64_t>(closing_bytes(launch.sizes)), chunks});
  const double per_chunk = launch.per_point * kernel::fold_chunk;
  const auto grain =
      static_cast<std::int64_t>(std::ceil(piece_nanoseconds / std::max(per_chunk, 1e-3)));
  run_parts(launch, code, {chunks, grain}, partials, 1, failure);
}

/// `run` over all parts, on all threads, and `finish` over what it counts, on this one.
void Kernel::run_parts(const Launch& launch, const Code& code, Parts parts,
                       std::size_t partial_bytes, std::int64_t finished, Failure& failure) const {
  const ScratchMemory partials = allocate_scratch(partial_bytes);
  const std::size_t bytes = scratch_bytes(code, launch.sizes);
  std::mutex mutex;
  const auto run = [&](kernel::KernelFunction function, std::int64_t begin, std::int64_t end) {
    Failure mine;
    const Scratch scratch(bytes);
    const KernelArguments arguments{launch.buffers, launch.sizes,   launch.parameters,
                                    scratch.data(), partials.get(), &mine};
    function(&arguments, begin, end);
    if (mine.error != 0) {
      const std::lock_guard lock(mutex);
      join(failure, mine);
    }
  };
  parallel_for(parts.count, parts.grain,
               [&](std::int64_t begin, std::int64_t end) { run(code.object.run(), begin, end); });
  run(code.object.finish(), 0, finished);
}

}  // namespace rill::cpu
