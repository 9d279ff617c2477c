#include "tests/catch.h"

#include <elf.h>

#include <array>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/tensor/error.h>

#include "tests/cpu/compiled.h"

namespace rill::cpu {
namespace {

using kernel::Buffer;
using kernel::Builder;
using kernel::Id;
using kernel::Launch;
using kernel::Value;

/// z = fma(x, x, 0.1) of doubles: has constants, and at the baseline level a call.
CompiledObject sample(Level level) {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const std::array extents{n};
  const std::array strides{b.integer(1)};
  const Id x = b.buffer(float64, Buffer::Space::input, extents, strides);
  const Id z = b.buffer(float64, Buffer::Space::output, extents, strides);
  b.outer(std::array{i});
  b.stage({});
  const std::array at{b.index(i)};
  const Value value = b.load(x, at);
  b.store(z, at, fma(value, value, kernel::constant(value, 0.1)));
  CompiledObject object;
  std::string error;
  if (!compile(b.finish(), {}, level, object, error)) throw std::runtime_error(error);
  return object;
}

double result_of(const LoadedObject& code, double x) {
  std::vector<double> in{x}, out{0};
  Launch launch;
  launch.sizes = {1};
  launch.add(in), launch.add(out);
  const auto arguments = launch.arguments();
  code.run()(&arguments, 0, 1);
  return out[0];
}

TEST_CASE("Loaded code computes, moves with its object, and may call fma") {
  for (const Level level : runnable_levels()) {
    LoadedObject first(sample(level).elf);
    REQUIRE(first.finish() == nullptr);
    REQUIRE(result_of(first, 3) == 9.1);
    REQUIRE(result_of(first, 0.1) == std::fma(0.1, 0.1, 0.1));
    LoadedObject second = std::move(first);
    REQUIRE(first.run() == nullptr);  // NOLINT(bugprone-use-after-move): what moving promises
    first = LoadedObject(sample(level).elf);
    REQUIRE(result_of(first, 1) == 1.1);
    REQUIRE(result_of(second, 2) == 4.1);
  }
}

TEST_CASE("An object that is cut anywhere is refused or still runs") {
  const auto elf = sample(Level::baseline).elf;
  for (std::size_t size = 0; size < elf.size(); ++size) {
    std::optional<LoadedObject> code;
    try {
      code.emplace(std::span<const std::byte>(elf).first(size));
    } catch (const FormatError&) {
      continue;
    }
    REQUIRE(result_of(*code, 3) == 9.1);  // what was cut off is of no use to it
  }
}

TEST_CASE("An object with a changed byte is refused or refers to nothing outside of itself") {
  auto elf = sample(Level::baseline).elf;
  int refusals = 0;
  for (std::size_t i = 0; i < elf.size(); ++i) {
    for (const unsigned flip : {0x01U, 0x80U, 0xffU}) {
      elf[i] ^= static_cast<std::byte>(flip);
      try {
        const LoadedObject code(elf);  // not run: its code may be anything
        REQUIRE(code.run() != nullptr);
      } catch (const FormatError&) {
        ++refusals;
      }
      elf[i] ^= static_cast<std::byte>(flip);
    }
  }
  REQUIRE(refusals > 100);
}

TEST_CASE("What is no object for this machine is refused") {
  REQUIRE_THROWS_AS(LoadedObject(std::span<const std::byte>{}), FormatError);
  const std::vector<std::byte> text(1000, std::byte{'x'});
  REQUIRE_THROWS_AS(LoadedObject(text), FormatError);
  auto elf = sample(Level::baseline).elf;
  elf[EI_CLASS] = std::byte{ELFCLASS32};
  REQUIRE_THROWS_AS(LoadedObject(elf), FormatError);
}

}  // namespace
}  // namespace rill::cpu
