/// Memory for tensors. Declared here so that tensors can be made on the lowest floor; each device's
/// backend defines it. Invariant: blocks are 64-byte aligned, and returned with the size they were
/// asked for.
#pragma once

#include <cstddef>
#include <cstdint>

#include <rill/tensor/device.h>
#include <rill/tensor/export.h>

namespace rill {

/// Throws `OutOfMemoryError`. Zero bytes give a valid, unique pointer.
RILL_API void* allocate(std::size_t bytes, Device device);
RILL_API void deallocate(void* block, std::size_t bytes, Device device) noexcept;

/// What a device's allocator holds, in bytes and calls.
struct MemoryStatistics {
  std::size_t allocated = 0;             ///< bytes in use now
  std::size_t peak = 0;                  ///< the most that `allocated` was since the last reset
  std::size_t cached = 0;                ///< bytes kept for reuse
  std::uint64_t allocations = 0;         ///< calls of `allocate` so far
  std::uint64_t system_allocations = 0;  ///< of those, the ones that asked the system
};
RILL_API MemoryStatistics memory_statistics(Device device = Device::cpu());
/// Makes `peak` what is allocated now.
RILL_API void reset_peak_memory(Device device = Device::cpu());
/// Gives what is cached back to the system.
RILL_API void release_cached_memory(Device device = Device::cpu());
/// Allocations beyond `bytes` in all throw `OutOfMemoryError`; 0 lifts the limit.
/// `RILL_MEMORY_LIMIT` sets it at the start.
RILL_API void set_memory_limit(std::size_t bytes, Device device = Device::cpu());

}  // namespace rill
