// Every float32 value through every unary function. Hours of the interpreter, minutes of generated
// code: run by `./dev test --exhaustive` only; `rill-tests "[exhaustive]" -c tanh` runs one
// function.

#include <algorithm>
#include <bit>
#include <cstdio>
#include <thread>
#include <vector>

#include "tests/catch.h"
#include "tests/kernel/math_functions.h"

namespace rill::kernel {
namespace {

struct Worst {
  double error = 0;
  float where = 0;
};

/// The largest error over the values with the bits [first, last).
Worst worst_over(const MathFunction& function, const Executable& program, std::uint64_t first,
                 std::uint64_t last) {
  Worst worst;
  std::vector<float> x(4096), y(4096);
  for (std::uint64_t begin = first; begin < last; begin += x.size()) {
    const auto size = static_cast<std::int64_t>(std::min<std::uint64_t>(x.size(), last - begin));
    const auto count = static_cast<std::size_t>(size);
    for (std::size_t i = 0; i < count; ++i) {
      x[i] = std::bit_cast<float>(static_cast<std::uint32_t>(begin + i));
    }
    std::byte* buffers[] = {reinterpret_cast<std::byte*>(x.data()),
                            reinterpret_cast<std::byte*>(y.data())};
    program.execute(buffers, &size, nullptr);
    for (std::size_t i = 0; i < count; ++i) {
      const double error = error_in_ulp(y[i], function.for_single(static_cast<double>(x[i])));
      if (error > worst.error) worst = {error, x[i]};
    }
  }
  return worst;
}

TEST_CASE("Every float32 result is within its documented bound", "[.][exhaustive]") {
  const std::uint64_t all = std::uint64_t{1} << 32;
  const std::uint64_t threads = std::max(1U, std::thread::hardware_concurrency());
  for (const MathFunction& function : math_functions) {
    DYNAMIC_SECTION(function.name) {
      const auto program =
          backend(Device::cpu()).prepare(elementwise(float32, 1, [&](std::span<const Value> x) {
            return function.body(x[0]);
          }));
      std::vector<Worst> parts(threads);
      std::vector<std::thread> workers;
      for (std::uint64_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
          parts[t] = worst_over(function, *program, all / threads * t,
                                t + 1 == threads ? all : all / threads * (t + 1));
        });
      }
      for (std::thread& worker : workers) worker.join();
      const Worst worst =
          *std::max_element(parts.begin(), parts.end(),
                            [](const Worst& a, const Worst& b) { return a.error < b.error; });
      std::printf("%-9s %.4f ULP at %a (%.9g)\n", function.name, worst.error,
                  static_cast<double>(worst.where), static_cast<double>(worst.where));
      std::fflush(stdout);
      CHECK(worst.error <= function.bound_single);
    }
  }
}

}  // namespace
}  // namespace rill::kernel
