// What generated code leaves behind when points meet or fail: updates in order, checks, bounds.

#include "tests/cpu/compiled.h"

#include <array>
#include <vector>

#include <rill/kernel/builder.h>

#include "tests/catch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::adding_rows;
using kernel::Builder;
using kernel::Failure;
using kernel::Id;
using kernel::Launch;
using kernel::line;
using kernel::Program;
using kernel::Schedule;
using kernel::Space;
using kernel::Store;
using kernel::uneven;
using kernel::Value;

TEST_CASE("Updates that meet one element are applied in index order") {
  Builder b;
  const Value n = b.size();
  const Value limit = b.size();
  const Id i = b.axis(n);
  const Id where = line(b, int64, Space::input, n);
  const Id x = line(b, float32, Space::input, n);
  const Id out = line(b, float32, Space::in_out, limit);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  b.store(out, std::array{b.load(where, at)}, b.load(x, at), Store::Mode::add, false);
  const Program program = b.finish();
  const std::size_t count = 1000;
  std::vector<std::int64_t> places(count);
  const std::vector<float> values = uneven(count);
  std::vector<float> in = values, result(7), expected(7, 0);
  for (std::size_t k = 0; k < count; ++k) {
    places[k] = static_cast<std::int64_t>(k * k % 7);
    expected[static_cast<std::size_t>(places[k])] += values[k];
  }
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(count), 7};
  launch.add(places), launch.add(in), launch.add(result);
  everywhere(
      program, launch, static_cast<std::int64_t>(count), [&] { result.assign(7, 0); },
      [&] { REQUIRE(same_bits(result, expected)); });
}

TEST_CASE("The owner of part of a destination applies what falls into it") {
  const Program program = adding_rows();
  REQUIRE(kernel::may_be_owned(program));
  REQUIRE(kernel::jumping_loads(program, kernel::Dependence(program), true).size() == 1);
  const std::size_t count = 2500, width = 20, rows = 9;  // more than are listed at a time
  std::vector<std::int64_t> places(count);
  std::vector<float> in = uneven(count * width), result(rows * width), expected(rows * width, 0);
  for (std::size_t k = 0; k < count; ++k) {
    places[k] = static_cast<std::int64_t>(k * k % rows);
    for (std::size_t c = 0; c < width; ++c)
      expected[static_cast<std::size_t>(places[k]) * width + c] += in[k * width + c];
  }
  Launch launch;
  launch.sizes = {2500, 20, 9};
  launch.add(places), launch.add(in), launch.add(result);
  for (const Level level : runnable_levels()) {
    Schedule schedule = kernel::choose(program, kernel::Dependence(program));
    schedule.map = Schedule::Map::owned;
    for (const bool prefetches : {false, true}) {
      schedule.prefetches = prefetches;
      const Compiled compiled(program, schedule, level);
      result.assign(result.size(), 0);
      compiled.run(launch, 5, 9);
      compiled.run(launch, 0, 5);
      REQUIRE(same_bits(result, expected));
    }
  }
}

TEST_CASE("The first failed check is reported with what it shows") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, int64, Space::input, n);
  const Id out = line(b, int64, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const Value value = b.load(x, std::array{b.index(i)});
  b.check(value < 100, 3, std::array{value, b.index(i)});
  b.check(value >= 0, 4, std::array{value});
  b.store(out, std::array{b.index(i)}, value);
  const Program program = b.finish();
  std::vector<std::int64_t> in(50, 1), result(50);
  in[20] = 107;
  in[40] = 300;
  in[19] = -5;
  Launch launch;
  launch.sizes = {50};
  launch.add(in), launch.add(result);
  everywhere(
      program, launch, 50, [] {},
      [&] {
        REQUIRE(launch.failure.error == 2);
        REQUIRE(launch.failure.position == 19);
        REQUIRE(launch.failure.shown_count == 1);
        REQUIRE(launch.failure.shown[0] == -5);
        REQUIRE(result == in);
      },
      0, false);
  in[19] = 5;
  everywhere(
      program, launch, 50, [] {},
      [&] {
        REQUIRE(launch.failure.error == 1);
        REQUIRE(launch.failure.position == 20);
        REQUIRE(launch.failure.shown[0] == 107);
        REQUIRE(launch.failure.shown[1] == 20);
      },
      0, false);
}

TEST_CASE("With bounds checks an access outside its buffer is reported and touches nothing") {
  Builder b;
  const Value n = b.size();
  const Value limit = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, limit);
  const Id out = line(b, float32, Space::output, limit);
  b.outer(std::array{i});
  b.stage({});
  b.store(out, std::array{b.index(i)}, b.load(x, std::array{b.index(i)}) + 1);
  const Program program = b.finish();
  std::vector<float> in(30, 1), result(31, 5), expected(31, 2);
  expected[30] = 5;
  Launch launch;
  launch.sizes = {31, 30};
  launch.add(in), launch.add(result);
  for (const Level level : runnable_levels()) {
    for (Schedule schedule : schedules_of(program)) {
      schedule.bounds_checks = true;
      const Compiled compiled(program, schedule, level);
      result.assign(31, 5);
      REQUIRE(compiled.run(launch, 0, 31).error == Failure::bounds);
      REQUIRE(result == expected);
      REQUIRE(compiled.run(launch, 0, 30).error == 0);
    }
  }
}

}  // namespace
}  // namespace rill::cpu
