#include "tests/catch.h"

#include <array>
#include <bit>
#include <limits>

#include <rill/kernel/builder.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

using Catch::Matchers::Contains;
using Space = Buffer::Space;

const Expr& expr(const Value& value) { return value.builder().program().exprs[value.id()]; }
bool is_constant(const Value& value, std::uint64_t bits) {
  return expr(value).code == Code::constant && expr(value).bits == bits;
}
std::uint64_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

TEST_CASE("equal expressions are one") {
  Builder b;
  const Value n = b.size();
  const Value p = b.parameter(float32);
  CHECK((n + 3).id() == (n + 3).id());
  CHECK((p * p).id() == (p * p).id());
  CHECK((n + 3).id() != (n + 4).id());
  const Id x = b.buffer(float32, Space::input, std::array{n}, std::array{b.integer(1)});
  CHECK(b.load(x, std::array{n - 1}).id() == b.load(x, std::array{n - 1}).id());
}

TEST_CASE("constants fold by the language's own arithmetic") {
  Builder b;
  const Value f = b.constant(float32, 3);
  CHECK(is_constant(f / 2.0 + 1.0, bits(2.5F)));
  CHECK(is_constant(b.integer(-7) / 2, static_cast<std::uint64_t>(-4)));
  CHECK(is_constant(b.integer(-7) % 2, 1));
  CHECK(is_constant(b.integer(5) / 0, 0));
  CHECK(is_constant(b.constant(uint8, 200) + 100, 44));
  CHECK(is_constant(b.constant(uint8, -1), 255));
  CHECK(is_constant(b.constant(int8, 100) + 100, 200));  // the bits of -56
  CHECK(is_constant(cast(b.constant(float64, 1e30), int32), 0x7fffffff));
  CHECK(is_constant(cast(b.constant(float64, 1.0 + 0x1p-11 + 0x1p-40), float16),
                    0x3c01));  // rounds once
  CHECK(is_constant(b.integer(3) < 4, 1));
  CHECK(is_constant(select(b.integer(3) < 4, f, -f), bits(3.0F)));
  CHECK(is_constant(bitcast(f, uint32), 0x40400000));
  CHECK(is_constant(copysign(f, b.constant(float32, -0.0)), bits(-3.0F)));
  CHECK(is_constant(b.constant(bool_, std::numeric_limits<double>::quiet_NaN()), 1));
}

TEST_CASE("integer identities hold for every value and are applied") {
  Builder b;
  const Value n = b.size();
  CHECK((n + 0).id() == n.id());
  CHECK((0 + n).id() == n.id());
  CHECK((n - 0).id() == n.id());
  CHECK((n * 1).id() == n.id());
  CHECK((n / 1).id() == n.id());
  CHECK(is_constant(n * 0, 0));
  CHECK(is_constant(n - n, 0));
  CHECK(is_constant(n % 1, 0));
  CHECK(minimum(n, n).id() == n.id());
}

TEST_CASE("float identities that would change a bit are left alone") {
  Builder b;
  const Value p = b.parameter(float32);
  CHECK((p + 0.0).id() != p.id());              // -0 + 0 is +0
  CHECK(expr(p * 0.0).code == Code::multiply);  // of infinity NaN
  CHECK(expr(p - p).code == Code::subtract);
}

TEST_CASE("a select of one value is that value") {
  Builder b;
  const Value p = b.parameter(float32);
  CHECK(select(p < 0.0, p, p).id() == p.id());
  CHECK(cast(p, float32).id() == p.id());
}

TEST_CASE("operands of other types are faults that name both") {
  Builder b;
  const Value f = b.parameter(float32);
  const Value d = b.parameter(float64);
  const Value h = b.parameter(float16);
  const Value flag = b.parameter(bool_);
  CHECK_THROWS_WITH(f + d,
                    "kernel builder: add takes operands of one type, got float32 and float64");
  CHECK_THROWS_AS(h + h, InternalError);
  CHECK_THROWS_AS(h < h, InternalError);
  CHECK_THROWS_AS(flag + flag, InternalError);
  CHECK_THROWS_AS(f & f, InternalError);
  CHECK_THROWS_AS(sqrt(b.size()), InternalError);
  CHECK_THROWS_AS(bitcast(f, uint64), InternalError);
  CHECK_THROWS_AS(bitcast(flag, uint8), InternalError);
  CHECK_THROWS_AS(select(f, f, f), InternalError);
  CHECK_THROWS_AS(Value() + f, InternalError);
  CHECK_THROWS_AS(b.axis(f), InternalError);
  CHECK_NOTHROW(flag == flag);
  Builder other;
  CHECK_THROWS_WITH(f + other.parameter(float32), Contains("two builders"));
}

TEST_CASE("a constant guard decides at once") {
  Builder b;
  const Value n = b.size();
  const Id x = b.buffer(float32, Space::input, std::array{n}, std::array{b.integer(1)});
  const Value otherwise = b.constant(float32, 7);
  CHECK(b.load(x, std::array{n - 1}, b.constant(bool_, 0), otherwise).id() == otherwise.id());
  CHECK(b.load(x, std::array{n - 1}, b.constant(bool_, 1), otherwise).id() ==
        b.load(x, std::array{n - 1}).id());
}

/// y[i] = sum over j of x[i, j], with detours on the way.
Program row_sums(bool detours) {
  Builder b;
  const Value n = b.size();
  const Value m = b.size();
  if (detours) (void)(b.parameter(float32).id());
  const Value one = b.integer(1);
  if (detours) b.axis(n * m + 17);
  const Id x = b.buffer(float32, Space::input, std::array{n, m}, std::array{m, one});
  if (detours) b.row(float64, std::array{n});
  const Id y = b.buffer(float32, Space::output, std::array{n}, std::array{one});
  const Id j = b.axis(m);
  const Id i = b.axis(n);
  b.outer(std::array{i});
  const auto sum = [&](float factor) {
    return b.fold(
        std::array{j},
        {.init = {b.constant(float32, 0)},
         .step =
             [&](std::span<const Value> a) {
               return std::vector{a[0] + b.load(x, std::array{b.index(i), b.index(j)}) * factor};
             },
         .merge = [](std::span<const Value> l,
                     std::span<const Value> r) { return std::vector{l[0] + r[0]}; }});
  };
  if (detours) {
    b.stage(std::array{b.axis(m)});
    (void)sum(3);
    b.stage({});
  }
  b.store(y, std::array{b.index(i)}, sum(1)[0]);
  Program program = b.finish();
  if (detours) program.parameters.clear();
  return program;
}

TEST_CASE("finish leaves out what nothing uses and numbers in order of use") {
  CHECK(text(row_sums(true)) == text(row_sums(false)));
  CHECK(fingerprint(row_sums(true)) == fingerprint(row_sums(false)));
}

TEST_CASE("finishing twice changes nothing") {
  const Program once = row_sums(true);
  CHECK(once.folds.size() == 1);
  CHECK(once.stages.size() == 1);
  CHECK(once.axes.size() == 2);
}

TEST_CASE(
    "a chain of 100000 expressions is built, finished, printed and hashed without recursion") {
  Builder b;
  const Value p = b.parameter(float32);
  Value chain = p;
  for (int i = 0; i < 100000; ++i) chain = chain * p + 1.0;
  const Id y = b.buffer(float32, Space::output, {}, {});
  b.store(y, {}, chain);
  const Program program = b.finish();
  CHECK(program.exprs.size() == 200002);
  CHECK(text(program).size() > 100000);
  CHECK(fingerprint(program) != fingerprint(row_sums(false)));
}

TEST_CASE("depends sees through accesses, folds and rows") {
  Builder b;
  const Value n = b.size();
  const Id i = b.axis(n);
  const Id j = b.axis(n);
  const Id k = b.axis(n);
  const Id x = b.buffer(int64, Space::input, std::array{n}, std::array{b.integer(1)});
  const Id row = b.row(int64, std::array{n});
  const Value at = b.load(x, std::array{b.index(i)});
  CHECK(b.depends(b.load(x, std::array{at + 1}), i));
  CHECK_FALSE(b.depends(at, j));
  CHECK(b.depends(b.load(row, std::array{b.integer(0)}), i));
  b.outer(std::array{i, k});
  const auto sum =
      b.fold(std::array{j},
             {.init = {b.integer(0)},
              .step = [&](std::span<const Value> a) { return std::vector{a[0] + at * b.index(j)}; },
              .merge = [](std::span<const Value> l,
                          std::span<const Value> r) { return std::vector{l[0] + r[0]}; }});
  CHECK(b.depends(sum[0], i));
  CHECK_FALSE(b.depends(sum[0], j));
  CHECK_FALSE(b.depends(sum[0], k));
}

}  // namespace
}  // namespace rill::kernel
