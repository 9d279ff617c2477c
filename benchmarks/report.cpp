#include "report.h"

#include <algorithm>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <rill/cpu/information.h>
#include <rill/tensor/error.h>

namespace rill::bench {
namespace {

Batches batches_of(const std::vector<benchmark::BenchmarkReporter::Run>& runs) {
  std::vector<double> seconds;
  for (const auto& run : runs) {
    const double operations = static_cast<double>(run.iterations) * run.counters.at("times").value;
    seconds.push_back(run.real_accumulated_time / operations);
  }
  std::sort(seconds.begin(), seconds.end());
  return {seconds.front(), seconds[seconds.size() / 2], seconds.back()};
}

/// "81.3 ns", "4.27 ms".
std::string duration(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.3g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

}  // namespace

bool Report::ReportContext(const Context& /*context*/) {
  fmt::print("{:<22} {:>9}   {:<23} {:>9} {:>7}   {}\n", "row", "median", "smallest .. largest",
             "floor", "ratio", "floor's kind");
  return true;
}

void Report::ReportRuns(const std::vector<Run>& runs) {
  const Run& first = runs.front();
  if (first.run_type != Run::RT_Iteration) return;  // Google Benchmark's own statistics
  const bool is_floor = first.run_name.function_name.ends_with("/floor");
  if (!is_floor) {
    current_ = {};
    current_.name = first.run_name.function_name;
    failed_ = false;
  }
  if (first.error_occurred && !failed_) {
    fmt::print("{:<22} {}\n", current_.name, first.error_message);
    failed_ = true;
    ++failures_;
  }
  if (failed_) return;
  if (!is_floor) {
    current_.time = batches_of(runs);
    return;
  }
  current_.floor_time = batches_of(runs);
  current_.floor = first.report_label;
  const std::string range =
      duration(current_.time.smallest) + " .. " + duration(current_.time.largest);
  fmt::print("{:<22} {:>9}   {:<23} {:>9} {:>7.2f}   {}\n", current_.name,
             duration(current_.time.median), range, duration(current_.floor_time.median),
             current_.ratio(), current_.floor);
  std::fflush(stdout);
  results_.push_back(current_);
}

void Report::write_json(const std::string& path) const {
  nlohmann::ordered_json machine;
  for (const auto& [heading, text] : cpu::information()) machine[heading] = text;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Result& result : results_) {
    rows.push_back({{"name", result.name},
                    {"seconds", result.time.median},
                    {"smallest", result.time.smallest},
                    {"largest", result.time.largest},
                    {"floor_seconds", result.floor_time.median},
                    {"floor", result.floor},
                    {"ratio", result.ratio()}});
  }
  std::ofstream file(path);
  file << nlohmann::ordered_json{{"machine", machine}, {"rows", rows}}.dump(2) << '\n';
  if (!file.flush()) throw FileError("cannot write " + path);
}

}  // namespace rill::bench
