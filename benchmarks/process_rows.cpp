// What a user waits for outside of any tensor: a process to start, its first result, the compiler,
// and the build of rill itself.
//
// Invariant: a run is a process, or the processes of one build; a floor does the same for an empty
// program without rill.

#include <fstream>
#include <memory>
#include <sstream>

#include <rill/tensor/error.h>

#include "process.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr Pace single_processes{.batches = 31, .seconds = 0};
constexpr Pace few_processes{.batches = 7, .seconds = 0};

Floor empty_program() {
  return {.name = "empty program", .run = [] { run_program({RILL_BENCH_EMPTY}); }};
}

Work start() {
  return {.run = [] { run_program({RILL_BENCH_EMPTY_WITH_RILL}); }, .floors = {empty_program()}};
}

/// Each run has a cache of compiled kernels of its own, which nothing is in.
Work first_result_cold() {
  return {.run =
              [caches = std::make_shared<const TemporaryFolder>(), number = 0]() mutable {
                const std::string cache = *caches / std::to_string(number++);
                run_program({RILL_BENCH_HELLO}, {"RILL_CACHE_DIR=" + cache});
              },
          .floors = {empty_program()}};
}

Work first_result_warm() {
  const auto cache = std::make_shared<const TemporaryFolder>();
  const auto run = [=] { run_program({RILL_BENCH_HELLO}, {"RILL_CACHE_DIR=" + *cache / "code"}); };
  run();
  return {.run = run, .floors = {empty_program()}};
}

// ---- First calls of a traced training step ----------------------------------------------------

/// Seconds from the first call of a new process to its return, kernels that run eagerly included;
/// `calls` = 2: to the return of the second call, for which the step is compiled.
double seconds_of_calls(const std::string& model, int calls, const std::string& cache) {
  std::istringstream printed(
      run_program({RILL_BENCH_FIRST_CALL, model}, {"RILL_CACHE_DIR=" + cache}));
  double seconds = 0;
  for (int call = 0; call < calls; ++call) printed >> seconds;
  if (!printed) throw Error(std::string(RILL_BENCH_FIRST_CALL) + " has printed no time");
  return seconds;
}

Row calls_cold(const std::string& name, const std::string& model, int calls) {
  const auto work = [=] {
    const auto caches = std::make_shared<const TemporaryFolder>();
    return Work{.run = nullptr, .floors = {empty_program()}, .reading = [=, number = 0]() mutable {
                  return seconds_of_calls(model, calls, *caches / std::to_string(number++));
                }};
  };
  return {.name = name, .make = work, .pace = few_processes};
}

Row calls_warm(const std::string& name, const std::string& model, int calls) {
  const auto work = [=] {
    const auto cache = std::make_shared<const TemporaryFolder>();
    const auto reading = [=] { return seconds_of_calls(model, calls, *cache / "code"); };
    (void)reading();
    return Work{.run = nullptr, .floors = {empty_program()}, .reading = reading};
  };
  return {.name = name, .make = work, .pace = few_processes};
}

// ---- Compilers --------------------------------------------------------------------------------

/// Compiles `text` at -O0, as a program that uses rill would be.
std::function<void()> compilation(const std::string& text) {
  const auto folder = std::make_shared<const TemporaryFolder>();
  const std::string source = *folder / "program.cpp";
  std::ofstream file(source);
  file << text;
  if (!file.flush()) throw FileError("cannot write " + source);
  return [=] {
    run_program({RILL_BENCH_COMPILER, "-std=c++20", "-O0", "-I", RILL_BENCH_INCLUDE, "-c", source,
                 "-o", *folder / "program.o"});
  };
}

Floor empty_compilation() {
  return {.name = "empty program", .run = compilation("int main() {}\n")};
}

Work header() {
  return {.run = compilation("#include <rill/rill.h>\n"), .floors = {empty_compilation()}};
}

/// Everything, in a folder of its own and with nothing in ccache.
Work build() {
  return {.run =
              [] {
                const TemporaryFolder folder;
                const std::vector<std::string> environment{"CCACHE_DIR=" + folder / "ccache"};
                const std::string build = folder / "build";
                run_program({"cmake", "--preset", "release", "-S", RILL_BENCH_SOURCE, "-B", build},
                            environment);
                run_program({"cmake", "--build", build}, environment);
              },
          .floors = {empty_compilation()}};
}

}  // namespace

std::vector<Row> process_rows() {
  return {{"start", start, single_processes},
          {"first_result_cold", first_result_cold, single_processes},
          {"first_result_warm", first_result_warm, single_processes},
          calls_cold("compile_demo_cold", "demo", 2),
          calls_warm("compile_demo_warm", "demo", 2),
          calls_cold("compile_gpt_cold", "gpt", 2),
          calls_warm("compile_gpt_warm", "gpt", 2),
          {"header", header, {.batches = 7, .seconds = 0}}};
}

std::vector<Row> build_rows() { return {{"build", build, {.batches = 1, .seconds = 0}}}; }

}  // namespace rill::bench
