// How a fork and join works. The range is cut into pieces, and each participant owns a run of
// consecutive pieces, kept as one word (next piece, end) on a cache line of its own. A participant
// takes pieces from its own run, then from those of the others. Taking is one compare-and-swap on
// that word; whoever succeeds holds a piece that is not finished, so the job cannot end, and its
// description can be read without further protection. The job ends when the finished pieces add up;
// a worker that was asleep meanwhile finds empty runs and does no harm, so nobody waits for it.
#include <rill/cpu/thread_pool.h>

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <exception>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/environment.h>
#include <rill/tensor/error.h>
#include <rill/tensor/float_environment.h>
#include <rill/tensor/threads.h>
#include <rill/tensor/timeline.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace rill::cpu {
namespace {

using Body = FunctionRef<void(int slot, std::int64_t begin, std::int64_t end)>;

constexpr int most_threads = 1024;
constexpr std::chrono::microseconds awake{20};  // how long a thread looks for work before it sleeps
constexpr int pieces_per_thread = 8;            // enough to even out uneven pieces

void relax() {
#if defined(__SSE2__)
  _mm_pause();
#endif
}

/// Waits until `word` differs from `old`, first awake for as long as `patience`, then asleep.
/// `asleep` tells the other side to call notify.
void wait_for_change(const std::atomic<std::uint32_t>& word, std::uint32_t old,
                     std::chrono::nanoseconds patience, std::atomic<bool>& asleep) {
  using Clock = std::chrono::steady_clock;
  constexpr int looks_between_clocks = 32;
  for (Clock::time_point give_up{};;) {
    for (int i = 0; i < looks_between_clocks; ++i) {
      if (word.load(std::memory_order_acquire) != old) return;
      relax();
    }
    const auto now = Clock::now();
    if (give_up == Clock::time_point{}) give_up = now + patience;
    if (now >= give_up) break;
  }
  // Either this store is seen by the one who changes the word, or the change is seen by the wait:
  // both sides are sequentially consistent.
  asleep.store(true, std::memory_order_seq_cst);
  word.wait(old, std::memory_order_seq_cst);
  asleep.store(false, std::memory_order_relaxed);
}

/// Changes `word` and wakes whoever sleeps on it.
void change(std::atomic<std::uint32_t>& word, const std::atomic<bool>& asleep) {
  word.fetch_add(1, std::memory_order_seq_cst);
  if (asleep.load(std::memory_order_seq_cst)) word.notify_one();
}

/// A run of pieces, [next, end), that participants with a lower slot than `participants` may take;
/// in one word.
struct Run {
  std::uint16_t next = 0;
  std::uint16_t end = 0;
  std::uint32_t participants = 0;
};
static_assert(most_threads * pieces_per_thread <= std::numeric_limits<std::uint16_t>::max());
static_assert(std::atomic<Run>::is_always_lock_free);

/// What one participant owns. Two cache lines, as processors fetch lines in pairs.
struct alignas(128) Slot {
  std::atomic<Run> run{Run{}};
  std::atomic<std::uint32_t> ticket{0};  // changes when there is something to do
  std::atomic<bool> asleep{false};
  std::atomic<bool> retire{false};
};

struct Job {
  const Body* body = nullptr;
  std::int64_t count = 0;
  std::int64_t piece = 0;  // indices per piece
};

thread_local bool inside_body = false;

/// Everything but the threads' own stacks. Never destroyed: workers may outlive static objects at
/// exit.
class Pool {
 public:
  static Pool& instance() {
    static Pool& pool = *new Pool;
    return pool;
  }

  int threads() const { return wanted_.load(std::memory_order_relaxed); }
  void set_threads(int count) { wanted_.store(count, std::memory_order_relaxed); }

  /// Tries to become the one that forks; on success the pool has `threads()` slots and as many
  /// workers as it could make.
  bool acquire() {
    if (owned_.load(std::memory_order_relaxed) || owned_.exchange(true, std::memory_order_acquire))
      return false;
    const int wanted = threads();
    if (wanted != configured_) configure(wanted);
    return true;
  }
  void release() { owned_.store(false, std::memory_order_release); }

  int configured() const { return configured_; }

  /// Runs a job and rethrows what its bodies threw. The caller has acquired the pool.
  void run(const Body& body, std::int64_t count, std::int64_t piece, std::int64_t pieces,
           int participants) {
    job_ = Job{&body, count, piece};
    failed_.store(false, std::memory_order_relaxed);
    finished_.store(0, std::memory_order_relaxed);
    total_ = static_cast<std::uint32_t>(pieces);
    for (int p = 0; p < participants; ++p) {
      const auto first = static_cast<std::uint16_t>(pieces * p / participants);
      const auto last = static_cast<std::uint16_t>(pieces * (p + 1) / participants);
      const Run run{first, last, static_cast<std::uint32_t>(participants)};
      slots_[static_cast<std::size_t>(p)].run.store(run, std::memory_order_release);
    }
    for (int p = 1; p < participants; ++p) {
      Slot& slot = slots_[static_cast<std::size_t>(p)];
      change(slot.ticket, slot.asleep);
    }
    take_part(0, participants);
    for (std::uint32_t seen = finished_.load(std::memory_order_acquire); seen != total_;
         seen = finished_.load(std::memory_order_acquire)) {
      wait_for_change(finished_, seen, patience_, owner_asleep_);
    }
    if (failed_.load(std::memory_order_relaxed))
      std::rethrow_exception(std::exchange(exception_, nullptr));
  }

 private:
  Pool() {
    const auto chosen = environment::threads();
    wanted_.store(chosen ? *chosen : available_processors(), std::memory_order_relaxed);
    pthread_atfork(nullptr, nullptr, [] { instance().forget_workers(); });
  }

  /// In the child of a fork only the forking thread exists. The pool starts over at the next job.
  void forget_workers() {
    workers_.clear();
    slots_.reset();
    configured_ = 0;
    owner_asleep_.store(false, std::memory_order_relaxed);
    owned_.store(false, std::memory_order_relaxed);
  }

  void configure(int count) {
    for (std::size_t s = 1; s <= workers_.size(); ++s) {
      slots_[s].retire.store(true, std::memory_order_relaxed);
      change(slots_[s].ticket, slots_[s].asleep);
    }
    for (const pthread_t worker : workers_) pthread_join(worker, nullptr);
    workers_.clear();
    slots_ = std::make_unique<Slot[]>(static_cast<std::size_t>(count));
    // With more threads than processors, one that looks for work takes the time of one that has
    // some.
    patience_ = count > available_processors() ? std::chrono::microseconds(0) : awake;
    workers_.reserve(static_cast<std::size_t>(count));
    start_workers(count - 1);
    configured_ = count;
  }

  /// Where a thread cannot be made, the others take over its run: slower, never wrong.
  void start_workers(int count) {
    // A signal meant for the host program must not be delivered to a thread that it does not know
    // of. Faults belong to the thread that causes them, and profilers count time by SIGPROF.
    sigset_t blocked;
    sigset_t found;
    sigfillset(&blocked);
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGPROF})
      sigdelset(&blocked, signal);
    pthread_sigmask(SIG_SETMASK, &blocked, &found);
    for (int w = 0; w < count; ++w) {
      pthread_t worker{};
      const auto slot = reinterpret_cast<void*>(static_cast<std::intptr_t>(w + 1));
      if (pthread_create(&worker, nullptr, &Pool::start, slot) != 0) break;
      pthread_setname_np(worker, "rill");
      workers_.push_back(worker);
    }
    pthread_sigmask(SIG_SETMASK, &found, nullptr);
  }

  static void* start(void* slot) {
    detail::set_default_float_environment();
    inside_body = true;
    instance().work(static_cast<int>(reinterpret_cast<std::intptr_t>(slot)));
    return nullptr;
  }

  void work(int index) {
    Slot& slot = slots_[static_cast<std::size_t>(index)];
    for (std::uint32_t seen = 0;;) {
      wait_for_change(slot.ticket, seen, patience_, slot.asleep);
      seen = slot.ticket.load(std::memory_order_acquire);
      if (slot.retire.load(std::memory_order_relaxed)) return;
      take_part(index, configured_);
    }
  }

  /// Takes pieces until none are left: first from the own run, then from those of the others.
  void take_part(int index, int participants) {
    for (int other = 0; other < participants; ++other) {
      const int victim = (index + other) % participants;
      work_off(index, slots_[static_cast<std::size_t>(victim)].run);
    }
  }

  void work_off(int index, std::atomic<Run>& from) {
    std::uint32_t done = 0;
    for (Run run = from.load(std::memory_order_acquire);
         run.next < run.end && static_cast<std::uint32_t>(index) < run.participants;) {
      const Run rest{static_cast<std::uint16_t>(run.next + 1), run.end, run.participants};
      if (!from.compare_exchange_weak(run, rest, std::memory_order_acq_rel,
                                      std::memory_order_acquire))
        continue;
      const std::int64_t begin = run.next * job_.piece;
      call(index, begin, std::min(begin + job_.piece, job_.count));
      ++done;
      run = from.load(std::memory_order_acquire);
    }
    finish(done);
  }

  void finish(std::uint32_t pieces) {
    if (pieces == 0) return;
    finished_.fetch_add(pieces, std::memory_order_seq_cst);
    if (owner_asleep_.load(std::memory_order_seq_cst)) finished_.notify_one();
  }

  void call(int slot, std::int64_t begin, std::int64_t end) noexcept {
    if (failed_.load(std::memory_order_relaxed)) return;
    try {
      const detail::Stopwatch watch;
      (*job_.body)(slot, begin, end);
      if (watch.runs() && slot > 0) watch.end("work", "part", {{"begin", begin}, {"end", end}});
    } catch (...) {
      if (!failed_.exchange(true, std::memory_order_relaxed)) exception_ = std::current_exception();
    }
  }

  std::atomic<int> wanted_{1};
  std::atomic<bool> owned_{false};
  int configured_ = 0;  // slots that exist; read and written by the owner, read by workers of a job
  std::unique_ptr<Slot[]> slots_;   // slot 0 is the owner's
  std::vector<pthread_t> workers_;  // worker w has slot w + 1
  std::chrono::nanoseconds patience_ = awake;

  Job job_;
  std::uint32_t total_ = 0;
  std::exception_ptr exception_;  // written by whoever sets failed_
  std::atomic<bool> failed_{false};
  alignas(128) std::atomic<std::uint32_t> finished_{0};
  std::atomic<bool> owner_asleep_{false};
};

/// Processors that the container's quota pays for; a large number if there is no quota.
int quota() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  double time = 0;
  double period = 0;
  if (!(file >> time >> period) || period <= 0) return most_threads;  // "max 100000" is no number
  return static_cast<int>(std::clamp(std::lround(time / period), 1L, long{most_threads}));
}

}  // namespace

int available_processors() {
  // The mask is as long as the machine has processors, so its size is found by trying.
  for (int processors = CPU_SETSIZE; processors <= (1 << 20); processors *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(
        CPU_ALLOC(static_cast<std::size_t>(processors)), [](cpu_set_t* p) { CPU_FREE(p); });
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(processors));
    if (set == nullptr || sched_getaffinity(0, bytes, set.get()) != 0) continue;
    return std::clamp(CPU_COUNT_S(bytes, set.get()), 1, std::min(most_threads, quota()));
  }
  return 1;
}

int threads() { return Pool::instance().threads(); }

void set_threads(int count, Where where) {
  if (count < 1 || count > most_threads) {
    throw ValueError("set_threads: got " + std::to_string(count) + ", must be a number from 1 to " +
                     std::to_string(most_threads) + where.suffix());
  }
  Pool::instance().set_threads(count);
}

void parallel_for_slots(std::int64_t count, std::int64_t grain, int slots, Body body) {
  if (count <= 0) return;
  const detail::FloatingPointGuard guard;
  grain = std::max<std::int64_t>(grain, 1);
  if (count <= grain) {
    body(0, 0, count);
    return;
  }
  const std::int64_t grains = divide_up(count, grain);
  Pool& pool = Pool::instance();
  const int most = std::min(pool.threads(), slots);
  if (most <= 1 || inside_body || !pool.acquire()) {
    body(0, 0, count);
    return;
  }
  struct Release {
    Pool& pool;
    ~Release() {
      inside_body = false;
      pool.release();
    }
  } const release{pool};
  inside_body = true;
  const std::int64_t threads = std::min(pool.configured(), slots);
  const int participants = static_cast<int>(std::min(threads, grains));
  const std::int64_t piece =
      grain * divide_up(grains, std::min<std::int64_t>(grains, participants * pieces_per_thread));
  pool.run(body, count, piece, divide_up(count, piece), participants);
}

void parallel_for(std::int64_t count, std::int64_t grain,
                  FunctionRef<void(std::int64_t begin, std::int64_t end)> body) {
  const auto without_slot = [&](int, std::int64_t begin, std::int64_t end) { body(begin, end); };
  parallel_for_slots(count, grain, std::numeric_limits<int>::max(), without_slot);
}

}  // namespace rill::cpu

// ---- The functions that the lowest floor declares ---------------------------------------------

namespace rill {

int threads() { return cpu::threads(); }
void set_threads(int count, Where where) { cpu::set_threads(count, where); }

}  // namespace rill
