// The threads that rill computes with: one pool for the whole process.
//
// Libraries are called single-threaded, block by block, from this pool, so that results never
// depend on how many threads there are. A fork and join takes well under a microsecond while the
// workers are awake: they look for work for about 20 us before they go to sleep, so a program that
// does something else pays nothing for them.
//
// Invariant: every index of a `parallel_for` is given to exactly one call of its body, and all
// calls have returned when `parallel_for` does.
#pragma once

#include <cstdint>

#include <rill/cpu/function_ref.h>
#include <rill/tensor/where.h>

namespace rill::cpu {

/// How many threads compute, the calling one included: RILL_THREADS, else the processors that this
/// process may use. Throws ValueError if RILL_THREADS is not a whole number from 1 to 1024.
int threads();

/// Changes `threads()` from the next `parallel_for` on. Throws ValueError unless 1 <= count <=
/// 1024.
void set_threads(int count, Where where = {});

/// The processors that this process may use: its affinity mask, reduced to the container's quota if
/// it has one.
int available_processors();

/// Calls `body(begin, end)` on disjoint ranges that cover [0, count). Ranges begin at multiples of
/// `grain` (at least 1), the smallest piece worth handing to another thread: 2 to 4 us of work.
/// Which thread gets which range is not determined, so a body must not let its result depend on the
/// ranges.
///
///     parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) { ... });
///
/// May be called from any thread. Inside a body, and while another thread has the pool, the whole
/// range is computed by the calling thread. The first exception that a body throws is thrown again
/// here once all bodies have returned.
void parallel_for(std::int64_t count, std::int64_t grain,
                  FunctionRef<void(std::int64_t begin, std::int64_t end)> body);

/// The same for bodies that need scratch memory per thread: no two calls that run at once get the
/// same `slot`, a number in [0, slots). At most `slots` threads take part.
///
///     const int slots = threads();
///     std::vector<Scratch> scratch(slots);
///     parallel_for_slots(blocks, 1, slots,
///                        [&](int slot, std::int64_t begin, std::int64_t end) { ... });
void parallel_for_slots(std::int64_t count, std::int64_t grain, int slots,
                        FunctionRef<void(int slot, std::int64_t begin, std::int64_t end)> body);

}  // namespace rill::cpu
