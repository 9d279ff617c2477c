// What the table of operators cannot derive: dtypes of mixed operands, special values with literal
// answers, operators in place.

#include <rill/autograd/tape.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/tensor/literal.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

const float infinity = std::numeric_limits<float>::infinity();

std::vector<float> floats_of(const Tensor& x) { return x.to_vector<float>(); }
std::vector<std::int64_t> integers_of(const Tensor& x) { return x.to_vector<std::int64_t>(); }
std::string dtype_of_result(const Tensor& x) { return std::string(name(x.dtype())); }

TEST_CASE("numbers take the dtype of the tensor that they meet") {
  CHECK(dtype_of_result(zeros({2}, float16) + 1.5) == "float16");
  CHECK(dtype_of_result(1 - zeros({2}, int8)) == "int8");
  CHECK(dtype_of_result(zeros({2}, int32) * 0.5) == "float64");
  CHECK(dtype_of_result(zeros({2}, bool_) + 1) == "int64");
  CHECK(dtype_of_result(zeros({2}, float32) / 3) == "float32");
  CHECK(dtype_of_result(zeros({2}, int64) / 3) == "float64");
}

TEST_CASE("tensors promote as in NumPy 2") {
  CHECK(dtype_of_result(zeros({2}, int32) + zeros({2}, float32)) == "float64");
  CHECK(dtype_of_result(zeros({2}, int8) + zeros({2}, uint8)) == "int16");
  CHECK(dtype_of_result(zeros({2}, uint64) + zeros({2}, int64)) == "float64");
  CHECK(dtype_of_result(zeros({2}, float16) + zeros({2}, bfloat16)) == "float32");
  CHECK(dtype_of_result(exp(zeros({2}, int32))) == "float64");
}

TEST_CASE("a number that its dtype cannot hold is an error") {
  REQUIRE_THROWS_AS(zeros({2}, int8) + 300, ValueError);
}

TEST_CASE("the remainder has the sign of the divisor, and floor division goes with it") {
  const Tensor a = tensor({7, -7, 7, -7});
  const Tensor b = tensor({3, 3, -3, -3});
  CHECK(integers_of(a % b) == std::vector<std::int64_t>{1, 2, -2, -1});
  CHECK(integers_of(floor_divide(a, b)) == std::vector<std::int64_t>{2, -3, -3, 2});
  CHECK(floats_of(a.to(float32) % b) == std::vector<float>{1, 2, -2, -1});
  CHECK(floats_of(floor_divide(a.to(float32), b)) == std::vector<float>{2, -3, -3, 2});
  CHECK(floats_of(floor_divide(tensor({1.0}), 0.1)) == std::vector<float>{9});
}

TEST_CASE("a quotient by infinity that vanishes below zero is rounded down") {
  const Tensor a = tensor({5.0, -5.0, 5.0, -5.0, 0.0});
  const Tensor b = tensor({infinity, infinity, -infinity, -infinity, -infinity});
  CHECK(floats_of(floor_divide(a, b)) == std::vector<float>{0, -1, -1, 0, 0});
  CHECK(floats_of(a % b) == std::vector<float>{5, infinity, -infinity, -5, 0});
}

TEST_CASE("integers divided by zero give 0") {
  const Tensor a = tensor({5, -5, 0});
  CHECK(integers_of(floor_divide(a, 0)) == std::vector<std::int64_t>{0, 0, 0});
  CHECK(integers_of(a % 0) == std::vector<std::int64_t>{0, 0, 0});
  CHECK((a / 0).to_vector<double>()[0] == infinity);
}

TEST_CASE("integers wrap around") {
  CHECK(integers_of(tensor({127}, int8) + 1) == std::vector<std::int64_t>{-128});
  CHECK(integers_of(tensor({200}, uint8) * 2) == std::vector<std::int64_t>{144});
  CHECK(integers_of(pow(tensor({2, 3}, int8), tensor({7, 5}, int8))) ==
        std::vector<std::int64_t>{-128, -13});
}

TEST_CASE("integers to negative powers truncate") {
  CHECK(integers_of(pow(tensor({1, -1, 2, 0}), -3)) == std::vector<std::int64_t>{1, -1, 0, 0});
}

TEST_CASE("powers by the numbers 2 and 3 are products") {
  const Tensor x = tensor({1.1, -3.3, 1e-20});
  CHECK(equal(pow(x, 2), x * x));
  CHECK(equal(pow(x, 3.0), x * x * x));
  CHECK(dtype_of_result(pow(tensor({3}), 2.0)) == "float64");
}

TEST_CASE("shift counts beyond the width leave nothing, or the sign") {
  const Tensor x = tensor({1, -8}, int32);
  CHECK(integers_of(x << 32) == std::vector<std::int64_t>{0, 0});
  CHECK(integers_of(x >> 40) == std::vector<std::int64_t>{0, -1});
  CHECK(integers_of(x >> 1) == std::vector<std::int64_t>{0, -4});
}

TEST_CASE("maximum and minimum give NaN where either is NaN, and clip lets it through") {
  const Tensor x = tensor({NAN, 1.0, 2.0});
  const Tensor y = tensor({0.0, NAN, 1.0});
  CHECK(equal(isnan(maximum(x, y)), tensor({true, true, false})));
  CHECK(equal(isnan(minimum(x, y)), tensor({true, true, false})));
  CHECK(equal(isnan(clip(x, 0, 1)), tensor({true, false, false})));
}

TEST_CASE("only != is true of NaN") {
  const Tensor x = tensor({NAN});
  CHECK_FALSE(bool(x == x));
  CHECK(bool(x != x));
  CHECK_FALSE(bool(x <= x));
  CHECK_FALSE(bool(x > 0));
}

TEST_CASE("halves round to the even integer") {
  CHECK(floats_of(round(tensor({0.5, 1.5, 2.5, -0.5, -1.5}))) ==
        std::vector<float>{0, 2, 2, 0, -2});
}

TEST_CASE("floats become integers by truncation, beyond the range by its ends, NaN by 0") {
  const Tensor x = tensor({2.9, -2.9, 1e30, -1e30, NAN, infinity});
  CHECK(integers_of(x.to(int8)) == std::vector<std::int64_t>{2, -2, 127, -128, 0, 127});
  CHECK(integers_of(x.to(uint8)) == std::vector<std::int64_t>{2, 0, 255, 0, 0, 255});
  CHECK(integers_of(tensor({300, -1}).to(uint8)) == std::vector<std::int64_t>{44, 255});
  CHECK(equal(x.to(bool_), tensor({true, true, true, true, true, true})));
}

TEST_CASE("float16 rounds once per operation") {
  const Tensor x = tensor({2049.0, 65504.0}).to(float16);
  CHECK(floats_of(x) == std::vector<float>{2048, 65504});
  CHECK(floats_of(x + x) == std::vector<float>{4096, infinity});
}

TEST_CASE("logic takes anything that is not zero for true") {
  CHECK(equal(logical_and(tensor({0.0, 0.5}), tensor({1, 2})), tensor({false, true})));
  CHECK(equal(~tensor({true, false}), tensor({false, true})));
  CHECK(integers_of(~tensor({0, 5})) == std::vector<std::int64_t>{-1, -6});
}

TEST_CASE("where chooses by a condition of any dtype") {
  CHECK(integers_of(where(tensor({0, 3}), 1, 2)) == std::vector<std::int64_t>{2, 1});
  CHECK(dtype_of_result(where(tensor({true}), zeros({1}, float16), 1.0)) == "float16");
}

TEST_CASE("x += y changes x alone") {
  Tensor x = tensor({1.0, 2.0});
  const Tensor before = x;
  const std::uint64_t id = x.id();
  x += 1;
  CHECK(floats_of(x) == std::vector<float>{2, 3});
  CHECK(floats_of(before) == std::vector<float>{1, 2});
  CHECK(x.id() != id);
}

TEST_CASE("x += y works in the memory of x when nobody else can see it") {
  Tensor x = copy(tensor({1.0, 2.0}));
  const void* memory = x.data<float>().data();
  const std::uint64_t id = x.id();
  x += 1;
  CHECK(x.data<float>().data() == memory);
  CHECK(x.id() != id);
  x *= x;
  CHECK(floats_of(x) == std::vector<float>{4, 9});
}

TEST_CASE("remainders, bits and shifts assign in place as sums do") {
  Tensor x = copy(tensor({13, 7, -5}));
  const Tensor before = x;
  x %= 8;
  CHECK(integers_of(x) == std::vector<std::int64_t>{5, 7, 3});
  CHECK(integers_of(before) == std::vector<std::int64_t>{13, 7, -5});
  const void* memory = x.data<std::int64_t>().data();
  x &= tensor({4, 6, 3});
  CHECK(integers_of(x) == std::vector<std::int64_t>{4, 6, 3});
  x |= 1;
  CHECK(integers_of(x) == std::vector<std::int64_t>{5, 7, 3});
  x ^= 2;
  CHECK(integers_of(x) == std::vector<std::int64_t>{7, 5, 1});
  x <<= tensor({1, 2, 3});
  CHECK(integers_of(x) == std::vector<std::int64_t>{14, 20, 8});
  x >>= 2;
  CHECK(integers_of(x) == std::vector<std::int64_t>{3, 5, 2});
  CHECK(x.data<std::int64_t>().data() == memory);
  REQUIRE_THROWS_AS(x %= 0.5, DTypeError);
  REQUIRE_THROWS_AS(x |= zeros({2, 3}, int64), ShapeError);
}

TEST_CASE("x += y that would change the dtype or shape of x is an error, and changes nothing") {
  Tensor x = tensor({1, 2});
  REQUIRE_THROWS_AS(x += 0.5, DTypeError);
  REQUIRE_THROWS_AS(x /= 2, DTypeError);
  REQUIRE_THROWS_WITH(
      x += ones({2, 2}, int64),
      Catch::StartsWith("add: assigning in place would make int64[2,2] of int64[2]: "
                        "the operand must broadcast to [2]; write x = x ... y for "
                        "a new shape, at elementwise_test.cpp:"));
  REQUIRE_THROWS_AS(x += ones({2, 2}, int64), ShapeError);
  REQUIRE_THROWS_AS(x += ones({3}, int64), ShapeError);
  CHECK(integers_of(x) == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("the gradient of x^0 at 0 is 0") {
  const Tensor x = tensor({0.0, 2.0});
  GradientTape tape;
  tape.watch(x);
  const Tensor y = pow(x, tensor({0.0, 3.0}));
  CHECK(floats_of(tape.gradient(y, x)) == std::vector<float>{0, 12});
}

TEST_CASE("no gradient flows through stop_gradient") {
  const Tensor x = tensor({3.0});
  GradientTape tape;
  tape.watch(x);
  CHECK(floats_of(tape.gradient(x * stop_gradient(x), x)) == std::vector<float>{3});
}

TEST_CASE("equal asks for equal dtypes and shapes, allclose for near numbers") {
  CHECK(equal(tensor({1, 2}), tensor({1, 2})));
  CHECK_FALSE(equal(tensor({1, 2}), tensor({1.0, 2.0})));
  CHECK_FALSE(equal(tensor({NAN}), tensor({NAN})));
  CHECK(allclose(tensor({1.0, infinity}), tensor({1.0 + 1e-7, infinity})));
  CHECK_FALSE(allclose(tensor({1.0}), tensor({1.001})));
  CHECK_FALSE(allclose(tensor({1.0}), tensor({infinity})));
  CHECK_FALSE(allclose(tensor({NAN}), tensor({NAN})));
  CHECK(allclose(tensor({NAN}), tensor({NAN}), {.equal_nan = true}));
}

}  // namespace
}  // namespace rill
