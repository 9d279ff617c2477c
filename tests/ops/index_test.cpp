// Reading and writing by index: NumPy's answers, and who sees a write.

#include <rill/autograd/tape.h>
#include <rill/autograd/variable.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/index.h>
#include <rill/ops/reduce.h>
#include <rill/ops/shape.h>
#include <rill/ops/softmax.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/threads.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

using Integers = std::vector<int>;

Integers list(const Tensor& x) { return x.to_vector<int>(); }
Tensor matrix() { return copy(arange(12).reshape({3, 4})); }

TEST_CASE("numbers, slices, newaxis and ellipsis read views") {
  const Tensor x = matrix();
  CHECK(list(x(1)) == Integers{4, 5, 6, 7});
  CHECK(list(x(-1, -1)) == Integers{11});
  CHECK(list(x({0, 2}, 0)) == Integers{0, 4});
  CHECK(list(x({0, 3, 2}, 1)) == Integers{1, 9});
  CHECK(list(x(2, slice({}, {}, -2))) == Integers{11, 9});
  CHECK(list(x(slice(10, {}))).empty());
  CHECK(x(newaxis, 0, newaxis).shape() == Shape{1, 1, 4});
  CHECK(x(ellipsis, 0).shape() == Shape{3});
  CHECK(x(ellipsis).shape() == Shape{3, 4});
}

TEST_CASE("reading and writing take as many indices as a tensor has axes") {
  const Tensor x = arange(256).reshape({2, 2, 2, 2, 2, 2, 2, 2});
  CHECK(x(1, 1, 1, 1, 1).shape() == Shape{2, 2, 2});
  CHECK(list(x(1, 0, 1, 0, 1, 0)) == Integers{168, 169, 170, 171});
  CHECK(list(x(1, 0, 1, 0, 1, 0, 1)) == Integers{170, 171});
  CHECK(list(x(1, 0, 1, 0, 1, 0, 1, 0)) == Integers{170});
  CHECK(list(x(0, 0, 0, 0, {0, 1}, -1, newaxis, 1)) == Integers{6, 7});
  const auto written = [&](const auto& write) {
    Tensor y = copy(x);
    write(y);
    return list(y(1, 0, 1, 0, 1, 0));
  };
  CHECK(written([](Tensor& y) { y.at(1, 0, 1, 0, 1) = 5; }) == Integers{5, 5, 5, 5});
  CHECK(written([](Tensor& y) { y.at(1, 0, 1, 0, 1, 0) -= 100; }) == Integers{68, 69, 70, 71});
  CHECK(written([](Tensor& y) { y.at(1, 0, 1, 0, 1, 0, 1) = 5; }) == Integers{168, 169, 5, 5});
  CHECK(written([](Tensor& y) { y.at(1, 0, 1, 0, 1, 0, 1, 0) = 5; }) == Integers{168, 169, 5, 171});
  const Variable v(x, "v");
  CHECK(list(v(1, 0, 1, 0, 1, 0, 1, 0)) == Integers{170});
}

TEST_CASE("a variable of integers, or of bools, is an index as its value is") {
  const Variable places(tensor({2, 0}), {.trainable = false});
  Tensor x = matrix();
  CHECK(list(x(slice(0, 1), places)) == Integers{2, 0});
  x.at(places) = 7;
  CHECK(list(x) == Integers{7, 7, 7, 7, 4, 5, 6, 7, 7, 7, 7, 7});
  x.at(Variable(tensor({false, true, false}), {.trainable = false})) = 1;
  CHECK(list(x(1)) == Integers{1, 1, 1, 1});
}

TEST_CASE("a place is computed upon by every operator of numbers and bits") {
  Tensor x = tensor({7, 7, 7, 7, 7, 7, 7});
  x.at(1) *= 2;
  x.at(2) %= 4;
  x.at(3) &= 5;
  x.at(4) |= 8;
  x.at(5) ^= 1;
  x.at(6) <<= 2;
  x.at(0) >>= 1;
  CHECK(list(x) == Integers{3, 14, 3, 5, 15, 6, 28});
}

TEST_CASE("slices clamp to their axis as Python's do") {
  const Tensor x = arange(5);
  CHECK(list(x(slice(-100, 2))) == Integers{0, 1});
  CHECK(list(x(slice(3, 100))) == Integers{3, 4});
  CHECK(list(x(slice(100, {}, -1))) == Integers{4, 3, 2, 1, 0});
  CHECK(list(x(slice(3, -100, -2))) == Integers{3, 1});
  CHECK(list(x(slice(1, 4, -1))).empty());
  CHECK(list(x(slice({}, {}, 3))) == Integers{0, 3});
}

TEST_CASE("bounds and steps may be any numbers") {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  Tensor x = arange(5);
  CHECK(list(x(slice({}, {}, least))) == Integers{4});
  CHECK(list(x(slice({}, {}, -most))) == Integers{4});
  CHECK(list(x(slice({}, {}, most))) == Integers{0});
  CHECK(list(x(slice(2, most, most))) == Integers{2});
  CHECK(list(x(slice(most, least, -2))) == Integers{4, 2, 0});
  CHECK(list(x(slice(least, most))) == Integers{0, 1, 2, 3, 4});
  CHECK(list(arange(0)(slice({}, {}, least))).empty());
  CHECK(list(matrix()(slice({}, {}, most), slice(1, {}, least))) == Integers{1});
  x.at(slice({}, {}, least)) = 9;
  x.at(slice({}, {}, most)) += 7;
  CHECK(list(x) == Integers{7, 1, 2, 3, 9});
}

TEST_CASE("strided_slice and update_slice want every axis, inside it, and a step") {
  const Tensor x = matrix();
  CHECK(list(strided_slice(x, {2, 3}, {-1, -2}, {2, 2})) == Integers{11, 9, 7, 5});
  CHECK(list(strided_slice(x, {1, 1}, {std::int64_t{1} << 60, 1}, {1, 2})) == Integers{5, 6});
  CHECK_THROWS_WITH(strided_slice(x, {0, 0, 1}, {1, 1, 1}, {1, 1, 1}),
                    Catch::StartsWith("strided_slice: first [0,0,1], step [1,1,1] and size [1,1,1] "
                                      "have one number for each axis of the operand: int64[3,4], "
                                      "at index_test.cpp:"));
  CHECK_THROWS_AS(strided_slice(x, {0}, {1}, {2}), ShapeError);
  CHECK_THROWS_AS(strided_slice(x, {0, 0}, {1}, {2, 2}), ShapeError);
  CHECK_THROWS_AS(strided_slice(x, {0, 0}, {1, 1}, {2}), ShapeError);
  CHECK_THROWS_AS(strided_slice(x, {0, 0}, {0, 1}, {2, 2}), ShapeError);
  CHECK_THROWS_AS(strided_slice(x, {0, 0}, {1, 1}, {4, 1}), IndexError);
  CHECK_THROWS_AS(update_slice(x, 7, {0}, {1}, {1}), ShapeError);
  CHECK_THROWS_AS(update_slice(x, 7, {0, 0, 0}, {1, 1, 1}, {1, 1, 1}), ShapeError);
  CHECK_THROWS_AS(update_slice(x, 7, {0, 0}, {0, 1}, {2, 2}), ShapeError);
  CHECK(sum(update_slice(x, 100, {1, 1}, {std::int64_t{1} << 60, 2}, {1, 2})).item<int>() == 254);
}

TEST_CASE("integer tensors read along their axis, several together element by element") {
  const Tensor x = matrix();
  CHECK(list(x(tensor({2, -3}))) == Integers{8, 9, 10, 11, 0, 1, 2, 3});
  CHECK(list(x(slice(0, 2), tensor({3, 0}))) == Integers{3, 0, 7, 4});
  CHECK(list(x(tensor({0, 2}), tensor({1, 3}))) == Integers{1, 11});
  CHECK(x(tensor({{0}, {2}}), tensor({1, 3, 0})).shape() == Shape{2, 3});
}

TEST_CASE("index tensors apart from each other come first in the result, as in NumPy") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  CHECK(x(tensor({0, 1, 1, 0, 1}), slice(), tensor({0, 1, 2, 3, 0})).shape() == Shape{5, 3});
  CHECK(x(0, slice(), tensor({0, 1})).shape() == Shape{2, 3});
  CHECK(x(slice(), 0, tensor({0, 1})).shape() == Shape{2, 2});
}

TEST_CASE("so does an index tensor apart from a number, in reading and in writing") {
  const Tensor x = arange(24).reshape({2, 3, 4});
  const Tensor i = tensor({0, 3});
  CHECK(equal(x(0, slice(), i), tensor({{0, 4, 8}, {3, 7, 11}})));
  CHECK(equal(x(1, newaxis, 0, newaxis, i), tensor({{{12}}, {{15}}})));
  Tensor y = x;
  y.at(0, slice(), i) = tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(equal(y(0), tensor({{1, 1, 2, 4}, {2, 5, 6, 5}, {3, 9, 10, 6}})));
  y.at(0, slice(), i) += 10;
  CHECK(equal(y(0, 2), tensor({13, 9, 10, 16})));
}

TEST_CASE("a write changes one tensor and no copy or view of it") {
  Tensor x = matrix();
  const Tensor earlier = x;
  const Tensor row = x(0);
  x.at(0, 0) = 100;
  CHECK(x(0, 0).item<int>() == 100);
  CHECK(earlier(0, 0).item<int>() == 0);
  CHECK(row(0).item<int>() == 0);
}

TEST_CASE("a write happens in place when nobody else sees the memory") {
  Tensor x = matrix();
  const void* memory = x.data<std::int64_t>().data();
  const std::uint64_t id = x.id();
  x.at(1) = 7;
  x.at(slice(), 0) += 1;
  CHECK(x.data<std::int64_t>().data() == memory);
  CHECK(x.id() != id);
  CHECK(list(x) == Integers{1, 1, 2, 3, 8, 7, 7, 7, 9, 9, 10, 11});
}

TEST_CASE("a write of a tensor into itself reads it as it was") {
  Tensor x = arange(5);
  x.at(slice(1, 5)) = x(slice(0, 4));
  CHECK(list(x) == Integers{0, 0, 1, 2, 3});
}

TEST_CASE("a write to a stretched tensor changes the named elements only") {
  Tensor x = broadcast_to(copy(tensor({1, 2})), {3, 2});
  x.at(0, 0) = 9;
  CHECK(list(x) == Integers{9, 2, 1, 2, 1, 2});
}

TEST_CASE("a write to wrapped memory leaves that memory alone") {
  float memory[3] = {1, 2, 3};
  const std::int64_t stride = 1;
  Tensor x = Tensor::wrap(memory, {3}, {&stride, 1}, float32, nullptr);
  x.at(0) = 9;
  x += 1;
  CHECK(x.to_vector<float>() == std::vector<float>{10, 3, 4});
  CHECK(memory[0] == 1);
}

TEST_CASE("masks write where they are true") {
  Tensor x = tensor({{-1, 2}, {3, -4}});
  x.at(x < 0) = 0;
  CHECK(list(x) == Integers{0, 2, 3, 0});
  x.at(tensor({true, false})) += 10;
  CHECK(list(x) == Integers{10, 12, 3, 0});
  x.at(tensor({false, true})) = tensor({7, 8});
  CHECK(list(x) == Integers{10, 12, 7, 8});
  REQUIRE_THROWS_AS(x.at(tensor({true})) = 0, IndexError);
  REQUIRE_THROWS_AS(x.at(x < 0, 0) = 0, IndexError);
}

TEST_CASE("integer tensors write, the last of equals wins, and += counts each element once") {
  Tensor x = zeros({4}, int64);
  x.at(tensor({1, 1, -1})) = tensor({5, 6, 7});
  CHECK(list(x) == Integers{0, 6, 0, 7});
  x.at(tensor({0, 0})) += 1;
  CHECK(list(x) == Integers{1, 6, 0, 7});
  Tensor y = matrix();
  y.at(slice(0, 2), tensor({0, 3})) = -1;
  CHECK(list(y) == Integers{-1, 1, 2, -1, -1, 5, 6, -1, 8, 9, 10, 11});
  y.at(tensor({0, 2}), tensor({1, 2})) = tensor({50, 60});
  CHECK(list(y) == Integers{-1, 50, 2, -1, -1, 5, 6, -1, 8, 9, 60, 11});
}

TEST_CASE("a write that fails changes nothing") {
  Tensor x = matrix();
  const Integers before = list(x);
  REQUIRE_THROWS_AS(x.at(3) = 0, IndexError);
  REQUIRE_THROWS_AS(x.at(tensor({0, 3})) = 0, IndexError);
  REQUIRE_THROWS_AS(x.at(0) = tensor({1, 2}), ShapeError);
  REQUIRE_THROWS_AS(x.at(0) = 0.5, DTypeError);
  REQUIRE_THROWS_AS(x.at(0) /= 2, DTypeError);
  REQUIRE_THROWS_AS(x.at(0, 0, 0) = 1, IndexError);
  CHECK(list(x) == before);
}

TEST_CASE("values take the dtype of what they are written to") {
  Tensor x = zeros({2}, float16);
  x.at(0) = 1;
  x.at(1) = tensor({0.25}, float64)(0);
  CHECK(x.type_text() == "float16[2]");
  CHECK(x.to_vector<float>() == std::vector<float>{1, 0.25});
}

TEST_CASE("gradients flow through what is read and written by index") {
  const Tensor x = tensor({1.0, 2.0, 3.0});
  GradientTape tape;
  tape.watch(x);
  Tensor y = x * 2;
  y.at(1) = x(0) * 10;
  y.at(y > 15) = 0;
  CHECK(tape.gradient(sum(y * y), x).to_vector<float>() == std::vector<float>{8 + 200, 0, 24});
}

TEST_CASE("an index out of range in a tensor names it, the axis, its size and the line") {
  const Tensor x = matrix();
  CHECK(thrown<IndexError>([&] {
          (void)x(slice(), tensor({0, 4}));
        }).starts_with("index: index 4 is outside axis 1 of size 4, at index_test.cpp:"));
  Tensor y = x;
  CHECK(thrown<IndexError>([&] {
          y.at(tensor({1, 99})) = 0;
        }).starts_with("index: index 99 is outside axis 0 of size 3, at index_test.cpp:"));
}

TEST_CASE("where scatter replaces, only the update that stays gets a gradient") {
  const Tensor onto = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}});
  const Tensor updates = tensor({{10.0, 20.0}, {30.0, 40.0}, {50.0, 60.0}});
  const Tensor weights = tensor({{1.0, 2.0}, {3.0, 4.0}, {5.0, 6.0}});
  GradientTape tape({.persistent = true});
  tape.watch(onto);
  tape.watch(updates);
  using Floats = std::vector<float>;
  const auto gradients = [&](const Tensor& y) {
    const auto [to_onto, to_updates] = tape.gradient(sum(weights * y), {onto, updates});
    return std::pair(to_onto.to_vector<float>(), to_updates.to_vector<float>());
  };
  // Row 2 is written by the first and, as row -1, by the last update.
  const Tensor rows = scatter(onto, tensor({2, 0, -1}), updates);
  CHECK(rows.to_vector<float>() == Floats{30, 40, 3, 4, 50, 60});
  CHECK(gradients(rows) == std::pair(Floats{0, 0, 3, 4, 0, 0}, Floats{0, 0, 1, 2, 5, 6}));
  const Tensor columns = scatter(onto, tensor({1, 1}), updates, 1);
  CHECK(columns.to_vector<float>() == Floats{1, 20, 3, 40, 5, 60});
  CHECK(gradients(columns) == std::pair(Floats{1, 0, 3, 0, 5, 0}, Floats{0, 2, 0, 4, 0, 6}));
  const Tensor elements = put_along_axis(onto, tensor({{1, 1}, {0, 1}, {0, 0}}), updates, 1);
  CHECK(elements.to_vector<float>() == Floats{1, 20, 30, 40, 60, 6});
  CHECK(gradients(elements) == std::pair(Floats{1, 0, 0, 0, 0, 6}, Floats{0, 2, 3, 4, 0, 5}));
}

TEST_CASE("scatter with add counts repeated indices, in float16 without losing the small") {
  const Tensor ones_twice =
      scatter(zeros({3}), tensor({0, 0, 2}), ones({3}), 0, {.mode = ScatterMode::add});
  CHECK(ones_twice.to_vector<float>() == std::vector<float>{2, 0, 1});
  const Tensor many = scatter(zeros({1}, float16), zeros({4096}, int64), ones({4096}, float16), 0,
                              {.mode = ScatterMode::add});
  CHECK(many(0).item<float>() == 4096);
}

TEST_CASE("scatter with add refuses bool, and replacing takes it") {
  const Tensor x = zeros({3}, bool_);
  const ScatterOptions adding{.mode = ScatterMode::add};
  CHECK_THROWS_WITH(scatter(x, tensor({0}), true, 0, adding),
                    Catch::StartsWith("scatter: adds numbers, not bool: convert with .to(int64): "
                                      "bool[3], int64[1], bool[1], at index_test.cpp:"));
  CHECK_THROWS_AS(put_along_axis(x, tensor({0}), true, 0, adding), DTypeError);
  CHECK(list(scatter(x, tensor({1}), true)) == Integers{0, 1, 0});
}

TEST_CASE("an index or label of uint64 counts from the start, however large it is") {
  const Tensor last = tensor(std::vector<std::uint64_t>{18446744073709551615U});
  const Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
  CHECK_THROWS_WITH(take(x, last),
                    Catch::StartsWith("take: index 18446744073709551615 is outside axis 0 of size "
                                      "2, at index_test.cpp:"));
  CHECK_THROWS_AS(x(last), IndexError);
  CHECK_THROWS_AS(gather(x, last.reshape({1, 1}), 0), IndexError);
  CHECK_THROWS_AS(scatter(x, last, 0), IndexError);
  CHECK_THROWS_WITH(cross_entropy(x(slice(0, 1)), last),
                    Catch::StartsWith("cross_entropy: label 18446744073709551615 is outside "
                                      "[0, 2), at index_test.cpp:"));
  CHECK(take(x, tensor(std::vector<std::uint64_t>{1})).to_vector<float>() ==
        std::vector<float>{3, 4});
}

TEST_CASE("scattering into what is given away uses its memory, and nobody else's") {
  const Tensor at = tensor({1, 1, 3});
  const Tensor updates = tensor({1.0F, 2.0F, 3.0F});
  Tensor mine = zeros({4});
  const void* memory = mine.data<float>().data();
  const Tensor added = scatter(std::move(mine), at, updates, 0, {.mode = ScatterMode::add});
  CHECK(added.data<float>().data() == memory);
  CHECK(equal(added, tensor({0.0F, 3.0F, 0.0F, 3.0F})));

  Tensor shared = zeros({4});
  const Tensor other = shared;
  const auto before = other.id();
  const Tensor set = scatter(std::move(shared), at, updates);
  CHECK(equal(set, tensor({0.0F, 2.0F, 0.0F, 3.0F})));
  CHECK(equal(other, zeros({4})));
  CHECK(other.id() == before);

  Tensor both = tensor({5.0F, 6.0F, 7.0F});
  const Tensor same = both;
  const Tensor turned = scatter(std::move(both), tensor({2, 1, 0}), same);
  CHECK(equal(turned, tensor({7.0F, 6.0F, 5.0F})));
}

TEST_CASE("a scatter into many rows reports the first index outside, on any number of threads") {
  const int before = threads();
  Tensor at = arange(20000);
  at.at(7000) = 20001;
  at.at(15000) = -20002;
  const Tensor updates = ones({20000, 16});
  for (const int count : {1, 2, 7}) {
    set_threads(count);
    CHECK_THROWS_WITH(scatter(zeros({20000, 16}), at, updates),
                      Catch::Contains("index 20001 is outside axis 0 of size 20000"));
  }
  set_threads(before);
}

TEST_CASE("sizes that are not known yet are indices and bounds that count from the front") {
  const Dim batch("batch");
  const Tensor x = Tensor::abstract({batch, 4}, float32);
  CHECK(x(batch - 1).type_text() == "float32[4]");
  CHECK(x({0, batch}).type_text() == "float32[batch,4]");
  CHECK(x(slice(0, batch / 2)).shape()[0] == Dim::min(batch / 2, batch));
  CHECK(x(slice(batch - 1, {}), 1).shape() ==
        Shape{Dim::max(batch - Dim::min(Dim::max(batch - 1, 0), batch), 0)});
  CHECK(arange(5)(slice(1, batch)).shape()[0] == Dim::max(Dim::min(batch, 5) - 1, 0));
  CHECK(list(arange(5)({Dim(1), Dim(3)})) == Integers{1, 2});
  CHECK(list(arange(5)(Dim(2) - 3)) == Integers{4});
}

TEST_CASE("a size that is not known where numbers are needed is refused at the user's line") {
  const Dim batch("batch");
  Tensor x = arange(5);
  CHECK_THROWS_WITH(x(batch), Catch::StartsWith("index: the size 'batch' is not known here, at "
                                                "index_test.cpp:"));
  CHECK_THROWS_WITH(x.at(batch) = 1,
                    Catch::StartsWith("index: the size 'batch' is not known here, at "
                                      "index_test.cpp:"));
  CHECK_THROWS_WITH(x({Dim(0), Dim(4), batch}),
                    Catch::StartsWith("index: a slice's step is a number, not the unknown size "
                                      "batch, at index_test.cpp:"));
  CHECK_THROWS_WITH(x({1}), Catch::StartsWith("index: in braces stands {first, last} or {first, "
                                              "last, step}, not 1 numbers, at index_test.cpp:"));
}

TEST_CASE("a step that is never taken may be of any length, over no elements too") {
  const std::int64_t far = std::int64_t{1} << 60;
  const Tensor none = strided_slice(ones({4, 8}), {0, 0}, {far, 1}, {0, 8});
  CHECK(none.shape() == Shape{0, 8});
  CHECK(none.strides()[0] == 8);
}

}  // namespace
}  // namespace rill
