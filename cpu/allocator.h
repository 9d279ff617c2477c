// The allocator behind tensors on the CPU.
//
// Fresh memory is slow: most of a large operation's time went into page faults when every result
// was newly mapped. So freed blocks are kept and handed out again. Each thread keeps some small
// blocks of its own, which makes the common case a few nanoseconds and no shared state; all other
// free blocks are kept centrally.
//
// Invariant: a block belongs to exactly one of a caller, a thread's cache and the central cache;
// the statistics count exactly the bytes that callers hold.
//
// Users see this through <rill/tensor/allocator.h>; that file's functions for `Device::cpu()` are
// these.
#pragma once

#include <cstddef>

#include <rill/tensor/allocator.h>

namespace rill::cpu {

/// A block of at least `bytes` bytes, aligned to 64. Its content is indeterminate. Never null; zero
/// bytes give a unique pointer. Throws OutOfMemoryError if the limit or the machine's memory does
/// not allow it, after having given back what was cached.
void* allocate(std::size_t bytes);

/// Takes a block back; `bytes` is the size it was asked for. Any thread may do so, at any time in
/// the process's life.
void deallocate(void* block, std::size_t bytes) noexcept;

/// `allocated` is exact. `peak` is exact while one thread allocates; with several it may exceed the
/// true peak by 64 KiB per thread. `cached` is what was taken from the system and is not handed
/// out: free blocks, and the ends of used ones.
MemoryStatistics memory_statistics();

/// Makes `peak` what is allocated now.
void reset_peak_memory();

/// Gives free blocks back to the system, except those that other threads keep for themselves (at
/// most a few MiB each).
void release_cached_memory();

/// The most bytes that callers may hold together; 0 for no limit. At the start it is
/// RILL_MEMORY_LIMIT, else the memory of the machine or container. Blocks of at most 64 KiB may
/// exceed it by what threads have cached.
void set_memory_limit(std::size_t bytes);
std::size_t memory_limit();

/// Puts 64 guarded bytes before and after every block and checks them when it is freed; a block
/// that was written outside its bounds aborts the process with a message. On from the start if
/// RILL_BOUNDS=1. Throws ValueError while any block is in use, as blocks with and without guards
/// cannot be told apart.
void set_red_zones(bool on);

}  // namespace rill::cpu
