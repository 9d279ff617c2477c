// Convolutions computed by their definition, for tests.
#pragma once

#include <rill/kernel/backend.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace rill::cpu {

using kernel::ConvolutionPass;
using kernel::ConvolutionShape;

inline constexpr ConvolutionPass passes[] = {
    ConvolutionPass::forward, ConvolutionPass::input_gradient, ConvolutionPass::weight_gradient};

inline std::size_t input_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.n * s.h * s.w * s.c);
}
inline std::size_t output_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.n * s.out_h * s.out_w * s.out_c);
}
inline std::size_t weight_size(const ConvolutionShape& s) {
  return static_cast<std::size_t>(s.kernel_h * s.kernel_w * s.c / s.groups * s.out_c);
}

/// A convolution whose output sizes follow from the rest.
inline ConvolutionShape shape_of(std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c,
                                 std::int64_t out_c, std::int64_t kernel, std::int64_t stride,
                                 std::int64_t pad, std::int64_t dilation = 1,
                                 std::int64_t groups = 1) {
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

/// Elements of the first and the second input of a pass, and of its output.
struct PassSizes {
  std::size_t first, second, result;
};
inline PassSizes pass_sizes(const ConvolutionShape& s, ConvolutionPass pass) {
  switch (pass) {
    case ConvolutionPass::forward:
      return {input_size(s), weight_size(s), output_size(s)};
    case ConvolutionPass::input_gradient:
      return {output_size(s), weight_size(s), input_size(s)};
    case ConvolutionPass::weight_gradient:
      return {input_size(s), output_size(s), weight_size(s)};
  }
  return {};
}

/// Root-mean-square error of `convolve(first, second)` relative to the root mean square, against
/// sums in double.
template <class T, class Convolve>
double relative_error(const ConvolutionShape& s, ConvolutionPass pass, Convolve convolve) {
  const PassSizes sizes = pass_sizes(s, pass);
  const auto first = random_numbers<T>(sizes.first, 1);
  const auto second = random_numbers<T>(sizes.second, 2);
  const std::vector<T> got = convolve(first, second);
  std::vector<double> expected(got.size());
  for_each_product(s, [&](std::size_t x, std::size_t w, std::size_t y) {
    if (pass == ConvolutionPass::forward)
      expected[y] += static_cast<double>(first[x]) * static_cast<double>(second[w]);
    else if (pass == ConvolutionPass::input_gradient)
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

}  // namespace rill::cpu
