/// The lock of a variable: any number of readers, or one writer.
/// Invariant: one word; taking and leaving it without contention costs one atomic operation each and no system call.
#pragma once

#include <atomic>
#include <cstdint>

namespace rill::detail {

/// Serves `std::shared_lock` and `std::unique_lock`. Readers are not held up by a waiting writer, so a thread that reads
/// may read again.
class VariableLock {
 public:
  void lock_shared() noexcept {
    std::uint32_t seen = state_.load(std::memory_order_relaxed);
    for (;;) {
      if (seen == written) {
        state_.wait(seen, std::memory_order_relaxed);
        seen = state_.load(std::memory_order_relaxed);
      } else if (state_.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return;
      }
    }
  }
  void unlock_shared() noexcept {
    if (state_.fetch_sub(1, std::memory_order_release) == 1) state_.notify_all();
  }

  void lock() noexcept {
    std::uint32_t seen = 0;
    while (!state_.compare_exchange_weak(seen, written, std::memory_order_acquire, std::memory_order_relaxed)) {
      if (seen != 0) state_.wait(seen, std::memory_order_relaxed);
      seen = 0;
    }
  }
  void unlock() noexcept {
    state_.store(0, std::memory_order_release);
    state_.notify_all();
  }

 private:
  static constexpr std::uint32_t written = ~0U;
  std::atomic<std::uint32_t> state_{0};  // readers, or `written`
};

}  // namespace rill::detail
