/// `Profiler`: where the time goes, as a timeline.
/// Invariant: the file is written as a whole, when the profiler ends, or not at all.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

namespace rill {

/// Measures what the library does, in all threads, for as long as it lives, and writes a timeline
/// that https://ui.perfetto.dev and chrome://tracing open: Chrome's trace event format, in
/// microseconds. An eager operation, a traced call, each kernel of it and what is compiled are one
/// event each, with dtypes and shapes, bytes, the names of the nodes and the user's line; name
/// scopes surround what is in them. `rill draw` and `Graph::draw` show such times on graphs.
///
///     {
///       const Profiler p("run.json");
///       Tensor y = exp(x);
///     }                                // now the file is there
///
/// Threads that compute show up when they have something to do. A measured operation takes about a
/// microsecond longer; while nobody measures, the cost is one load and one branch per operation.
class RILL_API Profiler {
 public:
  /// Begins to measure. Throws `FileError` where the file cannot be written, and `ValueError` while
  /// another profiler is at work.
  explicit Profiler(const std::string& path, Where where = Where::here());
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;
  /// Finishes, also while an exception passes. What goes wrong then is said on standard error.
  ~Profiler();

  /// Ends measuring and writes the file. Throws `FileError`, for a full disk too.
  void finish();

 private:
  struct File;
  std::unique_ptr<File> file_;  // none: finished
};

}  // namespace rill
