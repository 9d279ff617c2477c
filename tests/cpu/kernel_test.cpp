#include "tests/catch.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <thread>
#include <vector>

#include <rill/cpu/code_cache.h>
#include <rill/cpu/environment.h>
#include <rill/cpu/kernel.h>
#include <rill/cpu/thread_pool.h>
#include <rill/kernel/builder.h>
#include <rill/kernel/dependence.h>
#include <rill/kernel/schedule.h>
#include <rill/tensor/error.h>

#include "tests/kernel/launch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::adding_rows;
using kernel::addition;
using kernel::Builder;
using kernel::Id;
using kernel::Launch;
using kernel::line;
using kernel::Program;
using kernel::Space;
using kernel::sums;
using kernel::uneven;
using kernel::Value;

/// The same bits as the interpreter's, with 1, 2, 7 and 16 threads.
void same_on_all_threads(const Program& program, Launch launch, std::vector<float>& result) {
  const std::vector<float> start = result;
  launch.add(result);
  launch.interpret(program);
  const std::vector<float> expected = result;
  const auto kernel = Kernel::prepare(program);
  const int before = threads();
  for (const int count : {1, 2, 7, 16}) {
    set_threads(count);
    result = start;
    kernel->execute(launch.buffers.data(), launch.sizes.data(), launch.parameters.data());
    INFO(count << " threads");
    REQUIRE(std::memcmp(result.data(), expected.data(), result.size() * sizeof(float)) == 0);
  }
  set_threads(before);
}

TEST_CASE("Equal programs are one kernel") {
  REQUIRE(Kernel::prepare(addition()) == Kernel::prepare(addition()));
  REQUIRE(Kernel::prepare(addition()) != Kernel::prepare(sums(float32, true)));
}

TEST_CASE("Short rows that the caches hold are summed several at once, few or long ones are not") {
  const Program program = sums(float64, true);  // no other test runs it as a kernel
  const auto kernel = Kernel::prepare(program);
  if (code_cache_statistics().interpreted > 0) return;  // there is no emitter
  const auto codes = [] {
    const CodeCacheStatistics statistics = code_cache_statistics();
    return statistics.compiled + statistics.found_on_disk;
  };
  const int before = threads();
  set_threads(4);
  const auto codes_for = [&](std::int64_t rows, std::int64_t length) {
    std::vector<double> x(static_cast<std::size_t>(rows * length), 0.5);
    std::vector<double> y(static_cast<std::size_t>(rows));
    Launch launch;
    launch.sizes = {rows, length};
    launch.add(x), launch.add(y);
    const std::uint64_t known = codes();
    kernel->execute(launch.buffers.data(), launch.sizes.data(), launch.parameters.data());
    REQUIRE(y == std::vector<double>(y.size(), 0.5 * static_cast<double>(length)));
    return codes() - known;
  };
  (void)codes_for(4, 60);  // one row after the other
  CHECK(codes_for(58, 2048) == 0);
  CHECK(codes_for(3, 60) == 0);
  CHECK(codes_for(2000, 60) == 1);  // several at once
  CHECK(codes_for(2000, 60) == 0);
  set_threads(before);
  kernel::Schedule schedule = kernel::choose(program, kernel::Dependence(program));
  schedule.bounds_checks = environment::bounds();
  schedule.interleave = 4;
  const std::uint64_t known = codes();
  CHECK(code_for(program, kernel::fingerprint(program), schedule) != nullptr);
  CHECK(codes() == known);  // that is the code which ran
}

TEST_CASE("Of the ways to run a kernel those are compiled that run, when sizes are measured") {
  const Program program = sums(int64, true);  // no other test runs it as a kernel
  const auto codes = [] {
    const CodeCacheStatistics statistics = code_cache_statistics();
    return statistics.compiled + statistics.found_on_disk;
  };
  const std::uint64_t none = codes();
  const auto kernel = Kernel::prepare(program);
  CHECK(codes() == none);
  std::vector<std::int64_t> x(std::size_t{2000} * 60, 1), y(2000);
  Launch launch;
  launch.sizes = {2000, 60};
  launch.add(x), launch.add(y);
  const kernel::Measure measure = kernel->measure(launch.sizes.data());
  if (code_cache_statistics().interpreted > 0) return;  // there is no emitter
  CHECK(codes() == none + 1);
  kernel->execute(measure, launch.buffers.data(), launch.sizes.data(), launch.parameters.data());
  CHECK(y == std::vector<std::int64_t>(2000, 60));
  CHECK(codes() == none + 1);
}

TEST_CASE("A kernel without folds, rows and checks offers its code") {
  REQUIRE(Kernel::prepare(addition())->direct() != nullptr);
  REQUIRE(Kernel::prepare(sums(float32, true))->direct() == nullptr);
}

TEST_CASE("A kernel over no points touches nothing") {
  const auto kernel = Kernel::prepare(addition());
  const std::array<std::byte*, 3> nowhere{};
  const std::int64_t size = 0;
  REQUIRE(kernel->execute(nowhere.data(), &size, nullptr).error == 0);
}

TEST_CASE("Rows beyond all memory are refused, however their bytes add up") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = line(b, float32, Space::input, n);
  const Id out = line(b, float32, Space::output, n);
  std::vector<Id> rows;
  for (int r = 0; r < 16; ++r) rows.push_back(b.row(bool_, std::array{m}));
  b.outer(std::array{i});
  b.stage(std::array{j});
  const Value positive = b.load(x, std::array{b.index(i)}) > b.constant(float32, 0);
  for (const Id row : rows) b.store(row, std::array{b.index(j)}, positive);
  b.stage({});
  Value all = b.load(rows[0], std::array{b.integer(0)});
  for (const Id row : rows) all = all && b.load(row, std::array{b.integer(0)});
  b.store(out, std::array{b.index(i)}, select(all, b.constant(float32, 1), b.constant(float32, 0)));
  const auto kernel = Kernel::prepare(b.finish());
  std::vector<float> in{1};
  std::vector<float> result{0};
  const std::array<std::byte*, 2> buffers{reinterpret_cast<std::byte*>(in.data()),
                                          reinterpret_cast<std::byte*>(result.data())};
  const auto run = [&](std::int64_t length) {
    const std::array<std::int64_t, 2> sizes{1, length};
    kernel->execute(buffers.data(), sizes.data(), nullptr);
  };
  run(100);
  CHECK(result[0] == 1);
  // With 32 to 256 lanes each row's bytes fit into 64 bits; their sum is a multiple of 2^64.
  CHECK_THROWS_AS(run(std::int64_t{1} << 55), OutOfMemoryError);
  CHECK_THROWS_AS(run(std::numeric_limits<std::int64_t>::max()), OutOfMemoryError);
}

TEST_CASE("Results do not depend on the number of threads") {
  std::vector<float> x = uneven(300'000), y = uneven(300'000), out(300'000);
  Launch launch;
  launch.sizes = {300'000};
  launch.add(x), launch.add(y);
  same_on_all_threads(addition(), launch, out);

  for (const bool rows : {true, false}) {
    for (const auto& [n, m] :
         {std::pair{300L, 1000L}, std::pair{3L, 100'000L}, std::pair{1L, 300'000L}}) {
      std::vector<float> total(static_cast<std::size_t>(n));
      Launch sum;
      sum.sizes = {n, m};
      sum.add(x);
      INFO(n << " x " << m << (rows ? " rows" : " columns"));
      same_on_all_threads(sums(float32, rows), sum, total);
    }
  }
}

/// out[i, j] = x[i, j] + y[i, j], all strides of the operands known at run time only.
Program general_addition() {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const std::array x_strides{b.size(), b.size()};
  const std::array y_strides{b.size(), b.size()};
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, x_strides);
  const Id y = b.buffer(float32, Space::input, std::array{n, m}, y_strides);
  const Id out = b.buffer(float32, Space::output, std::array{n, m}, std::array{m, b.integer(1)});
  b.outer(std::array{i, j});
  b.stage({});
  const std::array at{b.index(i), b.index(j)};
  b.store(out, at, b.load(x, at) + b.load(y, at));
  return b.finish();
}

TEST_CASE(
    "A transposed operand, a stepped one and a reversed one give what the interpreter gives") {
  std::vector<float> x = uneven(2 * 333 * 300), y = uneven(333 * 300), out(333 * 300);
  const auto add = [&](std::vector<std::int64_t> sizes, std::size_t first) {
    Launch launch;
    launch.sizes = std::move(sizes);
    launch.add(x, first), launch.add(y);
    same_on_all_threads(general_addition(), launch, out);
  };
  add({333, 300, 1, 333, 300, 1}, 0);     // 333 x 300 from a 300 x 333 in memory
  add({333, 300, 1, 333, 1, 333}, 0);     // both
  add({333, 300, 600, 2, 300, 1}, 0);     // every other column
  add({333, 300, 300, -1, 300, 1}, 299);  // columns from right to left
  add({333, 300, 0, 1, 300, 0}, 0);       // broadcast rows and columns
  add({7, 300, 1, 7, 300, 1}, 0);         // too narrow for squares
}

TEST_CASE("Results too large for the caches are the same") {
  const std::size_t count = std::size_t{12} << 20;
  std::vector<float> x = uneven(count), y(count, 0.25F);
  std::unique_ptr<float[], decltype(&std::free)> out(
      static_cast<float*>(std::aligned_alloc(64, count * 4)), &std::free);
  const std::array buffers{reinterpret_cast<std::byte*>(x.data()),
                           reinterpret_cast<std::byte*>(y.data()),
                           reinterpret_cast<std::byte*>(out.get())};
  const std::int64_t odd = static_cast<std::int64_t>(count) - 5;
  Kernel::prepare(addition())->execute(buffers.data(), &odd, nullptr);
  std::size_t wrong = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(odd); ++k)
    wrong += out[k] == x[k] + 0.25F ? 0U : 1U;
  REQUIRE(wrong == 0);
}

TEST_CASE("Threads that own parts of a destination give what one thread gives") {
  std::vector<std::int64_t> places(5000);
  for (std::size_t k = 0; k < places.size(); ++k)
    places[k] = static_cast<std::int64_t>(k * k % 101);
  std::vector<float> in = uneven(5000 * 20), result(101 * 20, 0.5F);
  Launch launch;
  launch.sizes = {5000, 20, 101};
  launch.add(places), launch.add(in);
  same_on_all_threads(adding_rows(), launch, result);
}

TEST_CASE("The earliest failed check of all threads is reported") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, int64, Space::input, n);
  b.outer(std::array{i});
  b.stage({});
  const Value value = b.load(x, std::array{b.index(i)});
  b.check(value == 0, 1, std::array{value});
  const Program program = b.finish();
  std::vector<std::int64_t> in(1'000'000, 0);
  in[123'456] = 11;
  in[900'000] = 12;
  Launch launch;
  launch.sizes = {1'000'000};
  launch.add(in);
  const auto kernel = Kernel::prepare(program);
  const kernel::Failure failure =
      kernel->execute(launch.buffers.data(), launch.sizes.data(), nullptr);
  REQUIRE(failure.error == 1);
  REQUIRE(failure.position == 123'456);
  REQUIRE(failure.shown[0] == 11);
}

TEST_CASE("Many threads may prepare and execute one program at once") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id z = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  b.store(z, at, b.load(x, at) * b.load(x, at) + 41);
  const Program program = b.finish();
  std::vector<std::thread> all;
  std::array<float, 8> results{};
  for (std::size_t t = 0; t < results.size(); ++t) {
    all.emplace_back([&, t] {
      std::vector<float> in(100, static_cast<float>(t)), out(100);
      Launch launch;
      launch.sizes = {100};
      launch.add(in), launch.add(out);
      Kernel::prepare(program)->execute(launch.buffers.data(), launch.sizes.data(), nullptr);
      results[t] = out[99];
    });
  }
  for (std::thread& each : all) each.join();
  REQUIRE(results == std::array<float, 8>{41, 42, 45, 50, 57, 66, 77, 90});
}

}  // namespace
}  // namespace rill::cpu
