// Dtypes and ends of sequences.

#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/tensor/literal.h>

#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

TEST_CASE("sequences of integers are int64, of floats float32") {
  CHECK(arange(3).type_text() == "int64[3]");
  CHECK(arange(3.0).type_text() == "float32[3]");
  CHECK(arange(0, 3, 0.5).type_text() == "float32[6]");
  CHECK(full({2}, 7).type_text() == "int64[2]");
  CHECK(full({2}, 7.0).type_text() == "float32[2]");
  CHECK(full({2}, true).type_text() == "bool[2]");
}

TEST_CASE("sequences stop before their end, and may go downwards or nowhere") {
  CHECK(arange(2, 11, 3).to_vector<int>() == std::vector<int>{2, 5, 8});
  CHECK(arange(5, 0, -2).to_vector<int>() == std::vector<int>{5, 3, 1});
  CHECK(arange(5, 0).size() == 0);
  CHECK(arange(-3).size() == 0);
  CHECK(arange(0.0, 1.0, 0.25).to_vector<float>() == std::vector<float>{0, 0.25, 0.5, 0.75});
}

TEST_CASE("linspace meets both ends exactly") {
  const Tensor x = linspace(0.1, 0.7, 1001);
  CHECK(x(0).item<float>() == 0.1F);
  CHECK(x(-1).item<float>() == 0.7F);
  CHECK(linspace(3, 4, 1).to_vector<float>() == std::vector<float>{3});
  CHECK(linspace(3, 4, 0).size() == 0);
}

TEST_CASE("eye takes rows, columns and a diagonal") {
  CHECK(eye(2).to_vector<int>() == std::vector<int>{1, 0, 0, 1});
  CHECK(eye(2, 3, 1).to_vector<int>() == std::vector<int>{0, 1, 0, 0, 0, 1});
  CHECK(eye(2, 3, -1, bool_).to_vector<int>() == std::vector<int>{0, 0, 0, 1, 0, 0});
}

TEST_CASE("sizes that overflow are errors") {
  REQUIRE_THROWS_AS(zeros({std::int64_t{1} << 40, std::int64_t{1} << 40}), ShapeError);
  REQUIRE_THROWS_AS(zeros({std::int64_t{1} << 60}), Error);
}

}  // namespace
}  // namespace rill
