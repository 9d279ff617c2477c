// What nobody needs, and what runs though nobody reads it.
#include <rill/trace/listing.h>
#include <rill/trace/passes/dead_code.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

TEST_CASE("what no result needs goes; inputs stay") {
  const auto function = recorded({ones({2}), ones({3})}, [](const Tensors& x) -> Tensors {
    (void)(exp(x[1]) * 2.0);
    return {x[0] + 1.0};
  });
  Changes changes(true);
  CHECK(listing(remove_dead_code(*function, changes)) ==
        R"(x0: float32[2]
x1: float32[3]
number_1 = 1
add = add(x0, number_1) float32[2]
return add
)");
  REQUIRE(changes.lines().size() == 2);
  CHECK(changes.lines()[0] == "exp is needed by nobody, at dead_code_test.cpp:15");
}

TEST_CASE("assignments, draws, checks and what may be out of range stay") {
  const Variable w(ones({2}), "w");
  const auto function = recorded({ones({2})}, [&](const Tensors& x) -> Tensors {
    w.assign(x[0] * 2.0);
    (void)rng::uniform({2});
    check(x[0] > 0, "x is positive");
    (void)take(x[0], tensor({1, 0}));
    return {x[0] + 1.0};
  });
  Changes changes;
  CHECK(listing(remove_dead_code(*function, changes)) ==
        R"(x: float32[2]
number = 2
multiply = multiply(x, number) float32[2]
variable 'w' = multiply
draw = draw uint64[2]
number_1 = 0
greater = greater(x, number_1) bool[2]
check greater: x is positive
constant = constant int64[2]
take = take(x, constant, axis=0) float32[2]
number_2 = 1
add = add(x, number_2) float32[2]
return add
)");
}

TEST_CASE("a dead operator that fails does so in a trace, too") {
  auto f = trace([](const Tensor& x, const Tensor& at) {
    (void)take(x, at);
    return x + 1.0;
  });
  (void)f(ones({2}), tensor({0, 1}));
  CHECK_NOTHROW(f(ones({2}), tensor({1, 1})));
  CHECK_THROWS_AS(f(ones({2}), tensor({0, 5})), IndexError);
}

TEST_CASE("a dead draw takes its number") {
  rng::Generator generator(7);
  auto f = trace([&](const Tensor& x) {
    (void)rng::uniform({2}, {.generator = &generator});
    return x + rng::uniform({2}, {.generator = &generator});
  });
  std::vector<Tensor> traced;
  for (int call = 0; call < 3; ++call) traced.push_back(f(zeros({2})));
  rng::Generator again(7);
  for (int call = 0; call < 3; ++call) {
    (void)rng::uniform({2}, {.generator = &again});
    CHECK(equal(traced[static_cast<std::size_t>(call)], rng::uniform({2}, {.generator = &again})));
  }
}

}  // namespace
}  // namespace rill
