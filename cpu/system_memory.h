// Memory taken from the operating system, before any caching.
//
// Large blocks are mapped by themselves on huge pages: a page fault per 4 KiB is what makes a
// first touch slow.
//
// Invariant: what is returned is aligned to `block_alignment` and stays the caller's until it is
// given back.
#pragma once

#include <cstddef>

namespace rill::cpu {

/// A block of `bytes`, aligned to `alignment` (a power of two from 64 to 4096, ignored for mapped
/// blocks, which have more); null if there is none.
void* system_allocate(std::size_t bytes, std::size_t alignment) noexcept;

/// Gives a block back. `bytes` is what it was asked for.
void system_deallocate(void* block, std::size_t bytes) noexcept;

/// The memory of this machine, or of the container if that is less, in bytes.
std::size_t machine_memory();

}  // namespace rill::cpu
