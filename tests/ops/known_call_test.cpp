#include "tests/catch.h"
#include "tests/thrown.h"

#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <rill/rill.h>

namespace rill {
namespace {

using test::thrown;

TEST_CASE("a call of a known form computes with its own elements and numbers") {
  for (int round = 0; round < 3; ++round) {
    const auto r = static_cast<float>(round);
    const Tensor x = tensor({{1.0F + r, 2.0F}, {3.0F, 4.0F}});
    const Tensor row = tensor({10.0F, 20.0F + r});
    CHECK(equal(x + row, tensor({{11.0F + r, 22.0F + r}, {13.0F, 24.0F + r}})));
    CHECK(equal(sum(x, 0), tensor({4.0F + r, 6.0F})));
    CHECK(equal(matmul(x, x),
                tensor({{(1 + r) * (1 + r) + 6, (1 + r) * 2 + 8}, {3 * (1 + r) + 12, 22.0F}})));
    CHECK(equal(where(x > 2.5F, x, r), tensor({{1 + r > 2.5F ? 1 + r : r, r}, {3.0F, 4.0F}})));
  }
}

TEST_CASE("forms differ by strides, attributes, dtypes and kinds of numbers") {
  const Tensor x = tensor({{1.0F, 2.0F}, {3.0F, 4.0F}});
  const Tensor y = x.transpose();
  for (int round = 0; round < 2; ++round) {
    CHECK(equal(sum(x, 0), tensor({4.0F, 6.0F})));
    CHECK(equal(sum(y, 0), tensor({3.0F, 7.0F})));
    CHECK(equal(sum(x, 1), tensor({3.0F, 7.0F})));
    CHECK(equal(matmul(x, x), tensor({{7.0F, 10.0F}, {15.0F, 22.0F}})));
    CHECK(equal(matmul(x, y), tensor({{5.0F, 11.0F}, {11.0F, 25.0F}})));
    CHECK(equal(matmul(x, x, {.transpose_b = true}), tensor({{5.0F, 11.0F}, {11.0F, 25.0F}})));
    CHECK((x.to(int32)(0) * 2).dtype() == int32);
    CHECK((x.to(int32)(0) * 2.0).dtype() == float64);
    CHECK((x.to(float64)(0) * 2.0).dtype() == float64);
    CHECK((x(0) * 2.0).dtype() == float32);
  }
}

TEST_CASE("a call of a known form reports its own mistakes, at its own line") {
  const Tensor x = tensor({1.0F, 2.0F, 3.0F});
  CHECK(equal(take(x, tensor({0, 2})), tensor({1.0F, 3.0F})));
  for (const int at : {7, 8}) {
    const Where where = Where::here();
    CHECK(thrown<IndexError>([&] { (void)take(x, tensor({0, at}), 0, where); }) ==
          "take: index " + std::to_string(at) + " is outside axis 0 of size 3" + where.suffix());
  }
  CHECK(equal(take(x, tensor({1, 1})), tensor({2.0F, 2.0F})));
}

TEST_CASE("results of a known form that start from an input leave that input alone") {
  const Tensor onto = zeros({4});
  for (int round = 1; round < 4; ++round) {
    const Tensor added =
        scatter(onto, tensor({1, 1, 3}), tensor({1.0F, 2.0F, 3.0F}), 0, {.mode = ScatterMode::add});
    CHECK(equal(added, tensor({0.0F, 3.0F, 0.0F, 3.0F})));
    CHECK(equal(onto, zeros({4})));
  }
}

TEST_CASE("more forms than are remembered still compute") {
  double total = 0;
  for (std::int64_t n = 1; n <= 1500; ++n) total += sum(ones({n, 2}) + ones({2})).item<double>();
  CHECK(total == 2.0 * 2.0 * 1500 * 1501 / 2);
}

TEST_CASE("threads remember calls of their own, and may compute while they end") {
  struct Last {
    std::optional<float>* result;
    ~Last() { *result = sum(ones({3, 2}) + ones({2})).item<float>(); }
  };
  std::optional<float> before;
  std::optional<float> after;
  std::thread([&] {
    thread_local Last last{nullptr};
    last.result = &after;
    before = sum(ones({3, 2}) + ones({2})).item<float>();
  }).join();
  CHECK(before == 12.0F);
  CHECK(after == 12.0F);
}

}  // namespace
}  // namespace rill
