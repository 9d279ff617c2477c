// The network of the demo: two convolutions, each with a pooling, and two layers above them.
//
// Invariant: takes square images of one channel whose size is a multiple of 4.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include <rill/rill.h>

namespace fashion {

using namespace rill;

struct Network {
  Variable filters_1, bias_1, filters_2, bias_2, weights_1, bias_3, weights_2, bias_4;

  explicit Network(std::int64_t size) {
    const std::int64_t flat = (size / 4) * (size / 4) * 32;
    // Deviations that keep the size of the signal (He et al. 2015).
    const auto random = [](const Shape& shape, std::int64_t inputs) {
      return rng::truncated_normal(shape) * std::sqrt(2.0 / static_cast<double>(inputs));
    };
    filters_1 = Variable(random({3, 3, 1, 16}, 9), "filters_1");
    bias_1 = Variable(zeros({16}), "bias_1");
    filters_2 = Variable(random({3, 3, 16, 32}, 144), "filters_2");
    bias_2 = Variable(zeros({32}), "bias_2");
    weights_1 = Variable(random({flat, 128}, flat), "weights_1");
    bias_3 = Variable(zeros({128}), "bias_3");
    weights_2 = Variable(random({128, 10}, 128), "weights_2");
    bias_4 = Variable(zeros({10}), "bias_4");
  }

  [[nodiscard]] std::vector<Variable> variables() const {
    return {filters_1, bias_1, filters_2, bias_2, weights_1, bias_3, weights_2, bias_4};
  }

  /// (n, h, w, 1) -> (n, 10)
  [[nodiscard]] Tensor operator()(const Tensor& images) const {
    Tensor x = relu(conv2d(images, filters_1, {.padding = WindowPadding::same()}) +
                    bias_1);    // (n, h, w, 16)
    x = max_pool2d(x, {2, 2});  // (n, h/2, w/2, 16)
    x = relu(conv2d(x, filters_2, {.padding = WindowPadding::same()}) +
             bias_2);                                                 // (n, h/2, w/2, 32)
    x = max_pool2d(x, {2, 2});                                        // (n, h/4, w/4, 32)
    x = relu(matmul(x.reshape({x.dim(0), -1}), weights_1) + bias_3);  // (n, 128)
    return matmul(x, weights_2) + bias_4;
  }
};

}  // namespace fashion
