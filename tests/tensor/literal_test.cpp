#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::thrown;

TEST_CASE("nested braces are a tensor") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(x.shape() == Shape{2, 3});
  CHECK(x.dtype() == int64);
  CHECK(x.to_vector<int>() == std::vector<int>{1, 2, 3, 4, 5, 6});
  CHECK(tensor({{{1}, {2}}}).shape() == Shape{1, 2, 1});
  CHECK(tensor(3.0).shape() == Shape{});
}

TEST_CASE("the widest number gives the dtype") {
  CHECK(tensor({1, 2}).dtype() == int64);
  CHECK(tensor({1, 2.5}).dtype() == float32);
  CHECK(tensor({1.0F}).dtype() == float32);
  CHECK(tensor({true, false}).dtype() == bool_);
  CHECK(tensor({true, 2}).dtype() == int64);
  CHECK(tensor({true, 0.5}).to_vector<float>() == std::vector<float>{1.0F, 0.5F});
  CHECK(tensor({1, 2}, float16).dtype() == float16);
}

TEST_CASE("integers beyond int64 are uint64, and float64 beside negative ones") {
  constexpr std::uint64_t most = 18446744073709551615U;
  CHECK(tensor({most, 1}).dtype() == uint64);
  CHECK(tensor({1, most, true}).to_vector<std::uint64_t>() ==
        std::vector<std::uint64_t>{1, most, 1});
  CHECK(tensor(most).dtype() == uint64);
  CHECK(tensor({most, -1}).dtype() == float64);
  CHECK(tensor({most, 0.5}).dtype() == float32);
  CHECK(tensor({std::uint64_t{7}, -1}).dtype() == int64);
}

TEST_CASE("numbers that do not fit the dtype are refused") {
  CHECK_THROWS_AS(tensor({1, 300}, int8), ValueError);
  CHECK_THROWS_AS(tensor({-1}, uint32), ValueError);
}

TEST_CASE("rows of different lengths are refused") {
  CHECK_THROWS_AS(tensor({{1, 2}, {3}}), ShapeError);
  CHECK_THROWS_AS(tensor({{1, 2}, 3}), ShapeError);
  CHECK_THROWS_AS(tensor({1, {2, 3}}), ShapeError);
  CHECK(thrown<ShapeError>([] {
          tensor({{1, 2}, {3}}, {"main.cpp", 2});
        }).find(", at main.cpp:2") != std::string::npos);
}

TEST_CASE("vectors, arrays and spans keep their element type") {
  CHECK(tensor(std::vector<std::uint8_t>{1, 2}).dtype() == uint8);
  CHECK(tensor(std::array<double, 4>{1, 2, 3, 4}, Shape{2, 2}).type_text() == "float64[2,2]");
  CHECK(tensor(std::vector<float>{}).type_text() == "float32[0]");
  CHECK_THROWS_AS(tensor(std::vector<float>{1, 2, 3}, Shape{2, 2}), ShapeError);
}
