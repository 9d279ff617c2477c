// rill-bench: rill's figures beside floors measured in the same run.
//
//     rill-bench [--filter REGEX] [--json FILE] [--quick]
//
// A row is measured in seven batches of at least 50 ms after a warm-up, on `RILL_THREADS` threads;
// its time is the median. `--quick` only shows that every row works: one short batch each.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include <rill/tensor/error.h>

#include "report.h"
#include "row.h"

namespace {

using namespace rill::bench;

struct Options {
  std::string filter = ".";
  std::string json;
  bool quick = false;
};

constexpr const char* usage = "usage: rill-bench [--filter REGEX] [--json FILE] [--quick]\n";

/// Throws `ValueError` for what it does not know.
Options parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if ((argument == "--filter" || argument == "--json") && i + 1 < arguments.size()) {
      (argument == "--json" ? options.json : options.filter) = arguments[++i];
    } else {
      throw rill::ValueError("'" + argument + "' is no option, or lacks its value");
    }
  }
  return options;
}

std::vector<Row> rows_matching(const std::string& filter) {
  const std::regex pattern(filter);
  std::vector<Row> rows;
  for (const auto group : {small_rows, elementwise_rows, reduction_rows, matmul_rows,
                           convolution_rows, index_rows, model_rows}) {
    for (Row& row : group()) {
      if (std::regex_search(row.name, pattern)) rows.push_back(std::move(row));
    }
  }
  if (rows.empty()) throw rill::ValueError("no row's name matches '" + filter + "'");
  return rows;
}

/// The floor that is fastest in a short trial.
const Floor& fastest(const std::vector<Floor>& floors, bool quick) {
  using Clock = std::chrono::steady_clock;
  if (floors.empty()) throw rill::Error("no library is here to measure a floor with");
  if (floors.size() == 1 || quick) {
    floors.front().run();
    return floors.front();
  }
  const Floor* best = nullptr;
  double least = std::numeric_limits<double>::infinity();
  for (const Floor& floor : floors) {
    floor.run();
    for (int trial = 0; trial < 3; ++trial) {
      const auto start = Clock::now();
      double runs = 0;
      double seconds = 0;
      while (seconds < 0.01) {
        floor.run();
        runs += 1;
        seconds = std::chrono::duration<double>(Clock::now() - start).count();
      }
      if (seconds / runs / floor.times < least) {
        least = seconds / runs / floor.times;
        best = &floor;
      }
    }
  }
  return *best;
}

/// The row that is being measured. Its tensors live until the next row's are made.
struct Session {
  bool quick = false;
  const Row* row = nullptr;
  std::unique_ptr<const Work> work = nullptr;
  const Floor* floor = nullptr;

  void begin(const Row& next) {
    if (row == &next) return;
    row = &next;
    floor = nullptr;
    work = nullptr;  // before the next one needs memory
    work = std::make_unique<const Work>(next.make());
    work->run();
  }
};

void measure(benchmark::State& state, const std::function<void()>& run, double times) {
  for ([[maybe_unused]] auto iteration : state) run();
  state.counters["times"] = times;
}

void measure_work(benchmark::State& state, Session& session, const Row& row) {
  session.begin(row);
  measure(state, session.work->run, session.work->times);
}

void measure_floor(benchmark::State& state, Session& session, const Row& row) {
  if (session.row != &row || session.work == nullptr) throw rill::Error("the row has failed");
  if (session.floor == nullptr) session.floor = &fastest(session.work->floors, session.quick);
  state.SetLabel(session.floor->name);
  measure(state, session.floor->run, session.floor->times);
}

using Function = void (*)(benchmark::State&, Session&, const Row&);

void add(const std::string& name, Session& session, const Row& row, Function function) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [=, &session, &row](benchmark::State& state) {
                                 try {
                                   function(state, session, row);
                                 } catch (const std::exception& error) {
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseRealTime()
      ->Repetitions(session.quick ? 1 : 7)
      ->MinTime(session.quick ? 1e-3 : 0.06);  // later batches take the first one's iterations
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
  const std::vector<Row> rows = rows_matching(options.filter);
  Session session{.quick = options.quick};
  for (const Row& row : rows) {
    add(row.name, session, row, measure_work);
    add(row.name + "/floor", session, row, measure_floor);
  }
  Report report;
  benchmark::RunSpecifiedBenchmarks(&report, ".");
  if (!options.json.empty()) report.write_json(options.json);
  return report.failures() == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "rill-bench: %s\n%s", error.what(), usage);
  return 2;
}
