#include "tests/catch.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/kernel/philox.h>

#include "tests/kernel/launch.h"

namespace rill::kernel {
namespace {

using Words = std::array<std::uint32_t, 4>;
using Space = Buffer::Space;

TEST_CASE("Philox gives the known answers of Random123") {
  CHECK(philox(0, 0, 0) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const std::uint64_t ones = ~std::uint64_t{0};
  CHECK(philox(ones, ones, ones) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

/// One output per value, for elements 0 ... count - 1 of a draw.
template <class T>
std::vector<T> drawn(DType type, std::size_t count, std::uint64_t seed, std::uint64_t draw,
                     Value (*value)(const std::array<Value, 4>&)) {
  Builder b;
  const Value n = b.size();
  const Value key = b.parameter(uint64);
  const Value number = b.parameter(uint64);
  const Id i = b.axis(n);
  const Id y = b.buffer(type, Space::output, std::array{n}, std::array{b.integer(1)});
  b.outer(std::array{i});
  b.store(y, std::array{b.index(i)}, value(philox(key, cast(b.index(i), uint64), number)));
  std::vector<T> elements(count);
  Launch launch;
  launch.sizes = {static_cast<std::int64_t>(count)};
  launch.parameters = {seed, draw};
  launch.add(elements);
  CHECK(launch.interpret(b.finish()).error == 0);
  return elements;
}

TEST_CASE("Philox written in the kernel language gives the host's words") {
  const std::uint64_t seed = 0x123456789abcdef0;
  const std::uint64_t draw = 0xfedcba9876543210;
  const std::array<std::vector<std::uint32_t>, 4> words = {
      drawn<std::uint32_t>(uint32, 100, seed, draw,
                           [](const std::array<Value, 4>& w) { return w[0]; }),
      drawn<std::uint32_t>(uint32, 100, seed, draw,
                           [](const std::array<Value, 4>& w) { return w[1]; }),
      drawn<std::uint32_t>(uint32, 100, seed, draw,
                           [](const std::array<Value, 4>& w) { return w[2]; }),
      drawn<std::uint32_t>(uint32, 100, seed, draw,
                           [](const std::array<Value, 4>& w) { return w[3]; })};
  for (std::size_t i = 0; i < 100; ++i) {
    const Words expected = philox(seed, i, draw);
    for (std::size_t k = 0; k < 4; ++k) CHECK(words[k][i] == expected[k]);
  }
}

TEST_CASE("uniform numbers are the upper bits of the words") {
  const auto single = drawn<float>(
      float32, 64, 7, 3, [](const std::array<Value, 4>& w) { return uniform_float32(w[0]); });
  const auto twice = drawn<double>(
      float64, 64, 7, 3, [](const std::array<Value, 4>& w) { return uniform_float64(w[0], w[1]); });
  for (std::size_t i = 0; i < 64; ++i) {
    const Words words = philox(7, i, 3);
    CHECK(single[i] == std::ldexp(static_cast<float>(words[0] >> 8U), -24));
    CHECK(twice[i] ==
          std::ldexp(static_cast<double>((std::uint64_t{words[0]} << 32U | words[1]) >> 11U), -53));
  }
}

TEST_CASE("the ends of the words give finite normal numbers") {
  Builder b;
  const Value zero = b.constant(uint32, 0);
  const Value ones = b.constant_bits(uint32, 0xffffffff);
  const Id y = b.buffer(float64, Space::output, std::array{b.integer(4)}, std::array{b.integer(1)});
  b.store(y, std::array{b.integer(0)}, cast(normal_float32(zero, zero)[0], float64));
  b.store(y, std::array{b.integer(1)}, cast(normal_float32(ones, zero)[0], float64));
  b.store(y, std::array{b.integer(2)}, normal_float64({zero, zero, zero, zero})[0]);
  b.store(y, std::array{b.integer(3)}, normal_float64({ones, ones, zero, zero})[0]);
  std::vector<double> values(4);
  Launch launch;
  launch.add(values);
  launch.interpret(b.finish());
  CHECK(values[0] == Approx(6.7637).epsilon(1e-4));  // sqrt(66 log 2)
  CHECK(std::fabs(values[1]) < 1e-6);
  CHECK(values[2] == Approx(8.6524).epsilon(1e-4));  // sqrt(108 log 2)
  CHECK(std::fabs(values[3]) < 1e-7);
}

TEST_CASE("normal numbers have the moments of the standard normal distribution") {
  const auto moments = [](const auto& x) {
    std::array<double, 4> sums{};
    for (const double value : x) {
      for (int k = 0; k < 4; ++k)
        sums[static_cast<std::size_t>(k)] += std::pow(value, k + 1) / static_cast<double>(x.size());
    }
    return sums;
  };
  const auto check = [](const std::array<double, 4>& m) {
    CHECK(std::fabs(m[0]) < 0.02);
    CHECK(std::fabs(m[1] - 1) < 0.03);
    CHECK(std::fabs(m[2]) < 0.08);
    CHECK(std::fabs(m[3] - 3) < 0.2);
  };
  const std::size_t count = 40000;
  check(moments(drawn<float>(float32, count, 1, 0, [](const std::array<Value, 4>& w) {
    return normal_float32(w[0], w[1])[0];
  })));
  check(moments(drawn<float>(float32, count, 1, 0, [](const std::array<Value, 4>& w) {
    return normal_float32(w[0], w[1])[1];
  })));
  check(moments(drawn<double>(float64, count, 1, 1,
                              [](const std::array<Value, 4>& w) { return normal_float64(w)[0]; })));
  check(moments(drawn<double>(float64, count, 1, 1,
                              [](const std::array<Value, 4>& w) { return normal_float64(w)[1]; })));
}

}  // namespace
}  // namespace rill::kernel
