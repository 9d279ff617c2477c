// Generated code that reads, computes and stores at each point: layouts, gathers, padding.

#include "tests/cpu/compiled.h"

#include <array>
#include <bit>
#include <numeric>
#include <vector>

#include <rill/kernel/builder.h>

#include "tests/catch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::addition;
using kernel::Builder;
using kernel::Id;
using kernel::Launch;
using kernel::line;
using kernel::Program;
using kernel::Space;
using kernel::uneven;
using kernel::Value;

TEST_CASE("A long body, which is one loop for whole vectors and for the last one, stores all") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id out = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const Value given = b.load(x, std::array{b.index(i)});
  Value value = given;
  for (int k = 0; k < 60; ++k) value = value * 0.5 + given;
  b.store(out, std::array{b.index(i)}, value);
  const Program program = b.finish();
  for (const std::size_t count : {1U, 15U, 16U, 17U, 50U}) {
    std::vector<float> in = uneven(count), result(count + 1), expected(count + 1, -1);
    Launch launch;
    launch.sizes = {static_cast<std::int64_t>(count)};
    launch.add(in), launch.add(expected);
    launch.interpret(program);
    launch.buffers.pop_back();
    launch.add(result);
    everywhere(
        program, launch, static_cast<std::int64_t>(count), [&] { result.assign(count + 1, -1); },
        [&] { REQUIRE(same_bits(result, expected)); });
  }
}

TEST_CASE("An addition gives the sums of its operands, whatever their number") {
  const Program program = addition();
  for (const std::size_t count : {1U, 4U, 15U, 16U, 17U, 64U, 100U}) {
    std::vector<float> in(count), more(count), out(count + 1), expected(count + 1, 7);
    for (std::size_t k = 0; k < count; ++k) {
      in[k] = static_cast<float>(k);
      more[k] = 0.5F;
      expected[k] = static_cast<float>(k) + 0.5F;
    }
    Launch launch;
    launch.sizes = {static_cast<std::int64_t>(count)};
    launch.add(in), launch.add(more), launch.add(out);
    everywhere(
        program, launch, static_cast<std::int64_t>(count), [&] { out.assign(count + 1, 7); },
        [&] { REQUIRE(out == expected); });
  }
}

TEST_CASE("Rows, columns and numbers are broadcast over a matrix of run-time strides") {
  Builder b;
  const Value rows = b.size();
  const Value columns = b.size();
  const Value stride = b.size();
  const Value scale = b.parameter(float32);
  const Id r = b.axis(rows);
  const Id c = b.axis(columns);
  const Id x =
      b.buffer(float32, Space::input, std::array{rows, columns}, std::array{stride, b.integer(1)});
  const Id row = b.buffer(float32, Space::input, std::array{rows, columns},
                          std::array{b.integer(0), b.integer(1)});
  const Id column = b.buffer(float32, Space::input, std::array{rows, columns},
                             std::array{b.integer(1), b.integer(0)});
  const Id out = b.buffer(float32, Space::output, std::array{rows, columns},
                          std::array{columns, b.integer(1)});
  b.outer(std::array{r, c});
  b.stage({});
  const std::array at{b.index(r), b.index(c)};
  b.store(out, at, b.load(x, at) * scale + b.load(row, at) - b.load(column, at));
  const Program program = b.finish();
  const std::size_t h = 5, w = 37;
  std::vector<float> in = uneven(h * 40), down = uneven(w), across = uneven(h), result(h * w),
                     expected(h * w);
  for (std::size_t i = 0; i < h; ++i) {
    for (std::size_t j = 0; j < w; ++j) {
      const float product = in[i * 40 + j] * 1.5F;
      expected[i * w + j] = product + down[j] - across[i];
    }
  }
  Launch launch;
  launch.sizes = {5, 37, 40};
  launch.parameters = {std::bit_cast<std::uint32_t>(1.5F)};
  launch.add(in), launch.add(down), launch.add(across), launch.add(result);
  everywhere(
      program, launch, 5 * 37, [&] { result.assign(h * w, -1); },
      [&] { REQUIRE(result == expected); });
}

TEST_CASE("Steps of 2, of -1 and of a number known at run time are read in order") {
  for (const std::int64_t step : {2, -1, -2, 3, 0}) {  // 0: known at run time only
    Builder b;
    const Value n = b.size();
    const Value stride = b.size();
    const Id i = b.axis(n);
    const Id x = b.buffer(int32, Space::input, std::array{n},
                          std::array{step == 0 ? stride : b.integer(step)});
    const Id z = line(b, int32, Space::output, n);
    b.outer(std::array{i});
    b.stage({});
    b.store(z, std::array{b.index(i)}, b.load(x, std::array{b.index(i)}));
    const Program program = b.finish();
    const std::int64_t real = step == 0 ? 5 : step;
    std::vector<std::int32_t> in(200), out(33), expected(33);
    std::iota(in.begin(), in.end(), 0);
    const std::int64_t first = real < 0 ? 199 : 0;
    for (std::size_t k = 0; k < 33; ++k)
      expected[k] = static_cast<std::int32_t>(first + real * static_cast<std::int64_t>(k));
    Launch launch;
    launch.sizes = {33, 5};
    launch.add(in, static_cast<std::size_t>(first)), launch.add(out);
    everywhere(program, launch, 33, [&] { out.assign(33, -1); }, [&] { REQUIRE(out == expected); });
  }
}

TEST_CASE("A gather reads where another buffer says, and a guard keeps it from reading at all") {
  Builder b;
  const Value n = b.size();
  const Value limit = b.size();
  const Id i = b.axis(n);
  const Id where = line(b, int64, Space::input, n);
  const Id table = line(b, float32, Space::input, limit);
  const Id out = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const Value at = b.load(where, std::array{b.index(i)});
  const Value inside = (at >= 0) && (at < limit);
  b.store(out, std::array{b.index(i)},
          b.load(table, std::array{at}, inside, b.constant(float32, -1)));
  const Program program = b.finish();
  std::vector<std::int64_t> places = {0, 3, 1000000000, -1, 2, 2, 1, 0, 3, 3, 3, -1000000000000,
                                      1, 1, 1,          0,  3, 7, 2};
  std::vector<float> values = {10, 11, 12, 13};
  std::vector<float> result(places.size());
  const std::vector<float> expected = {10, 13, -1, -1, 12, 12, 11, 10, 13, 13,
                                       13, -1, 11, 11, 11, 10, 13, -1, 12};
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(places.size()), 4};
  launch.add(places), launch.add(values), launch.add(result);
  everywhere(
      program, launch, static_cast<std::int64_t>(places.size()),
      [&] { result.assign(places.size(), 99); }, [&] { REQUIRE(result == expected); });
}

TEST_CASE("Padding reads neighbours where there are any and its value elsewhere") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n + b.integer(8));
  const Id x = line(b, int16, Space::input, n);
  const Id out = line(b, int16, Space::output, n + b.integer(8));
  b.outer(std::array{i});
  b.stage({});
  const Value at = b.index(i) - b.integer(3);
  b.store(out, std::array{b.index(i)},
          b.load(x, std::array{at}, at >= 0 && at < n, b.constant(int16, 7)));
  const Program program = b.finish();
  std::vector<std::int16_t> in(30), result(38), expected(38, 7);
  std::iota(in.begin(), in.end(), std::int16_t{100});
  for (std::size_t k = 0; k < 30; ++k) expected[k + 3] = in[k];
  Launch launch;
  launch.sizes = {30};
  launch.add(in), launch.add(result);
  everywhere(
      program, launch, 38, [&] { result.assign(38, 0); }, [&] { REQUIRE(result == expected); });
}

TEST_CASE("A bool is read as false or true and stored as 0 or 1") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, bool_, Space::input, n);
  const Id z = line(b, bool_, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  b.store(z, at, !b.load(x, at));
  const Program program = b.finish();
  std::vector<std::uint8_t> in(40), out(40), expected(40);
  for (std::size_t k = 0; k < 40; ++k) {
    in[k] = k % 3 == 0 ? 0 : static_cast<std::uint8_t>(k);
    expected[k] = k % 3 == 0 ? 1 : 0;
  }
  Launch launch;
  launch.sizes = {40};
  launch.add(in), launch.add(out);
  everywhere(program, launch, 40, [&] { out.assign(40, 9); }, [&] { REQUIRE(out == expected); });
}

}  // namespace
}  // namespace rill::cpu
