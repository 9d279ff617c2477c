// Tells AddressSanitizer which bytes of a cached block may be touched; compiles to nothing without
// it.
//
// Invariant: only bytes that were handed out to a caller, and the link of a free block, are open
// to access.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define RILL_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RILL_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(RILL_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#endif

namespace rill::cpu {

inline void forbid_access([[maybe_unused]] const void* address,
                          [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(RILL_ADDRESS_SANITIZER)
  __asan_poison_memory_region(address, bytes);
#endif
}

inline void allow_access([[maybe_unused]] const void* address,
                         [[maybe_unused]] std::size_t bytes) noexcept {
#if defined(RILL_ADDRESS_SANITIZER)
  __asan_unpoison_memory_region(address, bytes);
#endif
}

}  // namespace rill::cpu
