#include <rill/cpu/allocator.h>

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <rill/cpu/environment.h>
#include <rill/cpu/poison.h>
#include <rill/cpu/size_class.h>
#include <rill/cpu/system_memory.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu {
namespace {

constexpr std::size_t slab_bytes = 65536;  // small blocks are cut from slabs, aligned to their size
constexpr std::size_t thread_block = 65536 + header_room;  // the largest block that threads keep
constexpr std::size_t thread_classes = class_of(thread_block) + 1;
constexpr std::size_t thread_bytes_per_class = 131072;
constexpr std::int64_t unfolded_bytes =
    65536;  // how far a thread's count may run ahead of the central one

/// How many free blocks of each class a thread keeps.
constexpr auto thread_capacity = [] {
  std::array<std::uint32_t, thread_classes> capacity{};
  for (std::size_t c = 0; c < thread_classes; ++c) {
    capacity[c] = static_cast<std::uint32_t>(
        std::clamp<std::size_t>(thread_bytes_per_class / block_bytes(c), 2, 64));
  }
  return capacity;
}();

/// Free blocks of one class, linked through their first bytes.
class FreeList {
 public:
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return head_ == nullptr; }

  void push(void* block) noexcept {
    *static_cast<void**>(block) = head_;
    head_ = block;
    ++size_;
  }
  /// Null if there is none.
  void* pop() noexcept {
    void* const block = head_;
    if (block != nullptr) {
      head_ = *static_cast<void**>(block);
      --size_;
    }
    return block;
  }

 private:
  void* head_ = nullptr;
  std::uint32_t size_ = 0;
};

/// A number that one thread writes and others read.
template <class Number>
class Owned {
 public:
  [[nodiscard]] Number get() const { return value_.load(std::memory_order_relaxed); }
  void set(Number value) { value_.store(value, std::memory_order_relaxed); }

 private:
  std::atomic<Number> value_{0};
};

/// What one thread keeps: free blocks, and its part of the statistics since it last added them to
/// the central ones.
struct alignas(128) ThreadCache {
  std::array<FreeList, thread_classes> free;
  Owned<std::int64_t> allocated;  // may be negative: a thread may free what another allocated
  Owned<std::int64_t> highest;    // of `allocated`, since the last folding
  Owned<std::uint64_t> allocations;
  ThreadCache* previous = nullptr;
  ThreadCache* next = nullptr;

  /// Returns whether it is time to fold.
  bool count(std::int64_t bytes) noexcept {
    const std::int64_t now = allocated.get() + bytes;
    allocated.set(now);
    if (now > highest.get()) highest.set(now);
    return now > unfolded_bytes || now < -unfolded_bytes;
  }
};

// Null before a thread's first allocation and after its thread-local objects are gone: then blocks
// go to the central cache.
constinit thread_local ThreadCache* this_cache = nullptr;

std::atomic<bool> red_zones{false};

/// The cache that all threads share. Never destroyed: static objects may free tensors at exit.
class Central {
 public:
  static Central& instance() {
    static Central& central = *new Central;
    return central;
  }

  /// Blocks for a thread's list: as many as half of what it may keep. Throws OutOfMemoryError if
  /// there is not even one.
  void refill(std::size_t size_class, FreeList& list) {
    const std::lock_guard lock(mutex_);
    FreeList& kept = free_[size_class];
    if (kept.empty()) grow(size_class);
    for (std::uint32_t wanted = thread_capacity[size_class] / 2; wanted > 0 && !kept.empty();
         --wanted) {
      list.push(kept.pop());
    }
  }

  void* take(std::size_t size_class) {
    const std::lock_guard lock(mutex_);
    if (free_[size_class].empty()) grow(size_class);
    return free_[size_class].pop();
  }

  void give(std::size_t size_class, void* block) noexcept {
    const std::lock_guard lock(mutex_);
    free_[size_class].push(block);
  }

  void give(std::size_t size_class, FreeList& list, std::uint32_t count) noexcept {
    const std::lock_guard lock(mutex_);
    for (; count > 0; --count) free_[size_class].push(list.pop());
  }

  /// Throws OutOfMemoryError if callers may not hold `bytes` more.
  void check_limit(std::size_t bytes) {
    const std::size_t limit = limit_.load(std::memory_order_relaxed);
    if (limit == 0) return;
    const auto held = static_cast<std::size_t>(
        std::max<std::int64_t>(allocated_.load(std::memory_order_relaxed), 0));
    if (bytes > limit || held > limit - bytes) refuse(bytes);
  }

  [[noreturn]] void refuse(std::size_t bytes) const {
    const std::size_t limit = limit_.load(std::memory_order_relaxed);
    throw detail::UnnamedError<OutOfMemoryError>(
        "out of memory: " + std::to_string(bytes) + " bytes asked for, " +
        std::to_string(std::max<std::int64_t>(allocated_.load(std::memory_order_relaxed), 0)) +
        " allocated, limit " + (limit == 0 ? "none" : std::to_string(limit)) +
        " (RILL_MEMORY_LIMIT or set_memory_limit)");
  }

  /// Counts without a thread's cache.
  void count(std::int64_t bytes, std::int64_t highest, std::uint64_t allocations) noexcept {
    allocations_.fetch_add(allocations, std::memory_order_relaxed);
    const std::int64_t before = allocated_.fetch_add(bytes, std::memory_order_relaxed);
    const std::int64_t reached = before + std::max(bytes, highest);
    std::int64_t peak = peak_.load(std::memory_order_relaxed);
    while (reached > peak &&
           !peak_.compare_exchange_weak(peak, reached, std::memory_order_relaxed)) {
    }
  }

  void fold(ThreadCache& cache) noexcept {
    count(cache.allocated.get(), cache.highest.get(), cache.allocations.get());
    cache.allocated.set(0);
    cache.highest.set(0);
    cache.allocations.set(0);
  }

  void enrol(ThreadCache& cache) {
    const std::lock_guard lock(mutex_);
    cache.next = caches_;
    if (caches_ != nullptr) caches_->previous = &cache;
    caches_ = &cache;
  }

  void dismiss(ThreadCache& cache) noexcept {
    for (std::size_t c = 0; c < thread_classes; ++c) give(c, cache.free[c], cache.free[c].size());
    const std::lock_guard lock(mutex_);
    fold(cache);
    (cache.previous != nullptr ? cache.previous->next : caches_) = cache.next;
    if (cache.next != nullptr) cache.next->previous = cache.previous;
  }

  MemoryStatistics statistics() {
    const std::lock_guard lock(mutex_);
    std::int64_t allocated = allocated_.load(std::memory_order_relaxed);
    std::int64_t highest = allocated;
    std::uint64_t allocations = allocations_.load(std::memory_order_relaxed);
    for (const ThreadCache* cache = caches_; cache != nullptr; cache = cache->next) {
      allocated += cache->allocated.get();
      highest += cache->highest.get();
      allocations += cache->allocations.get();
    }
    MemoryStatistics statistics;
    statistics.allocated = static_cast<std::size_t>(std::max<std::int64_t>(allocated, 0));
    statistics.peak = static_cast<std::size_t>(
        std::max({peak_.load(std::memory_order_relaxed), highest, allocated}));
    statistics.cached = held_ - std::min(held_, statistics.allocated);
    statistics.allocations = allocations;
    statistics.system_allocations = system_allocations_;
    return statistics;
  }

  void reset_peak() {
    const std::lock_guard lock(mutex_);
    std::int64_t allocated = allocated_.load(std::memory_order_relaxed);
    for (ThreadCache* cache = caches_; cache != nullptr; cache = cache->next) {
      allocated += cache->allocated.get();
      cache->highest.set(cache->allocated.get());
    }
    peak_.store(allocated, std::memory_order_relaxed);
  }

  void release() {
    const std::lock_guard lock(mutex_);
    release_free_blocks();
  }

  void set_limit(std::size_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
  [[nodiscard]] std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }

 private:
  Central() {
    const auto limit = environment::memory_limit();
    limit_.store(limit ? *limit : machine_memory(), std::memory_order_relaxed);
    red_zones.store(environment::bounds(), std::memory_order_relaxed);
    // A child must not find the lock held by a thread that it does not have.
    pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                   [] { instance().mutex_.unlock(); });
  }

  /// Makes at least one free block of a class. Called with the lock held.
  void grow(std::size_t size_class) {
    const std::size_t block = block_bytes(size_class);
    if (size_class >= small_classes) {
      void* const memory = from_system(block, block_alignment);
      forbid(memory, block);
      free_[size_class].push(memory);
      return;
    }
    slabs_.reserve(slabs_.size() + 1);
    auto* const slab = static_cast<std::byte*>(from_system(slab_bytes, slab_bytes));
    const auto after = std::find_if(slabs_.begin(), slabs_.end(),
                                    [&](const Slab& other) { return other.memory > slab; });
    slabs_.insert(after, Slab{slab});
    for (std::size_t offset = slab_bytes / block * block; offset > 0; offset -= block) {
      forbid(slab + offset - block, block);
      free_[size_class].push(slab + offset - block);
    }
  }

  void* from_system(std::size_t bytes, std::size_t alignment) {
    const std::size_t limit = limit_.load(std::memory_order_relaxed);
    if (limit != 0 && (bytes > limit || held_ > limit - bytes)) release_free_blocks();
    void* memory = system_allocate(bytes, alignment);
    if (memory == nullptr) {
      release_free_blocks();
      memory = system_allocate(bytes, alignment);
      if (memory == nullptr) refuse(bytes);
    }
    held_ += bytes;
    ++system_allocations_;
    return memory;
  }

  void to_system(void* memory, std::size_t bytes) noexcept {
    system_deallocate(memory, bytes);
    held_ -= bytes;
  }

  /// Called with the lock held.
  void release_free_blocks() {
    for (std::size_t c = small_classes; c < size_classes; ++c) {
      while (void* const block = free_[c].pop()) to_system(block, block_bytes(c));
    }
    // A slab can go when all of its blocks are here.
    for (Slab& slab : slabs_) slab.free = 0;
    for (std::size_t c = 0; c < small_classes; ++c) {
      FreeList counted;
      while (void* const block = free_[c].pop()) {
        ++slab_of(block).free;
        counted.push(block);
      }
      const std::size_t whole = slab_bytes / block_bytes(c);
      while (void* const block = counted.pop()) {
        Slab& slab = slab_of(block);
        if (slab.free == whole) {
          slab.leaves = true;
        } else {
          free_[c].push(block);
        }
      }
    }
    std::erase_if(slabs_, [&](const Slab& slab) {
      if (slab.leaves) to_system(slab.memory, slab_bytes);
      return slab.leaves;
    });
  }

  /// Memory that was cut into small blocks of one class.
  struct Slab {
    std::byte* memory;
    std::size_t free = 0;  // used while blocks are given back
    bool leaves = false;
  };

  Slab& slab_of(void* block) {
    const auto address = reinterpret_cast<std::uintptr_t>(block) & ~(slab_bytes - 1);
    return *std::lower_bound(
        slabs_.begin(), slabs_.end(), reinterpret_cast<std::byte*>(address),
        [](const Slab& slab, std::byte* memory) { return slab.memory < memory; });
  }

  /// Closes a free block to access, but for the link.
  static void forbid(void* block, std::size_t bytes) noexcept {
    forbid_access(static_cast<std::byte*>(block) + sizeof(void*), bytes - sizeof(void*));
  }

  std::mutex mutex_;  // guards what is below, except the atomic numbers
  std::array<FreeList, size_classes> free_;
  std::vector<Slab> slabs_;  // by address
  ThreadCache* caches_ = nullptr;
  std::size_t held_ = 0;
  std::uint64_t system_allocations_ = 0;
  std::atomic<std::int64_t> allocated_{0};  // what threads have folded into it
  std::atomic<std::int64_t> peak_{0};
  std::atomic<std::uint64_t> allocations_{0};
  std::atomic<std::size_t> limit_{0};
};

/// Gives a thread's cache back when the thread ends.
class ThreadCacheOwner {
 public:
  ThreadCacheOwner() : cache_(new(std::nothrow) ThreadCache) {
    if (cache_ != nullptr) Central::instance().enrol(*cache_);
    this_cache = cache_.get();
  }
  ~ThreadCacheOwner() {
    this_cache = nullptr;
    if (cache_ != nullptr) Central::instance().dismiss(*cache_);
  }
  ThreadCacheOwner(const ThreadCacheOwner&) = delete;
  ThreadCacheOwner& operator=(const ThreadCacheOwner&) = delete;

 private:
  std::unique_ptr<ThreadCache> cache_;
};

/// This thread's cache; null while the thread ends.
ThreadCache* make_cache() {
  static thread_local ThreadCacheOwner
      owner;  // made once: its destruction leaves this_cache null for good
  return this_cache;
}

// ---- Red zones: [size, pattern][the caller's bytes][pattern] ----------------------------------

constexpr std::size_t zone = 64;
constexpr unsigned char pattern = 0xa5;

[[noreturn]] void report_fault(const char* fault, std::size_t bytes) noexcept {
  std::fprintf(stderr, "rill: internal fault: %s a block of %zu bytes\n", fault, bytes);
  std::abort();
}

std::byte* add_red_zones(void* memory, std::size_t bytes) noexcept {
  auto* const block = static_cast<std::byte*>(memory) + zone;
  std::memset(memory, pattern, zone);
  std::memcpy(memory, &bytes, sizeof bytes);
  std::memset(block + bytes, pattern, zone);
  return block;
}

void check_red_zones(const void* memory, std::size_t bytes) noexcept {
  const auto* const first = static_cast<const unsigned char*>(memory);
  const auto intact = [](unsigned char byte) { return byte == pattern; };
  if (!std::all_of(first + sizeof bytes, first + zone, intact))
    report_fault("written before the start of", bytes);
  std::size_t noted = 0;
  std::memcpy(&noted, memory, sizeof noted);
  if (noted != bytes) report_fault("freed with another size than it was made with:", bytes);
  const unsigned char* const after = first + zone + bytes;
  if (!std::all_of(after, after + zone, intact)) report_fault("written past the end of", bytes);
}

void* allocate_slowly(std::size_t bytes) {
  [[maybe_unused]] static const bool checked = (environment::check(), true);
  Central& central = Central::instance();
  ThreadCache* const cache = make_cache();
  if (cache != nullptr) central.fold(*cache);
  central.check_limit(bytes);
  const bool guarded = red_zones.load(std::memory_order_relaxed);
  const std::size_t needed = guarded ? bytes + 2 * zone : bytes;
  if (needed < bytes || needed > largest_block) central.refuse(bytes);
  const std::size_t size_class = class_of(needed);
  void* block = nullptr;
  if (cache != nullptr && size_class < thread_classes && !guarded) {
    FreeList& list = cache->free[size_class];
    if (list.empty()) central.refill(size_class, list);
    block = list.pop();
  } else {
    block = central.take(size_class);
  }
  allow_access(block, needed);
  central.count(static_cast<std::int64_t>(bytes), 0, 1);
  return guarded ? add_red_zones(block, bytes) : block;
}

void deallocate_slowly(void* block, std::size_t bytes) noexcept {
  Central& central = Central::instance();
  const bool guarded = red_zones.load(std::memory_order_relaxed);
  if (guarded) {
    block = static_cast<std::byte*>(block) - zone;
    check_red_zones(block, bytes);
  }
  const std::size_t size_class = class_of(guarded ? bytes + 2 * zone : bytes);
  forbid_access(static_cast<std::byte*>(block) + sizeof(void*),
                block_bytes(size_class) - sizeof(void*));
  central.give(size_class, block);
  central.count(-static_cast<std::int64_t>(bytes), 0, 0);
}

}  // namespace

void* allocate(std::size_t bytes) {
  ThreadCache* const cache = this_cache;
  if (bytes > thread_block || cache == nullptr || red_zones.load(std::memory_order_relaxed)) {
    return allocate_slowly(bytes);
  }
  void* const block = cache->free[class_of(bytes)].pop();
  if (block == nullptr) return allocate_slowly(bytes);
  allow_access(block, bytes);
  cache->allocations.set(cache->allocations.get() + 1);
  if (cache->count(static_cast<std::int64_t>(bytes))) Central::instance().fold(*cache);
  return block;
}

void deallocate(void* block, std::size_t bytes) noexcept {
  ThreadCache* const cache = this_cache;
  if (bytes > thread_block || cache == nullptr || red_zones.load(std::memory_order_relaxed)) {
    deallocate_slowly(block, bytes);
    return;
  }
  const std::size_t size_class = class_of(bytes);
  forbid_access(static_cast<std::byte*>(block) + sizeof(void*),
                block_bytes(size_class) - sizeof(void*));
  FreeList& list = cache->free[size_class];
  list.push(block);
  if (cache->count(-static_cast<std::int64_t>(bytes))) Central::instance().fold(*cache);
  const std::uint32_t capacity = thread_capacity[size_class];
  if (list.size() > capacity) Central::instance().give(size_class, list, capacity / 2);
}

MemoryStatistics memory_statistics() { return Central::instance().statistics(); }

void reset_peak_memory() { Central::instance().reset_peak(); }

void release_cached_memory() {
  Central& central = Central::instance();
  if (ThreadCache* const cache = this_cache) {
    for (std::size_t c = 0; c < thread_classes; ++c)
      central.give(c, cache->free[c], cache->free[c].size());
  }
  central.release();
}

void set_memory_limit(std::size_t bytes) { Central::instance().set_limit(bytes); }

std::size_t memory_limit() { return Central::instance().limit(); }

void set_red_zones(bool on) {
  const std::size_t held =
      memory_statistics().allocated;  // also reads RILL_BOUNDS, if nothing has yet
  if (on == red_zones.load(std::memory_order_relaxed)) return;
  if (held != 0) {
    throw ValueError(
        "set_red_zones: " + std::to_string(held) +
        " bytes are in use; set RILL_BOUNDS=1 in the environment, or free every tensor first");
  }
  red_zones.store(on, std::memory_order_relaxed);
}

}  // namespace rill::cpu

// ---- The functions that the lowest floor declares ---------------------------------------------

namespace rill {
namespace {

void require_cpu(const char* function, Device device) {
  if (!device.is_cpu())
    throw DeviceError(std::string(function) + ": there is no " + device.text() + " in this build");
}

}  // namespace

void* allocate(std::size_t bytes, Device device) {
  if (!device.is_cpu()) require_cpu("allocate", device);
  return cpu::allocate(bytes);
}
void deallocate(void* block, std::size_t bytes, Device) noexcept { cpu::deallocate(block, bytes); }
MemoryStatistics memory_statistics(Device device) {
  require_cpu("memory_statistics", device);
  return cpu::memory_statistics();
}
void reset_peak_memory(Device device) {
  require_cpu("reset_peak_memory", device);
  cpu::reset_peak_memory();
}
void release_cached_memory(Device device) {
  require_cpu("release_cached_memory", device);
  cpu::release_cached_memory();
}
void set_memory_limit(std::size_t bytes, Device device) {
  require_cpu("set_memory_limit", device);
  cpu::set_memory_limit(bytes);
}

}  // namespace rill
