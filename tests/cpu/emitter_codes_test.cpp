// Every code of the kernel language, at the values where codes differ most: generated code against
// the interpreter.

#include "tests/cpu/compiled.h"

#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include <rill/kernel/builder.h>

#include "tests/catch.h"
#include "tests/kernel/programs.h"

namespace rill::cpu {
namespace {

using kernel::Builder;
using kernel::Id;
using kernel::Launch;
using kernel::line;
using kernel::Program;
using kernel::Schedule;
using kernel::Space;
using kernel::Value;

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

}  // namespace
}  // namespace rill::cpu
