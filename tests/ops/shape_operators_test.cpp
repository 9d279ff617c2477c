// Which operators give views, and when a view cannot be.

#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/join.h>
#include <rill/ops/linalg.h>
#include <rill/ops/shape.h>
#include <rill/tensor/literal.h>

#include <limits>
#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

bool same_memory(const Tensor& a, const Tensor& b) { return a.body().storage == b.body().storage; }

TEST_CASE("what moves nothing is a view") {
  const Tensor x = copy(arange(24.0).reshape({2, 3, 4}));
  CHECK(same_memory(reshape(x, {4, 6}), x));
  CHECK(same_memory(flatten(x), x));
  CHECK(same_memory(transpose(x), x));
  CHECK(same_memory(broadcast_to(x, {5, 2, 3, 4}), x));
  CHECK(same_memory(flip(x), x));
  CHECK(same_memory(expand_dims(x, 1), x));
  CHECK(same_memory(split(x, 3, 1)[2], x));
  CHECK(same_memory(x(1), x));
  CHECK(same_memory(x(slice({}, {}, -1), newaxis, ellipsis, slice(0, 4, 3)), x));
  CHECK(same_memory(stop_gradient(x), x));
  CHECK_FALSE(same_memory(copy(x), x));
}

TEST_CASE("reshape copies only where strides cannot say it") {
  const Tensor x = copy(arange(24.0).reshape({2, 3, 4}));
  const Tensor t = transpose(x, {1, 0, 2});
  CHECK(same_memory(reshape(t, {3, 2, 2, 2}), x));
  CHECK(same_memory(reshape(t, {3, 1, 2, 4}), x));
  CHECK_FALSE(same_memory(reshape(t, {6, 4}), x));
  CHECK(equal(reshape(t, {6, 4})(1), x(1, 0)));
  CHECK(same_memory(reshape(x(slice(), slice(), slice(0, 4, 2)), {6, 2}), x));
  CHECK_FALSE(same_memory(reshape(x(slice(), slice(0, 2), slice()), {4, 4})(3), x));
}

TEST_CASE("views have the strides that NumPy gives them, in elements") {
  const Tensor x = copy(arange(24.0).reshape({2, 3, 4}));
  const auto strides = [](const Tensor& t) {
    return std::vector<std::int64_t>(t.strides().begin(), t.strides().end());
  };
  CHECK(strides(x) == std::vector<std::int64_t>{12, 4, 1});
  CHECK(strides(transpose(x)) == std::vector<std::int64_t>{1, 4, 12});
  CHECK(strides(flip(x, 2)) == std::vector<std::int64_t>{12, 4, -1});
  CHECK(strides(x(slice(), slice(0, 3, 2))) == std::vector<std::int64_t>{12, 8, 1});
  CHECK(strides(broadcast_to(x(0, 0), {3, 4})) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("concat and stack promote") {
  CHECK(name(concat({zeros({1}, int32), zeros({1}, float32)}).dtype()) == "float64");
  CHECK(name(stack({zeros({1}, int8), zeros({1}, uint8)}).dtype()) == "int16");
}

TEST_CASE("braces of numbers are axes, not places in the source") {
  CHECK(transpose(zeros({2, 3}), {0, 1}).shape() == Shape{2, 3});
  CHECK(zeros({2, 3}).transpose({1, 0}).shape() == Shape{3, 2});
  CHECK(squeeze(zeros({1, 1, 3}), {0, 1}).shape() == Shape{3});
}

TEST_CASE("padding takes its value from the options") {
  CHECK(pad(tensor({1, 2}), {{1, 2}}).to_vector<int>() == std::vector<int>{0, 1, 2, 0, 0});
  CHECK(pad(tensor({1.0}), {{1, 0}}, {.value = 0.5}).to_vector<float>() ==
        std::vector<float>{0.5, 1});
  CHECK(pad(tensor({1, 2, 3}), {{2, 0}}, {.mode = PadMode::reflect}).to_vector<int>() ==
        std::vector<int>{3, 2, 1, 2, 3});
}

TEST_CASE("shifts and diagonals may be any numbers") {
  const Tensor x = arange(3);
  // Both ends of int64 leave 1 of 3.
  CHECK(equal(roll(x, std::numeric_limits<std::int64_t>::max(), 0), tensor({2, 0, 1})));
  CHECK(equal(roll(x, std::numeric_limits<std::int64_t>::min(), 0), tensor({2, 0, 1})));
  CHECK(equal(roll(x, -4, 0), tensor({1, 2, 0})));
  const Tensor none = zeros({0, 2});
  CHECK(roll(none, 3, 0).shape() == Shape{0, 2});
  CHECK(roll(none, 3, 0).id() != none.id());
  const Tensor square = ones({2, 2});
  CHECK(equal(triu(square, std::numeric_limits<int>::min()), square));
  CHECK(equal(triu(square, std::numeric_limits<int>::max()), zeros({2, 2})));
  CHECK(equal(tril(square, std::numeric_limits<int>::max()), square));
  CHECK(equal(tril(square, std::numeric_limits<int>::min()), zeros({2, 2})));
}

}  // namespace
}  // namespace rill
