// Dtypes and ends of sequences.

#include <rill/autograd/tape.h>
#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/operators.h>
#include <rill/ops/reduce.h>
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

TEST_CASE("a symbolic size is an operand as a known one is: a number, weak, for later") {
  const Dim batch("batch");
  const Tensor x = Tensor::abstract({batch, 3}, float16);
  CHECK((x / x.dim(0)).type_text() == "float16[batch,3]");
  CHECK((x.dim(0) * 2 - x).type_text() == "float16[batch,3]");
  CHECK((x.to(uint8) + batch).type_text() == "uint8[batch,3]");
  CHECK((x.to(int32) / batch).type_text() == "float64[batch,3]");
  CHECK((x < batch).type_text() == "bool[batch,3]");
  CHECK(pow(x, batch).type_text() == "float16[batch,3]");
  CHECK(clip(x, -batch, batch).type_text() == "float16[batch,3]");
  CHECK(where(x > 0, x, batch).type_text() == "float16[batch,3]");
  CHECK(full({2}, batch).type_text() == "int64[2]");
  CHECK(size_tensor(batch).type_text() == "int64[]");
  CHECK((tensor({1.0}) * batch).abstract());
  Tensor y = x;
  y += batch;
  y.at(0) = batch;
  CHECK(y.type_text() == "float16[batch,3]");
  CHECK_THROWS_WITH(x & batch,
                    Catch::StartsWith("bitwise_and: takes integers or bool: "
                                      "float16[batch,3], int64[], at creation_test.cpp:"));
}

TEST_CASE("the operator of a size gives the number once it is known") {
  const Op& size = *find_op("size");
  Attributes attributes = Attributes::of(size.attributes());
  attributes.set("size", Shape{7});
  const Tensor seven = call_for<1>(size, {}, attributes, {})[0];
  CHECK(seven.item<int>() == 7);
  CHECK((tensor({1.0, 2.0}, float16) * seven).type_text() == "float16[2]");
  CHECK((tensor({1.0, 2.0}) * seven).to_vector<float>() == std::vector<float>{7, 14});
}

TEST_CASE("gradients flow past symbolic sizes") {
  const Tensor x = Tensor::abstract({Dim("batch"), 3}, float32);
  GradientTape tape({.persistent = true});
  tape.watch(x);
  const Tensor loss = sum(x * x / x.dim(0) + pow(x, x.dim(0)));
  CHECK(tape.gradient(loss, x).type_text() == "float32[batch,3]");
  CHECK(tape.gradient(mean(x), x).type_text() == "float32[batch,3]");
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

TEST_CASE("a distance without an opposite is too far to count") {
  CHECK_THROWS_AS(arange(0, std::numeric_limits<std::int64_t>::min(), -1), ValueError);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  CHECK_THROWS_AS(split(zeros({4}), std::vector<std::int64_t>{most, most}, 0), ShapeError);
}

}  // namespace
}  // namespace rill
