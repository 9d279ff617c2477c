#include "tests/catch.h"

#include <rill/cpu/allocator.h>
#include <rill/cpu/size_class.h>
#include <rill/tensor/error.h>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <cstdint>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace rill::cpu;
using rill::MemoryStatistics;

namespace {

/// A block that frees itself.
class Block {
 public:
  explicit Block(std::size_t bytes) : bytes_(bytes), memory_(allocate(bytes)) {}
  ~Block() {
    if (memory_ != nullptr) deallocate(memory_, bytes_);
  }
  Block(Block&& other) noexcept
      : bytes_(other.bytes_), memory_(std::exchange(other.memory_, nullptr)) {}
  Block& operator=(Block&&) = delete;

  [[nodiscard]] void* get() const { return memory_; }
  [[nodiscard]] std::size_t size() const { return bytes_; }

 private:
  std::size_t bytes_;
  void* memory_;
};

struct KeepLimit {
  std::size_t found = memory_limit();
  ~KeepLimit() { set_memory_limit(found); }
};

/// How a child process that ran `body` ended, and what it wrote to standard error.
template <class Body>
std::pair<int, std::string> in_child(Body body) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    dup2(ends[1], STDERR_FILENO);
    std::signal(SIGABRT, SIG_DFL);
    body();
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFSIGNALED(status) ? WTERMSIG(status) : 0, text};
}

constexpr std::size_t sizes[] = {
    0,    1,    63,    64,    65,     1000,    4096,    4160,           4161,    5000,
    8192, 8256, 65536, 65600, 100000, 1 << 20, 2 << 20, (4 << 20) + 64, 33333333};

}  // namespace

TEST_CASE("a class's blocks hold every request of the class", "[cpu][allocator]") {
  for (std::size_t bytes = 0; bytes < 300000; ++bytes) {
    const std::size_t c = class_of(bytes);
    if (block_bytes(c) < bytes || (c > 1 && block_bytes(c - 1) >= bytes))
      FAIL("class " << c << " for " << bytes);
  }
  CHECK(block_bytes(class_of(1)) == 64);
  CHECK(block_bytes(class_of(65)) == 128);
  CHECK(block_bytes(class_of((1 << 20) + 64)) == (1 << 20) + 256);
  CHECK(block_bytes(class_of((1 << 20) + 257)) == (1 << 20) + (1 << 18) + 256);
  CHECK(block_bytes(class_of(largest_block)) == largest_block);
  CHECK(class_of(largest_block) < size_classes);
}

TEST_CASE("blocks are aligned to 64 bytes, writable and distinct", "[cpu][allocator]") {
  std::vector<Block> blocks;
  for (const std::size_t bytes : sizes) {
    for (int copy = 0; copy < 3; ++copy) {
      blocks.emplace_back(bytes);
      CAPTURE(bytes);
      REQUIRE(blocks.back().get() != nullptr);
      CHECK(reinterpret_cast<std::uintptr_t>(blocks.back().get()) % 64 == 0);
      std::memset(blocks.back().get(), static_cast<int>(blocks.size()), bytes);
    }
  }
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto* bytes = static_cast<const unsigned char*>(blocks[i].get());
    for (std::size_t b = 0; b < blocks[i].size(); b += 61) REQUIRE(bytes[b] == i + 1);
  }
}

TEST_CASE("a freed block is handed out again", "[cpu][allocator]") {
  for (const std::size_t bytes : sizes) {
    CAPTURE(bytes);
    void* first = allocate(bytes);
    deallocate(first, bytes);
    const MemoryStatistics before = memory_statistics();
    void* second = allocate(bytes);
    deallocate(second, bytes);
    CHECK(first == second);
    CHECK(memory_statistics().system_allocations == before.system_allocations);
  }
}

TEST_CASE("statistics count the bytes that callers hold", "[cpu][allocator]") {
  const MemoryStatistics before = memory_statistics();
  {
    const Block a(100);
    const Block b(10000);
    const Block c(5000000);
    CHECK(memory_statistics().allocated == before.allocated + 5010100);
    CHECK(memory_statistics().allocations == before.allocations + 3);
  }
  CHECK(memory_statistics().allocated == before.allocated);
  CHECK(memory_statistics().cached >= 5000000);
}

TEST_CASE("the peak is the most that was held at once since the last reset", "[cpu][allocator]") {
  const std::size_t held = memory_statistics().allocated;
  reset_peak_memory();
  CHECK(memory_statistics().peak == held);
  {
    const Block a(1000);
    {
      const Block b(3000000);
    }
    {
      const Block c(2000);
    }
  }
  CHECK(memory_statistics().peak == held + 3001000);
  reset_peak_memory();
  CHECK(memory_statistics().peak == held);
  {
    const Block d(48);
  }
  CHECK(memory_statistics().peak == held + 48);
}

TEST_CASE("releasing gives everything that is free back to the system", "[cpu][allocator]") {
  release_cached_memory();
  const MemoryStatistics before = memory_statistics();
  {
    std::vector<Block> blocks;
    for (int i = 0; i < 5000; ++i) blocks.emplace_back(static_cast<std::size_t>(i));
    blocks.emplace_back(std::size_t{8} << 20U);
    CHECK(memory_statistics().cached >= before.cached);
  }
  CHECK(memory_statistics().cached > before.cached + (std::size_t{8} << 20U));
  release_cached_memory();
  CHECK(memory_statistics().cached <= before.cached + 65536 * small_classes);
  const Block again(100);
  CHECK(again.get() != nullptr);
}

TEST_CASE(
    "an allocation beyond the limit is an error that says how much was asked, held and allowed",
    "[cpu][allocator]") {
  const KeepLimit keep;
  const std::size_t held = memory_statistics().allocated;
  set_memory_limit(held + 10000000);
  {
    const Block fits(8000000);
    CHECK_THROWS_AS(Block(3000000), rill::OutOfMemoryError);
    CHECK_THROWS_WITH(Block(3000000),
                      Catch::Contains("3000000 bytes asked for, " + std::to_string(held + 8000000) +
                                      " allocated, limit " + std::to_string(held + 10000000)));
    CHECK(memory_statistics().allocated == held + 8000000);
    const Block still_fits(1000000);
  }
  const Block fits_again(9000000);
  CHECK(memory_statistics().allocated == held + 9000000);
}

TEST_CASE("the cache makes room before the limit refuses", "[cpu][allocator]") {
  const KeepLimit keep;
  release_cached_memory();
  const std::size_t held = memory_statistics().allocated;
  {
    const Block cached(16000000);
  }
  set_memory_limit(held + 20000000);
  const Block other_class(10000000);
  CHECK(memory_statistics().cached < 16000000);
}

TEST_CASE("what no machine has is refused whether or not there is a limit", "[cpu][allocator]") {
  const KeepLimit keep;
  CHECK_THROWS_AS(allocate(std::size_t{1} << 60U), rill::OutOfMemoryError);
  CHECK_THROWS_AS(allocate(~std::size_t{0}), rill::OutOfMemoryError);
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
  set_memory_limit(0);
  CHECK_THROWS_AS(allocate(std::size_t{1} << 60U), rill::OutOfMemoryError);
  CHECK_THROWS_AS(allocate(~std::size_t{0}), rill::OutOfMemoryError);
#endif
}

TEST_CASE("blocks may be freed by other threads, and threads may end before their blocks",
          "[cpu][allocator]") {
  const std::size_t held = memory_statistics().allocated;
  for (int round = 0; round < 20; ++round) {
    std::vector<Block> blocks;
    std::thread([&] {
      for (int i = 0; i < 500; ++i) blocks.emplace_back(static_cast<std::size_t>(i * 37));
    }).join();
    std::thread([mine = std::move(blocks)] {}).join();
  }
  CHECK(memory_statistics().allocated == held);
}

TEST_CASE("many threads may allocate at once", "[cpu][allocator]") {
  const std::size_t held = memory_statistics().allocated;
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      std::vector<std::optional<Block>> blocks(64);
      unsigned random = t + 1;
      for (int i = 0; i < 20000; ++i) {
        random = random * 1664525U + 1013904223U;
        std::optional<Block>& block = blocks[(random >> 8U) % 64];
        block.reset();
        block.emplace((random >> 16U) % (i % 100 == 0 ? 3000000U : 6000U));
        if (block->size() > 0) *static_cast<unsigned char*>(block->get()) = 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(memory_statistics().allocated == held);
}

TEST_CASE("objects that outlive a thread's cache can still free", "[cpu][allocator]") {
  const std::size_t held = memory_statistics().allocated;
  std::thread([] {
    // Constructed before the thread's cache, so destroyed after it.
    thread_local std::vector<Block> late;
    late.reserve(4);
    late.emplace_back(100);
    late.emplace_back(10000);
  }).join();
  CHECK(memory_statistics().allocated == held);
}

TEST_CASE("a forked child can allocate", "[cpu][allocator]") {
  const auto [signal, text] = in_child([] {
    const Block small(100);
    const Block large(5000000);
    std::memset(large.get(), 1, 5000000);
  });
  CHECK(signal == 0);
}

TEST_CASE("red zones report writes outside a block", "[cpu][allocator]") {
  const auto guarded = [](auto use) {
    return in_child([&] {
      // The child starts with blocks of the tests' own in use; only what follows is judged.
      try {
        set_red_zones(true);
      } catch (const rill::ValueError&) {
        _exit(0);
      }
      void* block = allocate(40);
      use(static_cast<char*>(block));
      deallocate(block, 40);
    });
  };
  if (memory_statistics().allocated != 0) return;  // other tests keep tensors
  CHECK(guarded([](char* block) { std::memset(block, 0, 40); }).first == 0);
  const auto [signal, text] = guarded([](char* block) { block[40] = 0; });
  CHECK(signal == SIGABRT);
  CHECK(text == "rill: internal fault: written past the end of a block of 40 bytes\n");
  CHECK(guarded([](char* block) { block[-1] = 0; }).second ==
        "rill: internal fault: written before the start of a block of 40 bytes\n");
}

TEST_CASE("red zones cannot be switched while blocks are in use", "[cpu][allocator]") {
  const Block block(10);
  int refusals = 0;
  for (const bool on : {false, true}) {
    try {
      set_red_zones(on);
    } catch (const rill::ValueError&) {
      ++refusals;
    }
  }
  CHECK(refusals == 1);  // the other call changes nothing
}

TEST_CASE("memory of a device that is not there is a device error", "[cpu][allocator]") {
  CHECK_THROWS_AS(rill::allocate(10, rill::Device::cuda(0)), rill::DeviceError);
  CHECK_THROWS_WITH(rill::memory_statistics(rill::Device::cuda(1)), Catch::Contains("cuda:1"));
}
