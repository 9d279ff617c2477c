#include "tests/catch.h"
#include "tests/kernel/programs.h"

#include <array>
#include <string>

#include <rill/kernel/builder.h>

namespace rill::kernel {
namespace {

TEST_CASE("a pointwise program prints as a loop over a store") {
  Builder b;
  const Value n = b.size();
  const Value stride = b.size();
  const Value p = b.parameter(float32);
  const Id x =
      b.buffer(float32, Space::input, std::array{n}, std::array{stride}, {.no_alias = true});
  const Id y = b.buffer(float16, Space::output, std::array{n}, std::array{b.integer(1)},
                        {.aligned = true, .wide_index = false});
  const Id i = b.axis(n);
  b.outer(std::array{i});
  const Value v = b.load(x, std::array{b.index(i)});
  b.store(y, std::array{b.index(i)}, cast(fma(v, v, (v + p) * -2.5), float16));
  CHECK(text(b.finish()) ==
        "parameter p0: float32\n"
        "input b0: float32[s0] strides [s1], no alias\n"
        "output b1: float16[s0] strides [1], aligned, 32-bit offsets\n"
        "for i0 in s0:\n"
        "  stage:\n"
        "    %4 = b0[i0]\n"
        "    b1[i0] = float16(fma(%4, %4, (%4 + p0) * -2.5))\n");
}

TEST_CASE("folds, rows, guards and checks print in their scopes") {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  const Value one = b.integer(1);
  const Id i = b.axis(n);
  const Id j = b.axis(m);
  const Id k = b.axis(m);
  const Id index = b.buffer(int64, Space::input, std::array{n}, std::array{one});
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, std::array{m, one});
  const Id y = b.buffer(float32, Space::in_out, std::array{n, m}, std::array{m, one});
  const Id row = b.row(float32, std::array{m});
  b.outer(std::array{i});
  const Value at = b.load(index, std::array{b.index(i)});
  const Value ok = (b.integer(0) <= at) & (at < n);
  const auto sum = b.fold(std::array{j}, {.init = {b.constant(float32, 0)},
                                          .step =
                                              [&](std::span<const Value> a) {
                                                const Value v =
                                                    b.load(x, std::array{b.index(i), b.index(j)},
                                                           ok, b.constant(float32, 1));
                                                return std::vector{a[0] + v};
                                              },
                                          .merge = added});
  b.check(ok, 3, std::array{at, n});
  b.stage(std::array{k});
  b.store(row, std::array{b.index(k)}, sum[0] * 2.0);
  b.stage(std::array{k});
  b.store(y, std::array{at, b.index(k)}, b.load(row, std::array{b.index(k)}), Store::Mode::add,
          false, ok);
  CHECK(text(b.finish()) ==
        "input b0: int64[s0] strides [1]\n"
        "input b1: float32[s0, s1] strides [s1, 1]\n"
        "in_out b2: float32[s0, s1] strides [s1, 1]\n"
        "row b3: float32[s1]\n"
        "for i0 in s0:\n"
        "  stage:\n"
        "    f0 = reduce over i1 in s1:\n"
        "      init 0.0\n"
        "      %8 = b0[i0]\n"
        "      %11 = (0 <= %8) & (%8 < s0)\n"
        "      step acc0 + (%11 ? b1[i0, i1] : 1.0)\n"
        "      merge acc0 + right0\n"
        "    %8 = b0[i0]\n"
        "    %11 = (0 <= %8) & (%8 < s0)\n"
        "    check %11, error 3, shows %8, s0\n"
        "  stage for i2 in s1:\n"
        "    b3[i2] = f0 * 2.0\n"
        "  stage for i2 in s1:\n"
        "    %8 = b0[i0]\n"
        "    %11 = (0 <= %8) & (%8 < s0)\n"
        "    if %11: b2[%8, i2] += b3[i2], in order\n");
}

TEST_CASE("a scan's stores stand under its elements") {
  Builder b;
  const Value n = b.size();
  const Id j = b.axis(n);
  const Id x = b.buffer(int32, Space::input, std::array{n}, std::array{b.integer(1)});
  const Id y = b.buffer(int32, Space::output, std::array{n}, std::array{b.integer(-1)});
  const auto prefix =
      b.fold(std::array{j}, {.kind = Fold::Kind::scan,
                             .init = {b.constant(int32, 0)},
                             .step =
                                 [&](std::span<const Value> a) {
                                   return std::vector{a[0] + b.load(x, std::array{b.index(j)})};
                                 },
                             .merge = added});
  b.store(y, std::array{b.index(j)}, prefix[0]);
  CHECK(text(b.finish()) ==
        "input b0: int32[s0] strides [1]\n"
        "output b1: int32[s0] strides [-1]\n"
        "stage:\n"
        "  f0 = scan over i0 in s0:\n"
        "    init 0:int32\n"
        "    step acc0 + b0[i0]\n"
        "    merge acc0 + right0\n"
        "  each f0:\n"
        "    b1[i0] = f0\n");
}

TEST_CASE("constants tell their type unless it is the common one") {
  Builder b;
  const Value p = b.parameter(bool_);
  const auto shown = [&](const Value& value) {
    Builder own;
    const Value copy =
        own.constant_bits(value.dtype(), value.builder().program().exprs[value.id()].bits);
    own.store(own.buffer(value.dtype(), Space::output, {}, {}), {}, copy);
    const std::string all = text(own.finish());
    const std::size_t from = all.find("b0[] = ") + 7;
    return all.substr(from, all.size() - from - 1);
  };
  CHECK(shown(b.constant(float32, 0.1)) == "0.1");
  CHECK(shown(b.constant(float32, 3)) == "3.0");
  CHECK(shown(b.constant(float32, -0.0)) == "-0.0");
  CHECK(shown(b.constant(float64, 1e300)) == "1e+300:float64");
  CHECK(shown(b.constant(float16, 65504)) == "65504.0:float16");
  CHECK(shown(b.constant(bfloat16, -1.0 / 0.0)) == "-inf:bfloat16");
  CHECK(shown(b.constant(float32, 0.0 / 0.0)) == "nan");
  CHECK(shown(b.integer(-5)) == "-5");
  CHECK(shown(b.constant(int8, -5)) == "-5:int8");
  CHECK(shown(b.constant_bits(uint64, ~std::uint64_t{0})) == "18446744073709551615:uint64");
  CHECK(shown(b.constant(bool_, 1)) == "true");
  CHECK(p.dtype() == bool_);
}

}  // namespace
}  // namespace rill::kernel
