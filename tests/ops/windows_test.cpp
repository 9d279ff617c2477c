// Convolution and pooling refuse windows that cannot be computed.

#include <rill/ops/convolution.h>
#include <rill/ops/creation.h>
#include <rill/ops/pooling.h>
#include <rill/ops/reduce.h>
#include <rill/tensor/error.h>

#include <limits>

#include "tests/catch.h"

namespace rill {
namespace {

constexpr int huge = std::numeric_limits<int>::max();

TEST_CASE("a window far beyond its image is refused, whatever makes it so large") {
  const Tensor x = ones({1, 4, 4, 1});
  CHECK_THROWS_WITH(
      conv2d(x, ones({2, 2, 1, 1}), {.padding = WindowPadding::same(), .dilation = {huge, 1}}),
      Catch::StartsWith("conv2d: a window, with its dilation, is at most 4096 larger than the "
                        "image, not 2147483648 over 4: float32[1,4,4,1], float32[2,2,1,1], at "
                        "windows_test.cpp:"));
  CHECK_THROWS_AS(max_pool2d(x, {huge, 2}, {.padding = WindowPadding::same()}), ShapeError);
  CHECK_THROWS_AS(avg_pool2d(x, {2, huge}, {.padding = WindowPadding::same()}), ShapeError);
  CHECK_THROWS_AS(max_pool2d(x, {huge, huge}, {.padding = huge - 1}), ShapeError);
  CHECK_THROWS_AS(max_pool2d(x, {huge, huge}), ShapeError);
  CHECK_THROWS_AS(conv2d(x, ones({5, 5, 1, 1})), ShapeError);
}

TEST_CASE("padding that leaves no countable rows is refused") {
  const Tensor x = ones({1, 4, 4, 1});
  CHECK_THROWS_WITH(
      conv2d(x, ones({2, 2, 1, 1}), {.stride = {huge, huge}, .padding = huge}),
      Catch::StartsWith("conv2d: a padded image has at most 2147483647 rows and columns, not "
                        "4294967298: float32[1,4,4,1]"));
}

TEST_CASE("a window larger than its image takes what lies inside") {
  const Tensor x = ones({1, 2, 2, 1});
  const Tensor y = conv2d(x, ones({7, 7, 1, 1}), {.padding = WindowPadding::same()});
  CHECK(y.to_vector<float>() == std::vector<float>{4, 4, 4, 4});
  CHECK(avg_pool2d(x, {9, 9}, {.padding = WindowPadding::same()}).to_vector<float>() ==
        std::vector<float>{1});
  CHECK(
      sum(conv2d(x, ones({2, 2, 1, 1}), {.stride = {huge, huge}, .padding = WindowPadding::same()}))
          .item<float>() == 4);
}

}  // namespace
}  // namespace rill
