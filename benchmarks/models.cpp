#include "models.h"

#include <cmath>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <rill/rill.h>

#include "../samples/fashion_network.h"

namespace rill::bench {
namespace {

Tensor labels(const Shape& shape, std::int64_t classes) { return rng::randint(shape, 0, classes); }

/// x W + b, (..., in) -> (..., out).
struct Linear {
  Variable w, b;
  Linear(std::int64_t in, std::int64_t out)
      : w(rng::normal({in, out}) / std::sqrt(static_cast<double>(in))), b(zeros({out})) {}
  Tensor operator()(const Tensor& x) const { return matmul(x, w) + b; }
};

/// A step of `optimizer` down `loss`.
template <class O, class Loss>
TrainingStep training(std::shared_ptr<O> optimizer, Loss loss) {
  return [=] { return std::vector<Tensor>{optimizer->minimize(loss)}; };
}

// ---- LeNet, batch of 64 -----------------------------------------------------------------------

struct Convolution {
  Variable w, b;
  WindowPadding padding;
  Convolution(std::int64_t size, std::int64_t in, std::int64_t out, WindowPadding around)
      : w(rng::normal({size, size, in, out}) / std::sqrt(static_cast<double>(size * size * in))),
        b(zeros({out})),
        padding(around) {}
  Tensor operator()(const Tensor& x) const { return conv2d(x, w, {.padding = padding}) + b; }
};

// ---- GPT: 4 layers, 4 heads, 128 wide, 64 tokens, 65 characters, batch of 12 ------------------

constexpr std::int64_t context = 64, width = 128, heads = 4, layers = 4, alphabet = 65, texts = 12;

struct Norm {
  Variable gamma{ones({width})}, beta{zeros({width})};
  Tensor operator()(const Tensor& x) const { return layer_norm(x, gamma, beta); }
};

struct Block {
  Norm norm_1, norm_2;
  Linear qkv{width, 3 * width}, out{width, width}, up{width, 4 * width}, down{4 * width, width};

  /// (b, t, width) -> (b, heads, t, width / heads)
  static Tensor split_heads(const Tensor& x) {
    return x.reshape({texts, context, heads, width / heads}).transpose({0, 2, 1, 3});
  }

  Tensor operator()(Tensor x) const {  // (b, t, width)
    const auto parts = split(qkv(norm_1(x)), 3, -1);
    const Tensor y = scaled_dot_product_attention(split_heads(parts[0]), split_heads(parts[1]),
                                                  split_heads(parts[2]), {.causal = true});
    x = x + out(y.transpose({0, 2, 1, 3}).reshape(x.shape()));
    return x + down(gelu(up(norm_2(x))));
  }
};

struct Gpt {
  Variable tokens{rng::normal({alphabet, width})};
  Variable positions{rng::normal({context, width})};
  Variable head{rng::normal({width, alphabet}) / std::sqrt(static_cast<double>(width))};
  std::vector<Block> blocks{layers};
  Norm norm;

  /// (b, t) int64 -> (b, t, alphabet)
  Tensor operator()(const Tensor& codes) const {
    Tensor x = embedding(tokens, codes) + positions;  // (b, t, width)
    for (const Block& block : blocks) x = block(x);
    return matmul(norm(x), head);
  }
};

// ---- A block of ResNet-18: 8 images of 56x56 with 64 channels, the input's gradient included --

struct Normalization {
  Variable gamma{ones({64})}, beta{zeros({64})};
  Variable running_mean{zeros({64}), {.trainable = false}};
  Variable running_variance{ones({64}), {.trainable = false}};

  Tensor operator()(const Tensor& x) const {
    const BatchNorm result = batch_norm(x, gamma, beta);
    running_mean.assign(0.9 * running_mean + 0.1 * stop_gradient(result.mean));
    running_variance.assign(0.9 * running_variance + 0.1 * stop_gradient(result.variance));
    return result.y;
  }
};

struct ResidualBlock {
  Variable filters_1{rng::normal({3, 3, 64, 64}) / 24.0};
  Variable filters_2{rng::normal({3, 3, 64, 64}) / 24.0};
  Normalization norm_1, norm_2;

  Tensor operator()(const Tensor& x) const {
    const Tensor h = relu(norm_1(conv2d(x, filters_1, {.padding = 1})));
    return relu(x + norm_2(conv2d(h, filters_2, {.padding = 1})));
  }
};

}  // namespace

TrainingStep mlp_step() {
  const Linear first(784, 128);
  const Linear second(128, 10);
  const Tensor x = rng::normal({64, 784});
  const Tensor y = labels({64}, 10);
  return training(std::make_shared<SGD>(0.01),
                  [=] { return mean(cross_entropy(second(relu(first(x))), y)); });
}

TrainingStep mlp_tape_step() {
  const Linear first(784, 128);
  const Linear second(128, 10);
  const Tensor x = rng::normal({64, 784});
  const Tensor y = labels({64}, 10);
  return training(std::make_shared<SGD>(0.01),
                  trace([=] { return mean(cross_entropy(second(relu(first(x))), y)); }));
}

TrainingStep lenet_step() {
  const Convolution convolution_1(5, 1, 6, 2);
  const Convolution convolution_2(5, 6, 16, 0);
  const Linear linear_1(400, 120);
  const Linear linear_2(120, 84);
  const Linear linear_3(84, 10);
  const Tensor images = rng::normal({64, 28, 28, 1});
  const Tensor y = labels({64}, 10);
  return training(std::make_shared<SGD>(0.01), [=] {
    Tensor x = max_pool2d(relu(convolution_1(images)), {2, 2});  // (n, 14, 14, 6)
    x = max_pool2d(relu(convolution_2(x)), {2, 2});              // (n, 5, 5, 16)
    x = relu(linear_2(relu(linear_1(x.reshape({64, 400})))));
    return mean(cross_entropy(linear_3(x), y));
  });
}

TrainingStep lstm_step() {
  constexpr std::int64_t features = 64;
  constexpr std::int64_t hidden = 128;
  const double deviation = 1 / std::sqrt(static_cast<double>(hidden));
  const Variable w(rng::normal({features, 4 * hidden}) * deviation);
  const Variable u(rng::normal({hidden, 4 * hidden}) * deviation);
  const Variable b(zeros({4 * hidden}));
  const Variable recurrent_b(zeros({4 * hidden}));
  const Tensor x = rng::normal({28, 64, features});
  return training(std::make_shared<SGD>(0.01),
                  [=] { return mean(lstm(x, w, u, b, {.recurrent_bias = recurrent_b}).outputs); });
}

TrainingStep gpt_step() {
  const auto model = std::make_shared<const Gpt>();
  const Tensor input = labels({texts, context}, alphabet);
  const Tensor target = labels({texts, context}, alphabet);
  return training(std::make_shared<AdamW>(1e-3),
                  [=] { return mean(cross_entropy((*model)(input), target)); });
}

TrainingStep resblock_step() {
  const ResidualBlock block;
  const Tensor x = rng::normal({8, 56, 56, 64});
  const auto optimizer = std::make_shared<SGD>(0.01);
  return [=]() -> std::vector<Tensor> {
    GradientTape tape;
    tape.watch(x);
    Tensor loss = mean(block(x));
    const std::vector<Variable> variables = tape.watched_variables();
    std::vector<Source> sources(variables.begin(), variables.end());
    sources.emplace_back(x);
    const std::vector<Tensor> gradients = tape.gradient(loss, sources);
    std::vector<GradientAndVariable> pairs;
    for (std::size_t i = 0; i < variables.size(); ++i)
      pairs.push_back({gradients[i], variables[i]});
    optimizer->apply_gradients(pairs);
    return {std::move(loss), gradients.back()};
  };
}

TrainingStep demo_step() {
  const fashion::Network network(28);
  const Tensor images = rng::normal({64, 28, 28, 1});
  const Tensor y = labels({64}, 10);
  return training(std::make_shared<Adam>(1e-3),
                  [=] { return mean(cross_entropy(network(images), y)); });
}

}  // namespace rill::bench
