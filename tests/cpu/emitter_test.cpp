#include "tests/catch.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include <rill/kernel/builder.h>
#include <rill/tensor/error.h>

#include "tests/cpu/compiled.h"

namespace rill::cpu {
namespace {

using kernel::Buffer;
using kernel::Builder;
using kernel::Failure;
using kernel::Fold;
using kernel::Folding;
using kernel::Id;
using kernel::Launch;
using kernel::Program;
using kernel::Schedule;
using kernel::Store;
using kernel::Value;
using Space = Buffer::Space;

/// A contiguous one-dimensional buffer.
Id line(Builder& b, DType type, Space space, const Value& extent) {
  return b.buffer(type, space, std::array{extent}, std::array{b.integer(1)});
}

Folding summing(Builder& b, DType type, std::function<Value()> term,
                Fold::Kind kind = Fold::Kind::reduce) {
  return {.kind = kind,
          .init = {b.constant(type, 0)},
          .step = [=](std::span<const Value> a) { return std::vector{a[0] + term()}; },
          .merge = [](std::span<const Value> l,
                      std::span<const Value> r) { return std::vector{l[0] + r[0]}; }};
}

std::vector<float> uneven(std::size_t count) {
  std::vector<float> x(count);
  std::uint32_t state = 1;
  for (float& value : x) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-28F;
  }
  return x;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    }
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): -0 and +0 differ here
    if (std::memcmp(&a[i], &b[i], sizeof(T)) != 0) return false;
  }
  return true;
}

/// Runs a program under every schedule at every level, in one piece and in three, and calls `look`
/// after each run. What `reset` does comes before.
void everywhere(const Program& program, Launch& launch, std::int64_t points,
                const std::function<void()>& reset, const std::function<void()>& look,
                std::size_t row_bytes = 0, bool in_pieces = true) {
  for (const Level level : runnable_levels()) {
    for (const Schedule& schedule : schedules_of(program)) {
      INFO("level " << name_of(level) << ", lanes on axis "
                    << static_cast<int>(schedule.vector_axis));
      const Compiled& compiled = compiled_once(program, schedule, level);
      reset();
      compiled.run(launch, 0, points, row_bytes);
      look();
      if (!in_pieces) continue;
      reset();
      for (const auto& [begin, end] : {std::pair{0L, points / 3}, std::pair{points / 3, points / 2},
                                       std::pair{points / 2, points}}) {
        compiled.run(launch, begin, end, row_bytes);
      }
      look();
    }
  }
}

// ---- Pointwise --------------------------------------------------------------------------------

TEST_CASE("An addition gives the sums of its operands, whatever their number") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id x = line(b, float32, Space::input, n);
  const Id y = line(b, float32, Space::input, n);
  const Id z = line(b, float32, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  b.store(z, at, b.load(x, at) + b.load(y, at));
  const Program program = b.finish();
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

// ---- Codes ------------------------------------------------------------------------------------

/// Values of a type at which its operations differ most.
std::vector<std::uint64_t> corners(DType type) {
  if (type == bool_) return {0, 1};
  if (type == float32) {
    std::vector<std::uint64_t> bits;
    for (const float x : {0.0F,
                          -0.0F,
                          1.0F,
                          -1.0F,
                          0.5F,
                          -0.5F,
                          1.5F,
                          2.5F,
                          -2.5F,
                          3.49F,
                          1e-40F,
                          -1e-45F,
                          127.5F,
                          128.0F,
                          -129.0F,
                          255.0F,
                          256.5F,
                          65535.0F,
                          65504.0F,
                          65520.0F,
                          2147483520.0F,
                          2147483648.0F,
                          -2147483648.0F,
                          4294967040.0F,
                          4294967296.0F,
                          9223371487098961920.0F,
                          9223372036854775808.0F,
                          1.8446744073709552e19F,
                          3.4028235e38F,
                          -3.4028235e38F,
                          8388607.5F,
                          8388609.0F,
                          0.1F,
                          6e-8F,
                          2.98e-8F}) {
      bits.push_back(std::bit_cast<std::uint32_t>(x));
    }
    bits.push_back(0x7f800000), bits.push_back(0xff800000), bits.push_back(0x7fc00000);
    return bits;
  }
  if (type == float64) {
    std::vector<std::uint64_t> bits;
    for (const double x : {0.0,
                           -0.0,
                           1.0,
                           -1.0,
                           0.5,
                           -0.5,
                           1.5,
                           2.5,
                           -2.5,
                           1e-310,
                           -5e-324,
                           127.5,
                           65519.99999999999,
                           65520.0,
                           1.0009765625000002,
                           5.960464477539063e-08,
                           2.9802322387695316e-08,
                           2147483647.5,
                           4294967295.5,
                           9223372036854774784.0,
                           9223372036854775808.0,
                           18446744073709549568.0,
                           18446744073709551616.0,
                           1.7976931348623157e308,
                           3.4028235677973366e38,
                           1.00390625000001,
                           4503599627370495.5,
                           0.1}) {
      bits.push_back(std::bit_cast<std::uint64_t>(x));
    }
    bits.push_back(0x7ff0000000000000U), bits.push_back(0xfff0000000000000U),
        bits.push_back(0x7ff8000000000000U);
    return bits;
  }
  if (type == float16)
    return {0,      0x8000, 1,      0x8001, 0x3ff,  0x400, 0x3c00,
            0xbc00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x3555};
  if (type == bfloat16)
    return {0,      0x8000, 1,      0x8001, 0x7f,   0x80,  0x3f80,
            0xbf80, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0x3eab};
  const auto width = size_of(type) * 8;
  const std::uint64_t all = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
  const std::uint64_t top = std::uint64_t{1} << (width - 1);
  std::vector<std::uint64_t> bits = {0,  1,         2,   3,       7,       8,   16,      31,     63,
                                     64, 100 & all, all, all - 1, all - 6, top, top - 1, top + 1};
  if (width == 64) {
    for (const std::uint64_t more : {(std::uint64_t{1} << 53) + 1, (std::uint64_t{1} << 44) + 12345,
                                     (std::uint64_t{257} << 40) + 1, std::uint64_t{16777217},
                                     (std::uint64_t{1} << 33) + (std::uint64_t{1} << 25) + 1}) {
      bits.push_back(more);
    }
  }
  return bits;
}

/// All pairs (and for three operands a rotation of them) of corners, as elements of `type`.
std::vector<std::byte> column_of(DType type, std::size_t count, std::size_t stride) {
  const auto values = corners(type);
  std::vector<std::byte> bytes(count * size_of(type));
  for (std::size_t i = 0; i < count; ++i) {
    std::memcpy(bytes.data() + i * size_of(type), &values[i / stride % values.size()],
                size_of(type));
  }
  return bytes;
}

bool is_nan(DType type, const std::byte* at) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, size_of(type));
  if (type == float32) return (bits & 0x7fffffffU) > 0x7f800000U;
  if (type == float64) return (bits & 0x7fffffffffffffffU) > 0x7ff0000000000000U;
  if (type == float16) return (bits & 0x7fffU) > 0x7c00U;
  if (type == bfloat16) return (bits & 0x7fffU) > 0x7f80U;
  return false;
}

constexpr std::array all_types = {bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                                  uint32, uint64, float16, bfloat16, float32, float64};

/// One store per line of `results`, all from the operands at point i; compares generated code with
/// the interpreter.
void compare_with_interpreter(
    const std::vector<DType>& operands, const std::vector<DType>& results,
    const std::function<std::vector<Value>(Builder&, std::span<const Value>)>& body) {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  std::vector<Id> in, out;
  for (const DType type : operands) in.push_back(line(b, type, Space::input, n));
  for (const DType type : results) out.push_back(line(b, type, Space::output, n));
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  std::vector<Value> values;
  for (const Id each : in) values.push_back(b.load(each, at));
  const std::vector<Value> made = body(b, values);
  for (std::size_t k = 0; k < made.size(); ++k) b.store(out[k], at, made[k]);
  const Program program = b.finish();

  std::size_t count = 1;
  std::vector<std::size_t> strides;
  for (const DType type : operands) {
    strides.push_back(count);
    count *= corners(type).size();
    if (strides.size() == 3) count = std::min<std::size_t>(count, 20000);
  }
  count += 5;
  std::vector<std::vector<std::byte>> data, expected;
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(count)};
  for (std::size_t k = 0; k < operands.size(); ++k)
    data.push_back(column_of(operands[k], count, strides[k]));
  for (auto& each : data) launch.add(each);
  for (const DType type : results) expected.emplace_back(count * size_of(type));
  for (auto& each : expected) launch.add(each);
  launch.interpret(program);
  for (const Level level : runnable_levels()) {
    for (const Schedule& schedule : schedules_of(program)) {
      const Compiled compiled(program, schedule, level);
      std::vector<std::vector<std::byte>> found;
      for (const DType type : results) found.emplace_back(count * size_of(type));
      Launch again;
      again.sizes = launch.sizes;
      for (auto& each : data) again.add(each);
      for (auto& each : found) again.add(each);
      compiled.run(again, 0, static_cast<std::int64_t>(count));
      for (std::size_t k = 0; k < results.size(); ++k) {
        const std::size_t width = size_of(results[k]);
        for (std::size_t j = 0; j < count; ++j) {
          const std::byte* a = found[k].data() + j * width;
          const std::byte* e = expected[k].data() + j * width;
          if (std::memcmp(a, e, width) == 0 || (is_nan(results[k], a) && is_nan(results[k], e)))
            continue;
          std::uint64_t got = 0, wanted = 0;
          std::memcpy(&got, a, width);
          std::memcpy(&wanted, e, width);
          INFO("level " << name_of(level) << ", axis " << static_cast<int>(schedule.vector_axis)
                        << ", result " << k << " of type " << name(results[k]) << ", point " << j
                        << ": " << got << " for " << wanted);
          for (std::size_t o = 0; o < operands.size(); ++o) {
            std::uint64_t bits = 0;
            std::memcpy(&bits, data[o].data() + j * size_of(operands[o]), size_of(operands[o]));
            UNSCOPED_INFO("operand " << o << " " << name(operands[o]) << " " << bits);
          }
          REQUIRE(false);
        }
      }
    }
  }
}

TEST_CASE("Casts between all types give what the interpreter gives") {
  for (const DType from : all_types) {
    compare_with_interpreter({from}, {all_types.begin(), all_types.end()},
                             [](Builder&, std::span<const Value> x) {
                               std::vector<Value> all;
                               for (const DType to : all_types) all.push_back(cast(x[0], to));
                               return all;
                             });
  }
}

TEST_CASE("Arithmetic of integers gives what the interpreter gives") {
  for (const DType type : {int8, int16, int32, int64, uint8, uint16, uint32, uint64}) {
    compare_with_interpreter(
        {type, type}, std::vector<DType>(15, type), [](Builder&, std::span<const Value> v) {
          const Value x = v[0];
          const Value y = v[1];
          return std::vector{x + y,  x - y, x * y, x / y, x % y, minimum(x, y), maximum(x, y), -x,
                             abs(x), x & y, x | y, x ^ y, ~x,    x << y,        x >> y};
        });
  }
}

TEST_CASE("Arithmetic of floats gives what the interpreter gives") {
  for (const DType type : {float32, float64}) {
    compare_with_interpreter({type, type}, std::vector<DType>(15, type),
                             [](Builder&, std::span<const Value> v) {
                               const Value x = v[0];
                               const Value y = v[1];
                               return std::vector{x + y,
                                                  x - y,
                                                  x * y,
                                                  x / y,
                                                  minimum(x, y),
                                                  maximum(x, y),
                                                  -x,
                                                  abs(x),
                                                  sqrt(x),
                                                  floor(x),
                                                  ceil(x),
                                                  trunc(x),
                                                  round_even(x),
                                                  select(x < y, x, y),
                                                  copysign(x, y)};
                             });
    compare_with_interpreter({type, type, type}, {type}, [](Builder&, std::span<const Value> v) {
      return std::vector{fma(v[0], v[1], v[2])};
    });
  }
}

TEST_CASE("Comparisons give what the interpreter gives") {
  for (const DType type : {bool_, int8, int32, int64, uint8, uint64, float32, float64}) {
    compare_with_interpreter(
        {type, type}, std::vector<DType>(4, bool_), [](Builder&, std::span<const Value> v) {
          return std::vector{v[0] == v[1], v[0] != v[1], v[0] < v[1], v[0] <= v[1]};
        });
  }
}

// ---- Folds ------------------------------------------------------------------------------------

/// out[i] = sum over j of x[i, j], both strides given.
Program sums(DType type, std::int64_t stride_i, std::int64_t stride_j) {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Value free = b.size();
  const auto stride = [&](std::int64_t fixed) { return fixed == 0 ? free : b.integer(fixed); };
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id x = b.buffer(type, Space::input, std::array{n, m},
                        std::array{stride(stride_i), stride(stride_j)});
  const Id out = line(b, type, Space::output, n);
  b.outer(std::array{i});
  b.stage({});
  const auto total =
      b.fold(std::array{j},
             summing(b, type, [&] { return b.load(x, std::array{b.index(i), b.index(j)}); }));
  b.store(out, std::array{b.index(i)}, total[0]);
  return b.finish();
}

TEST_CASE("Sums of rows and of columns have the documented order, whatever the schedule") {
  for (const std::int64_t m : {0, 1, 3, 16, 17, 500, 512, 513, 2048, 2100, 5000}) {
    const std::int64_t n = m > 1000 ? 19 : 37;
    std::vector<float> in = uneven(static_cast<std::size_t>(n * std::max<std::int64_t>(m, 1)));
    for (const bool rows : {true, false}) {
      const Program program = rows ? sums(float32, 0, 1) : sums(float32, 1, 0);
      std::vector<float> out(static_cast<std::size_t>(n)), expected(static_cast<std::size_t>(n));
      Launch launch;
      launch.sizes = {n, m, rows ? m : n};
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
  const Program program = sums(int32, 0, 1);
  std::vector<std::int32_t> in(1000), out(1);
  std::iota(in.begin(), in.end(), 1);
  Launch launch;
  launch.sizes = {1, 1000, 1000};
  launch.add(in), launch.add(out);
  everywhere(program, launch, 1, [&] { out = {0}; }, [&] { REQUIRE(out[0] == 500500); }, 0, false);
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

/// The largest element and where it first stands, of rows or columns.
TEST_CASE("A fold with two accumulators finds the largest element and its place") {
  for (const bool rows : {true, false}) {
    Builder b;
    const Value n = b.size();
    const Value m = b.size();
    const Id i = b.axis(n);
    const Id j = b.axis(m);
    const auto strides = rows ? std::array{m, b.integer(1)} : std::array{b.integer(1), n};
    const Id x = b.buffer(float32, Space::input, std::array{n, m}, strides);
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
    const auto strides = rows ? std::array{m, b.integer(1)} : std::array{b.integer(1), n};
    const Id x = b.buffer(float32, Space::input, std::array{n, m}, strides);
    const Id out = b.buffer(float32, Space::output, std::array{n, m}, strides);
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

TEST_CASE("A scan stores each prefix, chunk by chunk") {
  for (const bool rows : {true, false}) {
    for (const std::int64_t m : {1, 5, 512, 513, 1300}) {
      Builder b;
      const Value n = b.size();
      const Value length = b.size();
      const Id i = b.axis(n);
      const Id j = b.axis(length);
      const auto strides = rows ? std::array{length, b.integer(1)} : std::array{b.integer(1), n};
      const Id x = b.buffer(float32, Space::input, std::array{n, length}, strides);
      const Id out = b.buffer(float32, Space::output, std::array{n, length}, strides);
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
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(b.integer(10));
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
    for (int step = 0; step < 10; ++step) {
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

// ---- Effects ----------------------------------------------------------------------------------

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
  Builder b;
  const Value n = b.size();
  const Value w = b.size();
  const Value limit = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(w);
  const Id where = line(b, int64, Space::input, n);
  const Id x = b.buffer(float32, Space::input, std::array{n, w}, std::array{w, b.integer(1)});
  const Id out =
      b.buffer(float32, Space::in_out, std::array{limit, w}, std::array{w, b.integer(1)});
  b.outer(std::array{i, j});
  b.stage({});
  b.store(out, std::array{b.load(where, std::array{b.index(i)}), b.index(j)},
          b.load(x, std::array{b.index(i), b.index(j)}), Store::Mode::add, false);
  const Program program = b.finish();
  REQUIRE(kernel::may_be_owned(program));
  REQUIRE(kernel::jumping_loads(program, kernel::Dependence(program), true).size() == 1);
  const std::size_t count = 100, width = 20, rows = 9;
  std::vector<std::int64_t> places(count);
  std::vector<float> in = uneven(count * width), result(rows * width), expected(rows * width, 0);
  for (std::size_t k = 0; k < count; ++k) {
    places[k] = static_cast<std::int64_t>(k * k % rows);
    for (std::size_t c = 0; c < width; ++c)
      expected[static_cast<std::size_t>(places[k]) * width + c] += in[k * width + c];
  }
  Launch launch;
  launch.sizes = {100, 20, 9};
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
