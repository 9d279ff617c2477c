// What rill-bench prints and writes: a line for each row, and a JSON file.
//
// Invariant: a row is printed once it and its floor are measured, so both are of the same run.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

namespace rill::bench {

struct Batches {
  double smallest = 0, median = 0, largest = 0;  ///< seconds
};

struct Result {
  std::string name;
  Batches time;
  Batches floor_time;
  std::string floor;

  [[nodiscard]] double ratio() const { return time.median / floor_time.median; }
};

/// Google Benchmark measures a row as `name` and then its floor as `name/floor`; the counter
/// `times` says how many operations a run had, a floor's label what it is.
class Report final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

  /// Throws `FileError` when the file cannot be written.
  void write_json(const std::string& path) const;
  /// Rows that ended with an error.
  [[nodiscard]] std::size_t failures() const { return failures_; }

 private:
  std::vector<Result> results_;
  Result current_;
  bool failed_ = false;  // the current row
  std::size_t failures_ = 0;
};

}  // namespace rill::bench
