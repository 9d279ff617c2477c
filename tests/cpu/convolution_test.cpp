#include "tests/catch.h"

#include <rill/cpu/convolution.h>
#include <rill/cpu/thread_pool.h>

#include <cstring>
#include <vector>

#include "tests/cpu/convolutions.h"

using namespace rill::cpu;
using rill::BFloat16;
using rill::Half;

namespace {

std::vector<ConvolutionShape> convolution_shapes() {
  std::vector<ConvolutionShape> all{
      shape_of(2, 5, 6, 3, 4, 3, 1, 1),        shape_of(3, 7, 7, 1, 6, 5, 1, 2),
      shape_of(5, 8, 8, 6, 16, 5, 1, 0),       shape_of(2, 16, 16, 16, 32, 3, 1, 1),
      shape_of(19, 12, 13, 32, 48, 3, 1, 1),   shape_of(2, 9, 9, 16, 16, 3, 2, 1),
      shape_of(1, 11, 10, 4, 8, 3, 1, 2, 2),   shape_of(2, 8, 8, 8, 8, 3, 1, 1, 1, 8),
      shape_of(2, 8, 8, 8, 12, 3, 1, 1, 1, 4), shape_of(4, 6, 6, 20, 30, 1, 1, 0),
      shape_of(33, 6, 6, 3, 5, 3, 2, 0),       shape_of(1, 1, 1, 1, 1, 1, 1, 0),
      shape_of(3, 24, 24, 32, 32, 3, 1, 1),
  };
  ConvolutionShape uneven = shape_of(2, 7, 9, 3, 5, 3, 1, 1);
  uneven.stride = {2, 1};
  uneven.kernel_w = 2;
  uneven.pad_before = {0, 1};
  uneven.pad_after = {1, 0};
  uneven.out_h = 3;
  uneven.out_w = 9;
  all.push_back(uneven);
  return all;
}

template <class T>
std::vector<T> convolve(ConvolutionShape shape, ConvolutionPass pass, const std::vector<T>& first,
                        const std::vector<T>& second) {
  shape.dtype = rill::dtype_of<T>;
  const Convolution plan(shape, pass);
  std::vector<T> result(pass_sizes(shape, pass).result, T(7.0F));
  std::vector<std::byte> memory(plan.workspace() + 64);
  auto* workspace = memory.data();
  while (reinterpret_cast<std::uintptr_t>(workspace) % 64 != 0) ++workspace;
  const std::byte* const inputs[] = {reinterpret_cast<const std::byte*>(first.data()),
                                     reinterpret_cast<const std::byte*>(second.data())};
  std::byte* const outputs[] = {reinterpret_cast<std::byte*>(result.data())};
  plan.execute(inputs, outputs, workspace);
  return result;
}

template <class T>
double error_of_plan(const ConvolutionShape& s, ConvolutionPass pass) {
  return relative_error<T>(s, pass, [&](const std::vector<T>& first, const std::vector<T>& second) {
    return convolve(s, pass, first, second);
  });
}

}  // namespace

TEST_CASE("a convolution of a small image", "[cpu][convolution]") {
  const std::vector<float> image{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<float> weights{1, 0, 0, -1};
  const ConvolutionShape shape = shape_of(1, 3, 3, 1, 1, 2, 1, 0);
  CHECK(convolve(shape, ConvolutionPass::forward, image, weights) ==
        std::vector<float>{-4, -4, -4, -4});
  const std::vector<float> gradient{1, 2, 3, 4};
  CHECK(convolve(shape, ConvolutionPass::input_gradient, gradient, weights) ==
        std::vector<float>{1, 2, 0, 3, 3, -2, 0, -3, -4});
  CHECK(convolve(shape, ConvolutionPass::weight_gradient, image, gradient) ==
        std::vector<float>{37, 47, 67, 77});
}

TEST_CASE("every pass agrees with sums in double", "[cpu][convolution]") {
  for (const ConvolutionShape& shape : convolution_shapes()) {
    for (const ConvolutionPass pass : passes) {
      CAPTURE(shape.n, shape.h, shape.c, shape.out_c, shape.kernel_h, shape.groups,
              static_cast<int>(pass));
      CHECK(error_of_plan<float>(shape, pass) < 2e-6);
      CHECK(error_of_plan<double>(shape, pass) < 1e-15);
      CHECK(error_of_plan<Half>(shape, pass) < 5e-4);
      CHECK(error_of_plan<BFloat16>(shape, pass) < 4e-3);
    }
  }
}

TEST_CASE("a convolution's bits do not depend on the number of threads", "[cpu][convolution]") {
  const int found = threads();
  for (const ConvolutionShape& shape : convolution_shapes()) {
    for (const ConvolutionPass pass : passes) {
      const PassSizes sizes = pass_sizes(shape, pass);
      const auto first = random_numbers<float>(sizes.first, 1);
      const auto second = random_numbers<float>(sizes.second, 2);
      set_threads(1);
      const auto expected = convolve(shape, pass, first, second);
      for (const int count : {2, 7, 16}) {
        set_threads(count);
        const auto got = convolve(shape, pass, first, second);
        CAPTURE(shape.n, shape.h, shape.c, static_cast<int>(pass), count);
        CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0);
      }
    }
  }
  set_threads(found);
}

TEST_CASE("convolutions of nothing", "[cpu][convolution]") {
  ConvolutionShape none = shape_of(0, 5, 5, 2, 3, 3, 1, 1);
  CHECK(convolve<float>(none, ConvolutionPass::forward, {}, std::vector<float>(54)).empty());
  CHECK(convolve<float>(none, ConvolutionPass::weight_gradient, {}, {}) ==
        std::vector<float>(54, 0));
  ConvolutionShape no_channels = shape_of(1, 3, 3, 0, 2, 3, 1, 1);
  CHECK(convolve<float>(no_channels, ConvolutionPass::forward, {}, {}) ==
        std::vector<float>(18, 0));
}

TEST_CASE("oneDNN tells its version", "[cpu][onednn]") {
  CHECK_THAT(onednn::information(), Catch::Contains("."));
}
