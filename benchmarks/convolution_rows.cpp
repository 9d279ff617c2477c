// A 3x3 convolution in the middle of a network: 8 images of 56x56 with 64 channels, and its
// gradients.

#include <memory>

#include <rill/rill.h>

#include "libraries.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr std::int64_t batch = 8;
constexpr std::int64_t size = 56;
constexpr std::int64_t channels = 64;
Shape images() { return {batch, size, size, channels}; }
Shape filters() { return {3, 3, channels, channels}; }

Tensor convolve(const Tensor& x, const Tensor& w) { return conv2d(x, w, {.padding = 1}); }

Work forward() {
  return {.run = [x = rng::normal(images()), w = rng::normal(filters())] { return convolve(x, w); },
          .floors = direct_convolution(ConvolutionPart::forward, batch, channels, size)};
}

/// `gradient` alone, with a given gradient of the result.
Work gradient_of(ConvolutionPart part) {
  const auto tape = std::make_shared<GradientTape>(TapeOptions{.persistent = true});
  const Tensor x = rng::normal(images());
  const Tensor w = rng::normal(filters());
  const Tensor source = part == ConvolutionPart::input_gradient ? x : w;
  tape->watch(source);
  const Tensor y = convolve(x, w);
  const Tensor dy = rng::normal(images());
  return {.run =
              [=] {
                const auto pause = tape->stop_recording();  // or it would record its gradients
                return tape->gradient(y, source, {.output_gradients = dy});
              },
          .floors = direct_convolution(part, batch, channels, size)};
}

}  // namespace

std::vector<Row> convolution_rows() {
  return {{"conv_forward", forward},
          {"conv_input_gradient", [] { return gradient_of(ConvolutionPart::input_gradient); }},
          {"conv_weight_gradient", [] { return gradient_of(ConvolutionPart::weight_gradient); }}};
}

}  // namespace rill::bench
