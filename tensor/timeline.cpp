#include <rill/tensor/timeline.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>

namespace rill::detail {
namespace {

/// The spans of one thread.
struct Lane {
  std::mutex mutex;  // the thread's own, until somebody collects
  std::vector<Span> spans;
  int thread = 0;
};

/// All threads' that have made spans; what is in them outlives the threads.
struct Lanes {
  std::mutex mutex;
  std::vector<std::shared_ptr<Lane>> all;
  int threads = 0;

  static Lanes& instance() {
    static auto* const lanes = new Lanes;  // NOLINT: threads may end after the program's statics
    return *lanes;
  }
  static Lane& own() {
    thread_local const std::shared_ptr<Lane> lane = [] {
      auto made = std::make_shared<Lane>();
      Lanes& lanes = instance();
      const std::lock_guard lock(lanes.mutex);
      made->thread = ++lanes.threads;
      lanes.all.push_back(made);
      return made;
    }();
    return *lane;
  }
};

std::atomic<std::size_t> spans_taken{0};

}  // namespace

constinit std::atomic<std::uint64_t> Timeline::running{0};

bool Timeline::start() {
  static std::atomic<std::uint64_t> recordings{0};
  (void)Lanes::own();  // who profiles is the first thread
  Lanes& lanes = Lanes::instance();
  const std::lock_guard lock(lanes.mutex);
  if (running.load() != 0) return false;
  spans_taken = 0;
  running.store(++recordings, std::memory_order_release);
  return true;
}

std::vector<Span> Timeline::stop() {
  std::vector<Span> spans;
  Lanes& lanes = Lanes::instance();
  const std::lock_guard lock(lanes.mutex);
  running.store(0);
  for (const auto& lane : lanes.all) {
    const std::lock_guard own(lane->mutex);
    std::move(lane->spans.begin(), lane->spans.end(), std::back_inserter(spans));
    lane->spans.clear();
  }
  std::erase_if(lanes.all, [](const auto& lane) { return lane.use_count() == 1; });
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  if (const std::size_t taken = spans_taken.load(); taken > most_spans && !spans.empty()) {
    const Span& last = spans.back();
    spans.push_back({"profiler",
                     std::to_string(taken - most_spans) + " later events were left out",
                     {},
                     last.end,
                     last.end,
                     last.thread});
  }
  return spans;
}

std::int64_t Timeline::now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Timeline::add(std::uint64_t recording, Span span) {
  if (spans_taken.fetch_add(1, std::memory_order_relaxed) >= most_spans) return;
  Lane& lane = Lanes::own();
  const std::lock_guard lock(lane.mutex);
  if (running.load(std::memory_order_relaxed) != recording) return;
  span.thread = lane.thread;
  lane.spans.push_back(std::move(span));
}

void Stopwatch::end(std::string_view category, std::string_view name,
                    std::vector<Span::Argument> arguments) const noexcept try {
  const std::int64_t end = end_ != 0 ? end_ : Timeline::now();
  Timeline::add(recording_, {category, std::string(name), std::move(arguments), begin_, end, 0});
} catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): says its declaration
}

}  // namespace rill::detail
