// Folds in generated code: the documented order, accumulators, rows, scans, sequences.

#include "tests/cpu/compiled.h"

#include <array>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

#include <rill/kernel/builder.h>

#include "tests/catch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::Builder;
using kernel::Fold;
using kernel::Folding;
using kernel::Id;
using kernel::Launch;
using kernel::line;
using kernel::matrix;
using kernel::Program;
using kernel::shares;
using kernel::Space;
using kernel::summing;
using kernel::sums;
using kernel::uneven;
using kernel::Value;

TEST_CASE("Sums of rows and of columns have the documented order, whatever the schedule") {
  for (const std::int64_t m : {0, 1, 3, 16, 17, 500, 512, 513, 2048, 2100, 5000}) {
    const std::int64_t n = m > 1000 ? 19 : 37;
    std::vector<float> in = uneven(static_cast<std::size_t>(n * std::max<std::int64_t>(m, 1)));
    for (const bool rows : {true, false}) {
      const Program program = sums(float32, rows);
      std::vector<float> out(static_cast<std::size_t>(n)), expected(static_cast<std::size_t>(n));
      Launch launch;
      launch.sizes = {n, m};
      launch.add(in), launch.add(expected);
      launch.interpret(program);
      launch.buffers.pop_back();
      launch.add(out);
      INFO("m " << m << (rows ? " rows" : " columns"));
      everywhere(
          program, launch, n, [&] { out.assign(out.size(), -1); },
          [&] { REQUIRE(same_bits(out, expected)); });
    }
  }
}

TEST_CASE("A sum of 1 to 1000 is 500500") {
  const Program program = sums(int32, true);
  std::vector<std::int32_t> in(1000), out(1);
  std::iota(in.begin(), in.end(), 1);
  Launch launch;
  launch.sizes = {1, 1000};
  launch.add(in), launch.add(out);
  everywhere(program, launch, 1, [&] { out = {0}; }, [&] { REQUIRE(out[0] == 500500); }, 0, false);
}

TEST_CASE("Rows that take turns are changed once, also where fewer are left than take turns") {
  Builder b;  // x[i, j] -= sum over j of x[i, j], by way of a row of scratch
  const Value n = b.size();
  const Value m = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id k = b.axis(m);
  const Id l = b.axis(m);
  const Id x = matrix(b, int32, Space::in_out, n, m, true);
  const Id row = b.row(int32, std::array{m});
  b.outer(std::array{i});
  b.stage(std::array{j});
  b.store(row, std::array{b.index(j)}, b.load(x, std::array{b.index(i), b.index(j)}));
  b.stage({});
  const auto total =
      b.fold(std::array{k}, summing(b, int32, [&] { return b.load(row, std::array{b.index(k)}); }));
  b.stage(std::array{l});
  const std::array at{b.index(i), b.index(l)};
  b.store(x, at, b.load(x, at) - total[0]);
  const Program program = b.finish();
  kernel::Schedule schedule{.vector_axis = k};
  for (const unsigned turns : {2U, 4U, 8U}) {
    schedule.interleave = static_cast<std::uint8_t>(turns);
    REQUIRE(kernel::interleaves(program, schedule));
    for (const std::int64_t rows : {1, 3, 4, 6, 11}) {
      std::vector<std::int32_t> values(static_cast<std::size_t>(rows) * 20, 1);
      Launch launch;
      launch.sizes = {rows, 20};
      launch.add(values);
      for (const Level level : runnable_levels()) {
        values.assign(values.size(), 1);
        const std::size_t row_bytes = std::size_t{turns} * 20 * sizeof(std::int32_t) + 64;
        compiled_once(program, schedule, level).run(launch, 0, rows, row_bytes);
        INFO(rows << " rows, " << turns << " take turns, " << name_of(level));
        REQUIRE(values == std::vector<std::int32_t>(values.size(), 1 - 20));
      }
    }
  }
}

TEST_CASE("A reduction over two axes numbers its elements in row-major order") {
  for (const std::int64_t w : {1, 3, 16, 21, 32, 600}) {
    Builder b;
    const Value n = b.size();
    const Value h = b.size();
    const Value width = b.size();
    const Id i = b.axis(n);
    const Id y = b.axis(h);
    const Id x = b.axis(width);
    // (h, n, w) in memory: the two axes are not neighbours.
    const Id in = b.buffer(float32, Space::input, std::array{h, n, width},
                           std::array{n * width, width, b.integer(1)});
    const Id out = line(b, float32, Space::output, n);
    b.outer(std::array{i});
    b.stage({});
    const auto total = b.fold(std::array{y, x}, summing(b, float32, [&] {
                                return b.load(in, std::array{b.index(y), b.index(i), b.index(x)});
                              }));
    b.store(out, std::array{b.index(i)}, total[0]);
    const Program program = b.finish();
    const std::int64_t rows = 61;
    std::vector<float> values = uneven(static_cast<std::size_t>(rows * 18 * w)), sum(18),
                       expected(18);
    Launch launch;
    launch.sizes = {18, rows, w};
    launch.add(values), launch.add(expected);
    launch.interpret(program);
    launch.buffers.pop_back();
    launch.add(sum);
    INFO("w " << w);
    everywhere(
        program, launch, 18, [&] { sum.assign(18, -1); },
        [&] { REQUIRE(same_bits(sum, expected)); });
  }
}

TEST_CASE("A fold with two accumulators finds the largest element and its place") {
  for (const bool rows : {true, false}) {
    Builder b;
    const Value n = b.size();
    const Value m = b.size();
    const Id i = b.axis(n);
    const Id j = b.axis(m);
    const Id x = matrix(b, float32, Space::input, n, m, rows);
    const Id out = line(b, int64, Space::output, n);
    b.outer(std::array{i});
    b.stage({});
    const auto better = [](const Value& a, const Value& at, const Value& other,
                           const Value& other_at) {
      const Value take = other > a || (other == a && other_at < at);
      return std::vector{select(take, other, a), select(take, other_at, at)};
    };
    const auto found = b.fold(
        std::array{j},
        Folding{.init = {b.constant(float32, -std::numeric_limits<double>::infinity()),
                         b.integer(std::numeric_limits<std::int64_t>::max())},
                .step =
                    [&](std::span<const Value> a) {
                      return better(a[0], a[1], b.load(x, std::array{b.index(i), b.index(j)}),
                                    b.index(j));
                    },
                .merge = [&](std::span<const Value> l,
                             std::span<const Value> r) { return better(l[0], l[1], r[0], r[1]); }});
    b.store(out, std::array{b.index(i)}, found[1]);
    const Program program = b.finish();
    std::vector<float> in(40 * 700, 0);
    std::vector<std::int64_t> place(40), expected(40);
    for (std::size_t k = 0; k < 40; ++k) {
      expected[k] = static_cast<std::int64_t>(k * 17);
      for (const std::size_t at : {k * 17, k * 17 + 20}) in[rows ? k * 700 + at : at * 40 + k] = 5;
    }
    Launch launch;
    launch.sizes = {40, 700};
    launch.add(in), launch.add(place);
    everywhere(
        program, launch, 40, [&] { place.assign(40, -1); }, [&] { REQUIRE(place == expected); });
  }
}

TEST_CASE("A softmax keeps its exponentials in a row and reads them twice") {
  for (const bool rows : {true, false}) {
    Builder b;
    const Value n = b.size();
    const Value m = b.size();
    const Id i = b.axis(n);
    const Id j = b.axis(m);
    const Id k = b.axis(m);
    const Id l = b.axis(m);
    const Id x = matrix(b, float32, Space::input, n, m, rows);
    const Id out = matrix(b, float32, Space::output, n, m, rows);
    const Id row = b.row(float32, std::array{m});
    b.outer(std::array{i});
    b.stage(std::array{j});
    const Value from = b.load(x, std::array{b.index(i), b.index(j)});
    b.store(row, std::array{b.index(j)}, from * from);
    b.stage({});
    const auto total = b.fold(
        std::array{k}, summing(b, float32, [&] { return b.load(row, std::array{b.index(k)}); }));
    b.stage(std::array{l});
    b.store(out, std::array{b.index(i), b.index(l)},
            b.load(row, std::array{b.index(l)}) / total[0]);
    const Program program = b.finish();
    const std::size_t count = 35, length = 600;
    std::vector<float> in = uneven(count * length), result(in.size()), expected(in.size());
    Launch launch;
    launch.sizes = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(length)};
    launch.add(in), launch.add(expected);
    launch.interpret(program);
    launch.buffers.pop_back();
    launch.add(result);
    everywhere(
        program, launch, static_cast<std::int64_t>(count), [&] { result.assign(in.size(), -1); },
        [&] { REQUIRE(same_bits(result, expected)); }, length * 4 * 256 + 64);
  }
}

TEST_CASE("Asking for the next row while one is walked over again changes nothing") {
  const Program program = shares(true);
  const kernel::Dependence dependence(program);
  REQUIRE(kernel::repeated_loads(program, dependence).size() == 1);
  REQUIRE(kernel::repeated_loads(shares(false), kernel::Dependence(shares(false))).empty());
  REQUIRE(
      kernel::repeated_loads(sums(float32, true), kernel::Dependence(sums(float32, true))).empty());
  const std::size_t count = 9, length = 70;
  std::vector<float> in = uneven(count * length), result(in.size()), expected(in.size());
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(count), static_cast<std::int64_t>(length)};
  launch.add(in), launch.add(expected);
  launch.interpret(program);
  launch.buffers.pop_back();
  launch.add(result);
  for (const Level level : runnable_levels()) {
    kernel::Schedule schedule = kernel::choose(program, dependence);
    schedule.prefetches = true;
    const Compiled compiled(program, schedule, level);
    result.assign(in.size(), -1);
    compiled.run(launch, 0, static_cast<std::int64_t>(count));
    REQUIRE(same_bits(result, expected));
  }
}

TEST_CASE("A scan stores each prefix, chunk by chunk") {
  for (const bool rows : {true, false}) {
    for (const std::int64_t m : {1, 5, 512, 513, 1300}) {
      Builder b;
      const Value n = b.size();
      const Value length = b.size();
      const Id i = b.axis(n);
      const Id j = b.axis(length);
      const Id x = matrix(b, float32, Space::input, n, length, rows);
      const Id out = matrix(b, float32, Space::output, n, length, rows);
      b.outer(std::array{i});
      b.stage({});
      const std::array at{b.index(i), b.index(j)};
      const auto prefix = b.fold(
          std::array{j}, summing(b, float32, [&] { return b.load(x, at); }, Fold::Kind::scan));
      b.store(out, at, prefix[0]);
      const Program program = b.finish();
      std::vector<float> in = uneven(static_cast<std::size_t>(20 * m)), result(in.size()),
                         expected(in.size());
      Launch launch;
      launch.sizes = {20, m};
      launch.add(in), launch.add(expected);
      launch.interpret(program);
      launch.buffers.pop_back();
      launch.add(result);
      everywhere(
          program, launch, 20, [&] { result.assign(in.size(), -1); },
          [&] { REQUIRE(same_bits(result, expected)); });
    }
  }
}

TEST_CASE("A sequence takes its elements one after the other") {
  const std::int64_t count = GENERATE(10, 20);  // short ones are written out
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(b.integer(count));
  const Id x = line(b, float32, Space::input, n);
  const Id out = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const Value start = b.load(x, std::array{b.index(i)});
  const auto last = b.fold(
      std::array{j}, Folding{.kind = Fold::Kind::sequence,
                             .init = {start},
                             .step =
                                 [&](std::span<const Value> a) {
                                   return std::vector{a[0] * a[0] - cast(b.index(j), float32)};
                                 },
                             .merge = {}});
  b.store(out, std::array{b.index(i)}, last[0]);
  const Program program = b.finish();
  std::vector<float> in(300), result(300), expected(300);
  for (std::size_t k = 0; k < 300; ++k) {
    in[k] = static_cast<float>(k) * 0.001F;
    expected[k] = in[k];
    for (int step = 0; step < count; ++step) {
      const float square = expected[k] * expected[k];
      expected[k] = square - static_cast<float>(step);
    }
  }
  Launch launch;
  launch.sizes = {300};
  launch.add(in), launch.add(result);
  everywhere(
      program, launch, 300, [&] { result.assign(300, -1); },
      [&] { REQUIRE(same_bits(result, expected)); });
}

}  // namespace
}  // namespace rill::cpu
