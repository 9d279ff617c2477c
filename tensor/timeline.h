/// What took how long: spans of time, from any thread, while somebody profiles.
/// Invariant: while nobody does, a span costs one load and one branch.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <rill/tensor/export.h>

namespace rill::detail {

/// From `begin` to `end`, in nanoseconds of a clock that never goes back.
struct Span {
  using Argument = std::pair<std::string_view, std::variant<std::string, std::int64_t>>;
  std::string_view category;  ///< of a constant of the library's
  std::string name;
  std::vector<Argument> arguments;  ///< likewise their names
  std::int64_t begin = 0;
  std::int64_t end = 0;
  int thread = 0;  ///< numbered as they come, from 1
};

class RILL_API Timeline {
 public:
  /// The collection that is going on; 0: none is.
  static std::uint64_t recording() { return running.load(std::memory_order_acquire); }

  /// Begins one. False where one is going on already.
  static bool start();
  /// Ends it: all its spans, by their beginnings. Spans that are still open are not among them.
  static std::vector<Span> stop();

  /// Nanoseconds, from an arbitrary beginning.
  static std::int64_t now();

  /// After so many spans a recording takes no more, which its last one says.
  static constexpr std::size_t most_spans = std::size_t{1} << 22U;

 private:
  friend class Stopwatch;
  /// Adds a span of the calling thread, unless its recording has ended.
  static void add(std::uint64_t recording, Span span);
  static std::atomic<std::uint64_t> running;
};

/// The time from its construction to `stop`, or to `end`.
///
///     const detail::Stopwatch watch;
///     Tensor y = exp(x);
///     if (watch.runs()) watch.end("op", "exp", {{"elements", y.size()}});
class Stopwatch {
 public:
  Stopwatch() : recording_(Timeline::recording()) {
    if (recording_ != 0) [[unlikely]]
      begin_ = Timeline::now();
  }
  /// One that was begun before.
  Stopwatch(std::uint64_t recording, std::int64_t begin) : recording_(recording), begin_(begin) {}
  [[nodiscard]] std::uint64_t recording() const { return recording_; }
  [[nodiscard]] std::int64_t begin() const { return begin_; }
  [[nodiscard]] bool runs() const { return recording_ != 0; }
  void stop() { end_ = Timeline::now(); }
  /// A span for which there is no memory is left out.
  RILL_API void end(std::string_view category, std::string_view name,
                    std::vector<Span::Argument> arguments = {}) const noexcept;

 private:
  std::uint64_t recording_;
  std::int64_t begin_ = 0;
  std::int64_t end_ = 0;
};

}  // namespace rill::detail
