// What rill-bench prints and writes: a line for each row, and a JSON file.
//
// Invariant: Google Benchmark's own figure of a row, the mean of its batches, is not shown: the
// results that rows leave here have medians, and floors measured in between.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "measurement.h"

namespace rill::bench {

class Report final : public benchmark::BenchmarkReporter {
 public:
  /// To be called by a row before it ends without an error.
  void add(Result result) { results_.push_back(std::move(result)); }

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

  /// Throws `FileError` when the file cannot be written.
  void write_json(const std::string& path) const;
  /// Rows that ended with an error.
  [[nodiscard]] std::size_t failures() const { return failures_; }

 private:
  std::vector<Result> results_;
  std::size_t failures_ = 0;
};

}  // namespace rill::bench
