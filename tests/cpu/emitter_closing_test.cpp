// Closing stages in generated code: chunks on any number of threads, and the end.
#include "tests/cpu/compiled.h"

#include <cstring>
#include <string>
#include <vector>

#include <rill/cpu/kernel.h>
#include <rill/cpu/thread_pool.h>
#include <rill/kernel/builder.h>

#include "tests/catch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::Launch;
using kernel::Schedule;
using kernel::shares_and_totals;
using kernel::uneven;

/// A launch of `shares_and_totals`, and its results as bytes.
class Shares {
 public:
  Shares(std::int64_t n, std::int64_t m)
      : x_(uneven(static_cast<std::size_t>(n * m))),
        w_(static_cast<std::size_t>(m), 0.25F),
        out_(x_.size()),
        totals_(w_.size()),
        largest_(w_.size()),
        all_(1),
        first_(w_.size()) {
    launch.sizes = {n, m};
    launch.add(x_), launch.add(w_), launch.add(out_), launch.add(totals_), launch.add(largest_);
    launch.add(first_), launch.add(all_);
  }

  void forget() {
    for (auto* each : {&out_, &totals_, &largest_, &all_}) each->assign(each->size(), -7);
    first_.assign(first_.size(), -7);
  }
  [[nodiscard]] std::string results() const {
    std::string bytes;
    for (const auto* each : {&out_, &totals_, &largest_, &all_})
      bytes.append(reinterpret_cast<const char*>(each->data()), each->size() * sizeof(float));
    return bytes.append(reinterpret_cast<const char*>(first_.data()), first_.size() * 8);
  }

  Launch launch;

 private:
  std::vector<float> x_, w_, out_, totals_, largest_, all_;
  std::vector<std::int64_t> first_;
};

constexpr std::array<std::int64_t, 6> counts = {0, 1, 511, 512, 513, 5000};
constexpr std::array<std::int64_t, 5> columns = {1, 16, 17, 100, 1024};

TEST_CASE("Closing stages give the interpreter's bits on any number of threads") {
  const auto program = shares_and_totals();
  const auto kernel = Kernel::prepare(program);
  const int before = threads();
  for (const std::int64_t n : counts) {
    for (const std::int64_t m : columns) {
      Shares rows(n, m);
      rows.launch.interpret(program);
      const std::string expected = rows.results();
      for (const int count : {1, 2, 7}) {
        set_threads(count);
        INFO(n << " rows of " << m << ", " << count << " threads");
        rows.forget();
        const auto failure = kernel->execute(rows.launch.buffers.data(), rows.launch.sizes.data(),
                                             rows.launch.parameters.data());
        CHECK(failure.error == 0);
        CHECK(rows.results() == expected);
        rows.forget();
        const auto measure = kernel->measure(rows.launch.sizes.data());
        kernel->execute(measure, rows.launch.buffers.data(), rows.launch.sizes.data(),
                        rows.launch.parameters.data());
        CHECK(rows.results() == expected);
      }
    }
  }
  set_threads(before);
}

TEST_CASE("Many launches of a program with closing stages run one after the other") {
  const auto program = shares_and_totals();
  Shares a(700, 20);
  Shares b(3, 5);
  a.launch.interpret(program), b.launch.interpret(program);
  const std::string first = a.results();
  const std::string second = b.results();
  a.forget(), b.forget();
  std::vector<kernel::Operands> launches;
  for (Launch* launch : {&a.launch, &b.launch}) {
    launches.push_back({launch->buffers.data(), launch->sizes.data(), launch->parameters.data()});
  }
  CHECK(Kernel::prepare(program)->execute(launches).error == 0);
  CHECK(a.results() == first);
  CHECK(b.results() == second);
  CHECK(Kernel::prepare(program)->direct() == nullptr);
}

TEST_CASE(
    "Closing stages give the same bits at every level, with lanes or without, checked or not") {
  const auto program = shares_and_totals();
  const Schedule chosen = kernel::choose(program, kernel::Dependence(program));
  REQUIRE(chosen.map == Schedule::Map::chunks);
  REQUIRE(chosen.vector_axis != kernel::none);
  Schedule scalar = chosen;
  scalar.vector_axis = kernel::none;
  Schedule checked = chosen;
  checked.bounds_checks = true;
  Schedule fetching = chosen;
  fetching.prefetches = true;
  for (const Level level : runnable_levels()) {
    for (const Schedule& schedule : {chosen, scalar, checked, fetching}) {
      const Compiled& compiled = compiled_once(program, schedule, level);
      for (const std::int64_t n : counts) {
        for (const std::int64_t m : {std::int64_t{17}, std::int64_t{100}}) {
          Shares rows(n, m);
          rows.launch.interpret(program);
          const std::string expected = rows.results();
          rows.forget();
          const auto chunks = (n + kernel::fold_chunk - 1) / kernel::fold_chunk;
          // A float32 and an int64 for each column, two float32 for each, and one by itself.
          const std::size_t chunk = static_cast<std::size_t>((m + 15) / 16 * 16 * 16 + 64);
          std::vector<std::byte> partials(chunk * static_cast<std::size_t>(chunks));
          std::vector<std::byte> memory(compiled.object.fixed_scratch + 16 * chunk + 8192);
          kernel::KernelArguments arguments = rows.launch.arguments();
          rows.launch.failure = {};
          arguments.partials = partials.data();
          arguments.scratch =
              memory.data() + (64 - reinterpret_cast<std::uintptr_t>(memory.data()) % 64) % 64;
          // The chunks in two calls, the later ones first.
          compiled.code.run()(&arguments, chunks / 2, chunks);
          compiled.code.run()(&arguments, 0, chunks / 2);
          compiled.code.finish()(&arguments, 0, 1);
          INFO("level " << name_of(level) << ", " << n << " rows of " << m);
          CHECK(rows.launch.failure.error == 0);
          CHECK(rows.results() == expected);
        }
      }
    }
  }
}

TEST_CASE("Programs with closing stages run in chunks, and no others do") {
  std::string error;
  CompiledObject object;
  CHECK_FALSE(compile(shares_and_totals(), Schedule{}, runnable_levels()[0], object, error));
  CHECK_FALSE(compile(kernel::addition(), Schedule{.map = Schedule::Map::chunks},
                      runnable_levels()[0], object, error));
}

}  // namespace
}  // namespace rill::cpu
