#include "tests/catch.h"

#include <rill/cpu/convolution.h>
#include <rill/cpu/thread_pool.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

using namespace rill::cpu;
using rill::BFloat16;
using rill::Half;
using rill::kernel::ConvolutionPass;
using rill::kernel::ConvolutionShape;

namespace {

constexpr ConvolutionPass passes[] = {ConvolutionPass::forward, ConvolutionPass::input_gradient,
                                      ConvolutionPass::weight_gradient};

std::size_t input_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.n * s.h * s.w * s.c);
}
std::size_t output_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.n * s.out_h * s.out_w * s.out_c);
}
std::size_t weight_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.kernel_h * s.kernel_w * s.c / s.groups * s.out_c);
}

/// A convolution whose output sizes follow from the rest.
ConvolutionShape shape_of(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                          std::int64_t out_c, std::int64_t kernel, std::int64_t stride,
                          std::int64_t pad, std::int64_t dilation = 1, std::int64_t groups = 1) {
  ConvolutionShape s{
      .n = n, .h = h, .w = w, .c = c, .out_c = out_c, .kernel_h = kernel, .kernel_w = kernel};
  s.stride = {stride, stride};
  s.dilation = {dilation, dilation};
  s.pad_before = {pad, pad};
  s.pad_after = {pad, pad};
  s.groups = groups;
  s.out_h = (h + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  s.out_w = (w + 2 * pad - (kernel - 1) * dilation - 1) / stride + 1;
  return s;
}

std::vector<ConvolutionShape> shapes() {
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

/// Calls f with the flat indices of every input element, weight and output element that meet in a
/// product.
template <class F>
void for_each_product(const ConvolutionShape& s, F f) {
  const std::int64_t in = s.c / s.groups;
  const std::int64_t out = s.out_c / s.groups;
  for (std::int64_t n = 0; n < s.n; ++n)
    for (std::int64_t y = 0; y < s.out_h; ++y)
      for (std::int64_t x = 0; x < s.out_w; ++x)
        for (std::int64_t i = 0; i < s.kernel_h; ++i)
          for (std::int64_t j = 0; j < s.kernel_w; ++j) {
            const std::int64_t row = y * s.stride[0] - s.pad_before[0] + i * s.dilation[0];
            const std::int64_t column = x * s.stride[1] - s.pad_before[1] + j * s.dilation[1];
            if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
            for (std::int64_t g = 0; g < s.groups; ++g)
              for (std::int64_t c = 0; c < in; ++c)
                for (std::int64_t o = 0; o < out; ++o)
                  f(static_cast<std::size_t>(((n * s.h + row) * s.w + column) * s.c + g * in + c),
                    static_cast<std::size_t>(((i * s.kernel_w + j) * in + c) * s.out_c + g * out +
                                             o),
                    static_cast<std::size_t>(((n * s.out_h + y) * s.out_w + x) * s.out_c + g * out +
                                             o));
          }
}

template <class T>
std::vector<T> random_numbers(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<T> numbers(count);
  for (T& number : numbers) number = static_cast<T>(normal(generator));
  return numbers;
}

template <class T>
std::vector<T> convolve(ConvolutionShape shape, ConvolutionPass pass, const std::vector<T>& first,
                        const std::vector<T>& second) {
  shape.dtype = rill::dtype_of<T>;
  const Convolution plan(shape, pass);
  const std::size_t size = pass == ConvolutionPass::forward          ? output_size(shape)
                           : pass == ConvolutionPass::input_gradient ? input_size(shape)
                                                                     : weight_size(shape);
  std::vector<T> result(size, T(7.0F));
  std::vector<std::byte> memory(plan.workspace() + 64);
  auto* workspace = memory.data();
  while (reinterpret_cast<std::uintptr_t>(workspace) % 64 != 0) ++workspace;
  const std::byte* const inputs[] = {reinterpret_cast<const std::byte*>(first.data()),
                                     reinterpret_cast<const std::byte*>(second.data())};
  std::byte* const outputs[] = {reinterpret_cast<std::byte*>(result.data())};
  plan.execute(inputs, outputs, workspace);
  return result;
}

/// Root-mean-square error relative to the root mean square, against sums in double.
template <class T>
double relative_error(const ConvolutionShape& s, ConvolutionPass pass) {
  const bool forward = pass == ConvolutionPass::forward;
  const bool to_input = pass == ConvolutionPass::input_gradient;
  const auto first = random_numbers<T>(to_input ? output_size(s) : input_size(s), 1);
  const auto second = random_numbers<T>(forward || to_input ? weight_size(s) : output_size(s), 2);
  const auto got = convolve(s, pass, first, second);
  std::vector<double> expected(got.size());
  for_each_product(s, [&](std::size_t x, std::size_t w, std::size_t y) {
    if (forward)
      expected[y] += static_cast<double>(first[x]) * static_cast<double>(second[w]);
    else if (to_input)
      expected[x] += static_cast<double>(first[y]) * static_cast<double>(second[w]);
    else
      expected[w] += static_cast<double>(first[x]) * static_cast<double>(second[y]);
  });
  double error = 0;
  double square = 0;
  for (std::size_t e = 0; e < got.size(); ++e) {
    error += std::pow(static_cast<double>(got[e]) - expected[e], 2);
    square += std::pow(expected[e], 2);
  }
  return std::sqrt(error / square);
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
  for (const ConvolutionShape& shape : shapes()) {
    for (const ConvolutionPass pass : passes) {
      CAPTURE(shape.n, shape.h, shape.c, shape.out_c, shape.kernel_h, shape.groups,
              static_cast<int>(pass));
      CHECK(relative_error<float>(shape, pass) < 2e-6);
      CHECK(relative_error<double>(shape, pass) < 1e-15);
      CHECK(relative_error<Half>(shape, pass) < 5e-4);
      CHECK(relative_error<BFloat16>(shape, pass) < 4e-3);
    }
  }
}

TEST_CASE("a convolution's bits do not depend on the number of threads", "[cpu][convolution]") {
  const int found = threads();
  for (const ConvolutionShape& shape : shapes()) {
    for (const ConvolutionPass pass : passes) {
      const bool to_input = pass == ConvolutionPass::input_gradient;
      const auto first =
          random_numbers<float>(to_input ? output_size(shape) : input_size(shape), 1);
      const auto second = random_numbers<float>(
          pass == ConvolutionPass::weight_gradient ? output_size(shape) : weight_size(shape), 2);
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
