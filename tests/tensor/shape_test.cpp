#include <rill/tensor/axes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/index.h>
#include <rill/tensor/shape.h>

#include <array>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

using namespace rill;
using rill::test::thrown;

TEST_CASE("a shape lists its sizes") {
  const Shape shape{2, 3, Dim("batch")};
  CHECK(shape.rank() == 3);
  CHECK(shape[1] == Dim(3));
  CHECK_FALSE(shape.known());
  CHECK(shape.size() == 6 * Dim("batch"));
  CHECK(shape.text() == "[2,3,batch]");
  CHECK(Shape{}.text() == "[]");
  CHECK(Shape{}.size() == Dim(1));
  CHECK(Shape{2, 0, 3}.size() == Dim(0));
  CHECK_FALSE(Shape{2} == Shape{2, 1});
}

TEST_CASE("sizes are inserted and erased") {
  Shape shape{2, 3};
  shape.insert(0, 7);
  CHECK(shape == Shape{7, 2, 3});
  shape.insert(3, 9);
  CHECK(shape == Shape{7, 2, 3, 9});
  shape.erase(1);
  CHECK(shape == Shape{7, 3, 9});
}

TEST_CASE("a shape has at most eight axes, and its size at most 2^61") {
  CHECK(Shape{1, 2, 3, 4, 5, 6, 7, 8}.rank() == 8);
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), ShapeError);
  const Shape large{std::int64_t{1} << 31, std::int64_t{1} << 31};
  CHECK_THROWS_AS(large.size(), ShapeError);
}

TEST_CASE("shapes broadcast as NumPy's do") {
  CHECK(broadcast({2, 3}, {3}) == Shape{2, 3});
  CHECK(broadcast({2, 1}, {1, 3}) == Shape{2, 3});
  CHECK(broadcast({}, {2, 3}) == Shape{2, 3});
  CHECK(broadcast({0, 3}, {1, 3}) == Shape{0, 3});
  CHECK(broadcast({5, 1, 4}, {3, 1}) == Shape{5, 3, 4});
  CHECK(thrown<ShapeError>([] { broadcast({2, 3}, {4}); }) ==
        "shapes [2,3] and [4] do not broadcast: aligned at the right, sizes must be equal or 1");
}

TEST_CASE("an unknown size meets 1 or its equal only") {
  const Dim batch("batch");
  CHECK(broadcast({batch, 3}, {1, 3}) == Shape{batch, 3});
  CHECK(broadcast({batch, 3}, {batch, 1}) == Shape{batch, 3});
  CHECK_THROWS_AS(broadcast({batch}, {2}), ShapeError);
  CHECK_THROWS_AS(broadcast({batch}, {Dim("length")}), ShapeError);
}

TEST_CASE("axes are one number or a list of few") {
  CHECK(Axes(-1).text() == "[-1]");
  CHECK(Axes({0, 2}).text() == "[0,2]");
  CHECK(Axes({0, 2}).contains(2));
  CHECK_FALSE(Axes({0, 2}).contains(1));
  CHECK_THROWS_AS(Axes(1000), IndexError);
  CHECK_THROWS_AS(Axes(std::int64_t{1} << 32U), IndexError);
  CHECK_THROWS_AS(Axes({0, 1, 2, 3, 4, 5, 6, 7, 8}), IndexError);
}

TEST_CASE("sizes and axes that are known at run time come in vectors, arrays and spans") {
  CHECK(Shape(std::vector<int>{2, 3}) == Shape{2, 3});
  CHECK(Shape(std::vector<std::size_t>{2, 3}) == Shape{2, 3});
  CHECK(Shape(std::array<std::int64_t, 2>{2, 3}) == Shape{2, 3});
  CHECK(Shape(std::vector<Dim>{2, Dim("batch")}) == Shape{2, Dim("batch")});
  CHECK(Shape(std::vector<int>{}) == Shape{});
  CHECK_THROWS_AS(Shape(std::vector<int>(9, 1)), ShapeError);
  CHECK_THROWS_AS(Shape(std::vector<std::uint64_t>{~std::uint64_t{0}}), ValueError);
  const std::vector<int> vector{0, -1};
  const auto text = [](const Axes& axes) { return axes.text(); };
  CHECK(text(vector) == "[0,-1]");
  CHECK(text(std::array<std::int64_t, 3>{2, 1, 0}) == "[2,1,0]");
  CHECK(text(std::span(vector).first(1)) == "[0]");
  CHECK_THROWS_AS(text(std::vector<std::int64_t>{std::int64_t{1} << 32U}), IndexError);
  static_assert(!std::is_constructible_v<Axes, std::vector<double>>);
  static_assert(!std::is_constructible_v<Shape, std::vector<double>>);
}

TEST_CASE("an axis is brought into the range of the rank") {
  CHECK(normalized_axis(-1, 3, "sum", "float32[2,3,4]", {}) == 2);
  CHECK(normalized_axis(1, 3, "sum", "float32[2,3,4]", {}) == 1);
  CHECK(thrown<IndexError>([] { normalized_axis(3, 2, "sum", "float32[2,3]", {"main.cpp", 5}); }) ==
        "sum: axis 3 is outside [-2, 2) for float32[2,3], at main.cpp:5");
  CHECK_THROWS_AS(normalized_axis(0, 0, "sum", "float32[]", {}), IndexError);
}

TEST_CASE("an index in braces is a slice of two or three numbers") {
  const Index two({1, 4});
  CHECK(two.kind() == Index::Kind::slice);
  CHECK(two.range().first == 1);
  CHECK(two.range().last == 4);
  CHECK(two.range().step == 1);
  CHECK(Index({5, 0, -2}).range().step == -2);
  CHECK(Index(slice()).range().first == std::nullopt);
  CHECK(Index(-1).number() == -1);
  CHECK(Index(newaxis).kind() == Index::Kind::new_axis);
  CHECK_THROWS_AS(Index({1}), IndexError);
  CHECK_THROWS_AS(Index({1, 2, 3, 4}), IndexError);
}
