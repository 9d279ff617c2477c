// rill-bench: rill's figures beside floors measured in the same run.
//
//     rill-bench [--filter REGEX] [--json FILE] [--quick] [--build] [--list]
//
// A row is measured in batches after a warm-up, on `RILL_THREADS` threads, and its floors between
// them; its time is the median. `--quick` only shows that every row works: one run each. `--build`
// adds the row that builds rill, which takes minutes. `--list` prints the rows' names.

#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <rill/tensor/error.h>

#include "measurement.h"
#include "report.h"
#include "row.h"

namespace {

using namespace rill::bench;

struct Options {
  std::string filter = ".";
  std::string json;
  bool quick = false;
  bool build = false;
  bool list = false;
};

constexpr const char* usage =
    "usage: rill-bench [--filter REGEX] [--json FILE] [--quick] [--build] [--list]\n";

/// Throws `ValueError` for what it does not know.
Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--build") {
      options.build = true;
    } else if (argument == "--list") {
      options.list = true;
    } else if ((argument == "--filter" || argument == "--json") && i + 1 < arguments.size()) {
      (argument == "--json" ? options.json : options.filter) = arguments[++i];
    } else {
      throw rill::ValueError("'" + argument + "' is no option, or lacks its value");
    }
  }
  return options;
}

std::vector<Row> rows_of(const Options& options) {
  const std::regex pattern(options.filter);
  std::vector groups{small_rows, elementwise_rows, reduction_rows, matmul_rows, convolution_rows,
                     index_rows, model_rows,       trace_rows,     memory_rows, process_rows};
  if (options.build) groups.push_back(build_rows);
  std::vector<Row> rows;
  for (const auto group : groups) {
    for (Row& row : group()) {
      if (std::regex_search(row.name, pattern)) rows.push_back(std::move(row));
    }
  }
  if (rows.empty()) throw rill::ValueError("no row's name matches '" + options.filter + "'");
  return rows;
}

void measure(benchmark::State& state, const Row& row, Pace pace, Report& report) {
  try {
    Measurement measurement(row, pace);
    for ([[maybe_unused]] auto batch : state) state.SetIterationTime(measurement.next());
    report.add(measurement.result());
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
}

/// Each iteration is a batch.
void add(const Row& row, bool quick, Report& report) {
  const Pace pace = quick ? Pace{.batches = 1, .seconds = 0} : row.pace;
  benchmark::RegisterBenchmark(
      row.name.c_str(), [&, pace](benchmark::State& state) { measure(state, row, pace, report); })
      ->UseManualTime()
      ->Iterations(pace.batches);
}

/// GNU's OpenMP, which floors run on, waits actively for milliseconds: on a busy machine its
/// threads hold up each other, and floors look slower than they are. It reads how long to wait when
/// it is loaded, so the program starts over with a shorter time.
void shorten_openmp_waits(char** argv) {
  constexpr const char* variable = "GOMP_SPINCOUNT";
  if (std::getenv(variable) != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv(variable, "10000", 0);
  execv("/proc/self/exe", argv);  // where that fails, floors are only noisier
}

}  // namespace

int main(int argc, char** argv) try {
  shorten_openmp_waits(argv);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (std::find(arguments.begin(), arguments.end(), "--help") != arguments.end()) {
    std::fputs(usage, stdout);
    return 0;
  }
  const Options options = parse(arguments);
  const std::vector<Row> rows = rows_of(options);
  if (options.list) {
    for (const Row& row : rows) std::puts(row.name.c_str());
    return 0;
  }
  Report report;
  for (const Row& row : rows) add(row, options.quick, report);
  benchmark::RunSpecifiedBenchmarks(&report, ".");
  if (!options.json.empty()) report.write_json(options.json);
  return report.failures() == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "rill-bench: %s\n%s", error.what(), usage);
  return 2;
}
