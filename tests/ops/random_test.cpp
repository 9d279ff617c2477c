#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/random.h>
#include <rill/ops/reduce.h>
#include <rill/ops/sort.h>
#include <rill/tensor/literal.h>

#include <algorithm>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

double mean_of(const Tensor& x) { return mean(x.to(float64)).item<double>(); }

TEST_CASE("the same seed gives the same numbers, and the next draw others") {
  rng::Generator a(7);
  rng::Generator b(7);
  const Tensor first = rng::normal({5}, {.generator = &a});
  CHECK(equal(first, rng::normal({5}, {.generator = &b})));
  CHECK_FALSE(equal(first, rng::normal({5}, {.generator = &a})));
  a.seed(7);
  CHECK(equal(first, rng::normal({5}, {.generator = &a})));
}

TEST_CASE("an element depends on its position alone, not on the shape around it") {
  rng::Generator a(3);
  rng::Generator b(3);
  const Tensor flat = rng::uniform({12}, {.generator = &a});
  CHECK(equal(flat.reshape({3, 4}), rng::uniform({3, 4}, {.generator = &b})));
}

TEST_CASE("uniform numbers lie in [0, 1) in every dtype and have mean one half") {
  for (const DType dtype : {float16, bfloat16, float32, float64}) {
    rng::Generator generator(1);
    const Tensor u = rng::uniform({20000}, {.dtype = dtype, .generator = &generator});
    CHECK(u.dtype() == dtype);
    CHECK(min(u).item<double>() >= 0);
    CHECK(max(u).item<double>() < 1);
    CHECK(mean_of(u) == Approx(0.5).margin(0.01));
  }
}

TEST_CASE("normal numbers have mean 0 and deviation 1") {
  rng::Generator generator(1);
  for (const DType dtype : {float32, float64}) {
    const Tensor z = rng::normal({40000}, {.dtype = dtype, .generator = &generator});
    CHECK(mean_of(z) == Approx(0).margin(0.02));
    CHECK(mean_of(square(z)) == Approx(1).margin(0.03));
  }
}

TEST_CASE("truncated normal numbers stay within two deviations") {
  rng::Generator generator(1);
  const Tensor z = rng::truncated_normal({40000}, {.generator = &generator});
  CHECK(max(abs(z)).item<double>() <= 2);
  CHECK(mean_of(z) == Approx(0).margin(0.02));
  // The variance of a normal cut at two deviations.
  CHECK(mean_of(square(z)) == Approx(0.7737).margin(0.02));
}

TEST_CASE("random integers fill their range evenly, both ends of it") {
  rng::Generator generator(1);
  const Tensor i = rng::randint({30000}, -1, 2, {.dtype = int8, .generator = &generator});
  CHECK(i.dtype() == int8);
  for (int value = -1; value < 2; ++value) {
    CHECK(mean_of(i == value) == Approx(1.0 / 3).margin(0.02));
  }
}

TEST_CASE("bernoulli is true as often as its probability says") {
  rng::Generator generator(1);
  CHECK(mean_of(rng::bernoulli({20000}, 0.25, {.generator = &generator})) ==
        Approx(0.25).margin(0.02));
  const Tensor both = rng::bernoulli({1000, 2}, tensor({0.0, 1.0}), {.generator = &generator});
  CHECK(sum(both, 0).to_vector<int>() == std::vector<int>{0, 1000});
}

TEST_CASE("a permutation holds every number once") {
  rng::Generator generator(1);
  const Tensor p = rng::permutation(1000, {.generator = &generator});
  std::vector<std::int64_t> numbers = p.to_vector<std::int64_t>();
  CHECK_FALSE(std::is_sorted(numbers.begin(), numbers.end()));
  std::sort(numbers.begin(), numbers.end());
  CHECK(equal(tensor(numbers), arange(1000)));
}

TEST_CASE("dropout drops at its rate and keeps the mean") {
  rng::Generator generator(1);
  const Tensor x = dropout(ones({20000}), 0.4, {.generator = &generator});
  CHECK(mean_of(x == 0) == Approx(0.4).margin(0.02));
  CHECK(mean_of(x) == Approx(1).margin(0.03));
  CHECK(equal(dropout(ones({3}), 0.4, {.training = false}), ones({3})));
}

TEST_CASE("threads that share a generator take different draws") {
  rng::Generator generator(5);
  std::vector<Tensor> drawn(4);
  std::vector<std::thread> threads;
  for (Tensor& mine : drawn)
    threads.emplace_back([&] { mine = rng::uniform({8}, {.generator = &generator}); });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(equal(drawn[i], drawn[j]));
  }
}

TEST_CASE("random numbers refuse what makes no sense") {
  CHECK_THROWS_AS(rng::uniform({2}, {.dtype = int32}), DTypeError);
  CHECK_THROWS_AS(rng::randint({2}, 3, 3), ValueError);
  CHECK_THROWS_AS(rng::randint({2}, 0, 300, {.dtype = uint8}), ValueError);
  CHECK_THROWS_AS(rng::permutation(-1), ValueError);
  CHECK_THROWS_AS(dropout(ones({2}), 1.0), ValueError);
}

TEST_CASE("uniform numbers stay below their bound where rounding would reach it") {
  const std::vector<std::pair<DType, double>> below_two{
      {float16, 1.9990234375}, {bfloat16, 1.9921875}, {float32, 1.99999988079071044921875}};
  for (const auto& [dtype, last] : below_two) {
    const int count = dtype == float32 ? 1 << 24 : 1 << 14;  // few bits: the end comes up often
    rng::Generator generator(1);
    const Tensor u = rng::uniform({count}, 1, 2, {.dtype = dtype, .generator = &generator});
    CHECK(min(u).item<double>() >= 1);
    CHECK(max(u).item<double>() == last);
  }
  rng::Generator generator(1);
  CHECK(max(rng::uniform({1 << 12}, -3, -1, {.dtype = bfloat16, .generator = &generator}))
            .item<double>() < -1);
}

TEST_CASE("bounds of uniform numbers are finite and in order, probabilities in [0, 1]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(rng::uniform({3}, 1, 0),
                    Catch::StartsWith("uniform: [1, 0) holds no float32, at random_test.cpp:"));
  CHECK_THROWS_WITH(rng::uniform({3}, 0, 1e6, {.dtype = float16}),
                    Catch::StartsWith("uniform: [0, 1e+06) has no finite bounds and width in "
                                      "float16, at random_test.cpp:"));
  CHECK_THROWS_AS(rng::uniform({3}, 1, 1), ValueError);
  CHECK_THROWS_AS(rng::uniform({3}, nan, 1), ValueError);
  CHECK_THROWS_AS(rng::uniform({3}, 0, infinity), ValueError);
  CHECK_THROWS_AS(rng::uniform({3}, -infinity, 0, {.dtype = float64}), ValueError);
  CHECK_THROWS_AS(rng::uniform({3}, -3e38, 3e38), ValueError);
  CHECK_THROWS_WITH(
      rng::bernoulli({3}, 1.5),
      Catch::StartsWith("bernoulli: a probability is in [0, 1], not 1.5, at random_test.cpp:"));
  CHECK_THROWS_AS(rng::bernoulli({3}, -0.5), ValueError);
  CHECK_THROWS_AS(rng::bernoulli({3}, nan), ValueError);
  CHECK_THROWS_AS(rng::bernoulli({2}, tensor({0.5, 2.0})), ValueError);
  CHECK_THROWS_AS(rng::bernoulli({2}, tensor({0.5, nan})), ValueError);
}

}  // namespace
}  // namespace rill
