/// The lock of a variable: any number of readers, or one writer.
/// Invariant: one word; taking and leaving it without contention costs one atomic operation each
/// and no system call.
#pragma once

#include <atomic>
#include <cstdint>

namespace rill::detail {

/// Serves `std::shared_lock` and `std::unique_lock`. Readers are not held up by a waiting writer,
/// so a thread that reads may read again.
class VariableLock {
 public:
  void lock_shared() noexcept {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & writer) != 0) {
        wait(seen);
      } else if (state_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void unlock_shared() noexcept {
    // The last reader wakes those who wait. Taking `waiting` away first makes a thread that is
    // about to sleep look again.
    if (state_.fetch_sub(1, std::memory_order_release) == (waiting | 1)) {
      state_.fetch_and(~waiting, std::memory_order_relaxed);
      state_.notify_all();
    }
  }

  void lock() noexcept {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
      if ((seen & ~waiting) != 0) {
        wait(seen);
      } else if (state_.compare_exchange_weak(seen, seen | writer, std::memory_order_acquire,
                                              std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void unlock() noexcept {
    if ((state_.exchange(0, std::memory_order_release) & waiting) != 0) state_.notify_all();
  }

 private:
  static constexpr std::uint32_t writer = 1U << 31U;
  static constexpr std::uint32_t waiting = 1U << 30U;  // somebody sleeps, or is about to

  /// Sleeps until the state is no longer `seen`, and gives what it is then.
  void wait(std::uint32_t& seen) noexcept {
    if ((seen & waiting) == 0) {
      if (!state_.compare_exchange_weak(seen, seen | waiting, std::memory_order_relaxed)) return;
      seen |= waiting;
    }
    state_.wait(seen, std::memory_order_relaxed);
    seen = state_.load(std::memory_order_relaxed);
  }

  std::atomic<std::uint32_t> state_{0};  // readers, and the two bits
};

}  // namespace rill::detail
