#include "tests/catch.h"

#include <rill/cpu/thread_pool.h>
#include <rill/tensor/error.h>
#include <rill/tensor/float_environment.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace rill::cpu;

namespace {

/// Leaves the pool as it was found.
struct KeepThreads {
  int found = threads();
  ~KeepThreads() { set_threads(found); }
};

std::vector<int> times_visited(std::int64_t count, std::int64_t grain) {
  std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
  parallel_for(count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  return {visits.begin(), visits.end()};
}

}  // namespace

TEST_CASE("parallel_for visits every index exactly once", "[cpu][thread_pool]") {
  const KeepThreads keep;
  for (const int count_of_threads : {1, 2, 7, 16}) {
    set_threads(count_of_threads);
    for (const std::int64_t count : {1, 2, 3, 7, 16, 100, 1000, 12345}) {
      for (const std::int64_t grain : {0, 1, 3, 64, 100000}) {
        CAPTURE(count_of_threads, count, grain);
        CHECK(times_visited(count, grain) == std::vector<int>(static_cast<std::size_t>(count), 1));
      }
    }
  }
}

TEST_CASE("parallel_for does nothing for an empty range", "[cpu][thread_pool]") {
  bool called = false;
  parallel_for(0, 1, [&](std::int64_t, std::int64_t) { called = true; });
  parallel_for(-5, 1, [&](std::int64_t, std::int64_t) { called = true; });
  CHECK_FALSE(called);
}

TEST_CASE("ranges begin at multiples of the grain", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(3);
  std::atomic<int> crooked{0};
  parallel_for(1000, 7, [&](std::int64_t begin, std::int64_t) { crooked += begin % 7 != 0; });
  CHECK(crooked == 0);
}

TEST_CASE("no two bodies that run at once share a slot, and slots stay below the number asked for",
          "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(8);
  for (int round = 0; round < 200; ++round) {
    const int slots = 1 + round % 8;
    std::vector<std::atomic<int>> users(static_cast<std::size_t>(slots));
    std::atomic<int> faults{0};
    parallel_for_slots(64, 1, slots, [&](int slot, std::int64_t, std::int64_t) {
      if (slot < 0 || slot >= slots) {
        ++faults;
        return;
      }
      if (users[static_cast<std::size_t>(slot)]++ != 0) ++faults;
      --users[static_cast<std::size_t>(slot)];
    });
    REQUIRE(faults == 0);
  }
}

TEST_CASE("a parallel_for inside a body runs in the calling thread", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(4);
  std::atomic<int> elsewhere{0};
  std::atomic<int> sum{0};
  parallel_for(8, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto outer = std::this_thread::get_id();
      parallel_for(100, 1, [&](std::int64_t b, std::int64_t e) {
        elsewhere += std::this_thread::get_id() != outer;
        sum += static_cast<int>(e - b);
      });
    }
  });
  CHECK(elsewhere == 0);
  CHECK(sum == 800);
}

TEST_CASE("several threads may use the pool at once", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(4);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> users;
  for (int user = 0; user < 6; ++user) {
    users.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        parallel_for(50, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
      }
    });
  }
  for (std::thread& user : users) user.join();
  CHECK(sum == 6 * 300 * 50);
}

TEST_CASE("set_threads may change the pool while others use it", "[cpu][thread_pool]") {
  const KeepThreads keep;
  std::atomic<std::int64_t> sum{0};
  std::thread user([&] {
    for (int round = 0; round < 500; ++round) {
      parallel_for(50, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
    }
  });
  for (int round = 0; round < 100; ++round) {
    set_threads(1 + round % 5);
    parallel_for(50, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
  }
  user.join();
  CHECK(sum == 600 * 50);
}

TEST_CASE("the first exception of a body reaches the caller, and the pool goes on working",
          "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(4);
  for (int round = 0; round < 50; ++round) {
    CHECK_THROWS_WITH(
        parallel_for(100, 1,
                     [](std::int64_t, std::int64_t) { throw std::runtime_error("body failed"); }),
        "body failed");
  }
  CHECK(times_visited(100, 1) == std::vector<int>(100, 1));
}

TEST_CASE("a thread that has slept works again", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    CHECK(times_visited(300, 1) == std::vector<int>(300, 1));
  }
}

TEST_CASE("more than one thread takes part", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(2);
  std::atomic<int> arrived{0};
  parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();  // returns only if both bodies run at once
  });
  CHECK(arrived == 2);
}

// ThreadSanitizer does not support threads in a forked child.
#if !defined(__SANITIZE_THREAD__)
TEST_CASE("a forked child has a pool of its own", "[cpu][thread_pool]") {
  const KeepThreads keep;
  set_threads(3);
  CHECK(times_visited(100, 1) == std::vector<int>(100, 1));
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    const bool right = times_visited(1000, 1) == std::vector<int>(1000, 1);
    _exit(right ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(times_visited(100, 1) == std::vector<int>(100, 1));
}

#endif

TEST_CASE("set_threads refuses what is no number of threads", "[cpu][thread_pool]") {
  CHECK_THROWS_AS(set_threads(0), rill::ValueError);
  CHECK_THROWS_AS(set_threads(-1), rill::ValueError);
  CHECK_THROWS_WITH(set_threads(1025),
                    Catch::Contains("set_threads: got 1025, must be a number from 1 to 1024"));
}

TEST_CASE("bodies compute in the default floating-point environment and callers keep their own",
          "[cpu][float_environment]") {
  const KeepThreads keep;
  const auto rounds_up = [] {
    volatile float one = 1.0F;
    volatile float tiny = 1e-10F;
    return one + tiny > 1.0F;
  };
  for (const int count_of_threads : {1, 4}) {
    set_threads(2);
    times_visited(2, 1);
    std::fesetround(FE_UPWARD);
    set_threads(count_of_threads);  // workers made now would inherit the rounding mode
    std::atomic<int> wrong{0};
    parallel_for(16, 1, [&](std::int64_t, std::int64_t) { wrong += rounds_up(); });
    const bool after = rounds_up();
    std::fesetround(FE_TONEAREST);
    CHECK(wrong == 0);
    CHECK(after);
  }
}

#if defined(__SSE2__)
TEST_CASE("a guard keeps denormals while it lives", "[cpu][float_environment]") {
  const unsigned found = _mm_getcsr();
  _mm_setcsr(found | 0x8040U);  // flush-to-zero and denormals-are-zero
  volatile float tiny = 1e-39F;
  const float flushed = tiny * 0.5F;
  float kept = 0;
  {
    const rill::detail::FloatingPointGuard guard;
    kept = tiny * 0.5F;
  }
  const float flushed_again = tiny * 0.5F;
  _mm_setcsr(found);
  CHECK(flushed == 0.0F);
  CHECK(kept > 0.0F);
  CHECK(flushed_again == 0.0F);
}
#endif
