#include "tests/catch.h"

#include <rill/cpu/direct_convolution.h>
#include <rill/cpu/thread_pool.h>

#include <cstring>
#include <vector>

#include "tests/cpu/convolutions.h"

using namespace rill::cpu;

namespace {

/// With 77 in front of and behind the result, which nobody may touch.
std::vector<float> convolve_directly(const ConvolutionShape& shape, ConvolutionPass pass,
                                     Level level, std::vector<float> first,
                                     std::vector<float> second) {
  constexpr std::size_t margin = 16;
  const DirectConvolution plan(shape, pass, level);
  const std::size_t size = pass_sizes(shape, pass).result;
  std::vector<float> result(size + 2 * margin, 77.0F);
  std::vector<std::byte> memory(plan.workspace() + 64);
  auto* workspace = memory.data();
  while (reinterpret_cast<std::uintptr_t>(workspace) % 64 != 0) ++workspace;
  float* const written = result.data() + margin;
  switch (pass) {
    case ConvolutionPass::forward:
      plan.run(first.data(), second.data(), written, workspace);
      break;
    case ConvolutionPass::input_gradient:
      plan.run(written, second.data(), first.data(), workspace);
      break;
    case ConvolutionPass::weight_gradient:
      plan.run(first.data(), written, second.data(), workspace);
      break;
  }
  for (std::size_t i = 0; i < margin; ++i) {
    CHECK(result[i] == 77.0F);
    CHECK(result[margin + size + i] == 77.0F);
  }
  return {written, written + size};
}

ConvolutionShape with_height(ConvolutionShape s, std::int64_t stride, std::int64_t dilation) {
  s.stride[0] = stride;
  s.dilation[0] = dilation;
  s.out_h = (s.h + s.pad_before[0] + s.pad_after[0] - (s.kernel_h - 1) * dilation - 1) / stride + 1;
  return s;
}

/// Where kernels, bands and tiles begin and end: few and many channels, columns that fill vectors
/// and that do not, images of one pixel and of several bands, padding of every kind.
std::vector<ConvolutionShape> directly_convolved_shapes() {
  std::vector<ConvolutionShape> all{
      shape_of(3, 28, 28, 1, 6, 5, 1, 2),
      shape_of(5, 14, 14, 6, 16, 5, 1, 0),
      shape_of(1, 1, 1, 1, 1, 1, 1, 0),
      shape_of(2, 1, 1, 2, 3, 3, 1, 1),
      shape_of(2, 9, 7, 3, 8, 3, 1, 1),
      shape_of(1, 9, 9, 2, 9, 3, 1, 0),
      shape_of(2, 6, 6, 1, 17, 3, 2, 1),
      shape_of(2, 8, 8, 16, 24, 3, 1, 1),
      shape_of(1, 10, 10, 4, 50, 3, 3, 0),
      shape_of(1, 70, 60, 4, 5, 7, 2, 3),
      shape_of(2, 90, 150, 2, 3, 3, 1, 1),
      shape_of(20, 4, 4, 3, 4, 2, 1, 0),
      shape_of(1, 3, 3000, 3, 4, 3, 1, 1),
      shape_of(2, 5, 5, 2, 2, 1, 1, 2),
      with_height(shape_of(2, 17, 8, 3, 5, 3, 1, 2), 2, 3),
      with_height(shape_of(2, 40, 120, 3, 5, 3, 1, 2), 1, 4),
  };
  ConvolutionShape one_sided = shape_of(2, 7, 9, 3, 5, 3, 1, 1);
  one_sided.kernel_w = 2;
  one_sided.pad_before = {0, 1};
  one_sided.pad_after = {2, 0};
  one_sided.out_h = 7;
  one_sided.out_w = 9;
  all.push_back(one_sided);
  ConvolutionShape uncovered = shape_of(2, 8, 8, 2, 3, 3, 3, 0);  // windows end before the image
  all.push_back(uncovered);
  return all;
}

bool is_possible(const ConvolutionShape& s, ConvolutionPass pass) {
  return pass != ConvolutionPass::input_gradient || (s.stride[0] == 1 && s.stride[1] == 1);
}

}  // namespace

TEST_CASE("rill's own convolutions agree with sums in double at every level",
          "[cpu][convolution]") {
  for (const Level level : levels) {
    if (level > detected_level()) continue;
    for (const ConvolutionShape& shape : directly_convolved_shapes()) {
      for (const ConvolutionPass pass : passes) {
        if (!is_possible(shape, pass)) continue;
        CAPTURE(name_of(level), shape.n, shape.h, shape.w, shape.c, shape.out_c, shape.kernel_h,
                static_cast<int>(pass));
        const auto run = [&](const std::vector<float>& first, const std::vector<float>& second) {
          return convolve_directly(shape, pass, level, first, second);
        };
        CHECK(relative_error<float>(shape, pass, run) < 2e-6);
      }
    }
  }
}

TEST_CASE("the bits of rill's own convolutions do not depend on the number of threads",
          "[cpu][convolution]") {
  const int found = threads();
  for (const ConvolutionShape& shape : directly_convolved_shapes()) {
    for (const ConvolutionPass pass : passes) {
      if (!is_possible(shape, pass)) continue;
      const PassSizes sizes = pass_sizes(shape, pass);
      const auto first = random_numbers<float>(sizes.first, 1);
      const auto second = random_numbers<float>(sizes.second, 2);
      set_threads(1);
      const auto expected = convolve_directly(shape, pass, level(), first, second);
      for (const int count : {2, 7, 16}) {
        set_threads(count);
        const auto got = convolve_directly(shape, pass, level(), first, second);
        CAPTURE(shape.n, shape.h, shape.c, static_cast<int>(pass), count);
        CHECK(std::memcmp(expected.data(), got.data(), got.size() * sizeof(float)) == 0);
      }
    }
  }
  set_threads(found);
}

TEST_CASE("rill's own convolutions are chosen by the channels", "[cpu][convolution]") {
  const auto chosen = [](const ConvolutionShape& s) {
    std::vector<bool> all;
    for (const ConvolutionPass pass : passes)
      all.push_back(DirectConvolution::suits(s, pass, Level::avx512));
    return all;
  };
  CHECK(chosen(shape_of(64, 28, 28, 1, 6, 5, 1, 2)) == std::vector{true, true, true});
  CHECK(chosen(shape_of(64, 28, 28, 3, 16, 3, 2, 1)) == std::vector{true, false, true});
  CHECK(chosen(shape_of(8, 56, 56, 64, 64, 3, 1, 1)) == std::vector{false, false, false});
  CHECK(chosen(shape_of(8, 56, 56, 4, 4, 3, 1, 1, 1, 2)) == std::vector{false, false, false});
  CHECK(chosen(shape_of(8, 56, 56, 4, 4, 3, 1, 1, 2)) == std::vector{false, false, false});
}
