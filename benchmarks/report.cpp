#include "report.h"

#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <rill/cpu/information.h>
#include <rill/tensor/error.h>

namespace rill::bench {
namespace {

/// "81.3 ns", "4.27 ms".
std::string duration(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.3g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.3g} ms", seconds * 1e3);
  return fmt::format("{:.3g} s", seconds);
}

/// "68 KB", "12.3 MB".
std::string amount(double bytes) {
  if (bytes < 1e6) return fmt::format("{:.3g} KB", bytes * 1e-3);
  return fmt::format("{:.3g} MB", bytes * 1e-6);
}

std::string text(double reading, Unit unit) {
  return unit == Unit::bytes ? amount(reading) : duration(reading);
}

std::string range(const Batches& batches, Unit unit) {
  return text(batches.smallest, unit) + " .. " + text(batches.largest, unit);
}

}  // namespace

bool Report::ReportContext(const Context& /*context*/) {
  fmt::print("{:<20} {:>8}   {:<20} {:>8}   {:<20} {:>6}   {}\n", "row", "median",
             "smallest .. largest", "floor", "smallest .. largest", "ratio", "floor's kind");
  return true;
}

void Report::ReportRuns(const std::vector<Run>& runs) {
  const Run& run = runs.front();
  if (run.error_occurred) {
    fmt::print("{:<20} {}\n", run.run_name.function_name, run.error_message);
    ++failures_;
    return;
  }
  const Result& result = results_.back();
  fmt::print("{:<20} {:>8}   {:<20} {:>8}   {:<20} {:>6.2f}   {}\n", result.name,
             text(result.time.median, result.unit), range(result.time, result.unit),
             text(result.floor_time.median, result.unit), range(result.floor_time, result.unit),
             result.ratio(), result.floor);
  std::fflush(stdout);
}

void Report::write_json(const std::string& path) const {
  nlohmann::ordered_json machine;
  for (const auto& [heading, text] : cpu::information()) machine[heading] = text;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const Result& result : results_) {
    const std::string unit = result.unit == Unit::bytes ? "bytes" : "seconds";
    rows.push_back({{"name", result.name},
                    {unit, result.time.median},
                    {"smallest", result.time.smallest},
                    {"largest", result.time.largest},
                    {"floor_" + unit, result.floor_time.median},
                    {"floor_smallest", result.floor_time.smallest},
                    {"floor_largest", result.floor_time.largest},
                    {"floor", result.floor},
                    {"ratio", result.ratio()}});
  }
  std::ofstream file(path);
  file << nlohmann::ordered_json{{"machine", machine}, {"rows", rows}}.dump(2) << '\n';
  if (!file.flush()) throw FileError("cannot write " + path);
}

}  // namespace rill::bench
