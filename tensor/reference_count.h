/// `ReferenceCount`: how many handles share a block. Invariant: of several that give up their
/// references at once exactly one is told that it was the last.
#pragma once

#include <cstdint>

namespace rill::detail {

/// Starts with the one reference of whoever makes the block. By the compiler's own operations,
/// since <atomic> would make every program that includes rill longer to compile.
class ReferenceCount {
 public:
  ReferenceCount() = default;
  ReferenceCount(const ReferenceCount&) = delete;
  ReferenceCount& operator=(const ReferenceCount&) = delete;

  void add() noexcept { __atomic_fetch_add(&count_, 1U, __ATOMIC_RELAXED); }
  /// True when it was the last reference: the block is the caller's to destroy.
  [[nodiscard]] bool drop() noexcept {
    // A sole owner needs no atomic subtraction: nobody else can copy from it meanwhile.
    return sole() || __atomic_fetch_sub(&count_, 1U, __ATOMIC_ACQ_REL) == 1;
  }
  [[nodiscard]] bool sole() const noexcept {
    return __atomic_load_n(&count_, __ATOMIC_ACQUIRE) == 1;
  }

 private:
  std::uint32_t count_ = 1;
};

}  // namespace rill::detail
