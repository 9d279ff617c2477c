// Which operators share a kernel, seen in what a traced function says of itself.
#include <rill/rill.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"

namespace rill {
namespace {

TEST_CASE("elementwise operators, their broadcasts and views are one kernel") {
  auto f = trace([](const Tensor& a, const Tensor& b) {
    return tanh(a * b + 1.0) * exp(-transpose(a)) + reshape(b, {4, 1});
  });
  (void)f(ones({4, 4}), ones({4}));
  CHECK(f.explain() ==
        R"((float32[4,4] x0, float32[4] x1) -> (float32[4,4] result)
kernel   in 80 B, out 64 B, 68 op, 100 %: reshape transpose negative exp multiply add tanh multiply_1 add_1 -> float32[4,4] add_1
arena: 0 B
)");
}

TEST_CASE("a softmax and a layer norm are one kernel each") {
  auto f = trace([](const Tensor& x) { return softmax(x); });
  (void)f(ones({64, 32}));
  CHECK(f.explain() ==
        R"((float32[64,32] x) -> (float32[64,32] result)
kernel   in 8,192 B, out 8,192 B, 41 op, 100 %: softmax -> float32[64,32] softmax
arena: 0 B
)");
  auto g = trace([](const Tensor& x, const Tensor& scale, const Tensor& shift) {
    return layer_norm(x, scale, shift);
  });
  (void)g(ones({64, 32}), ones({32}), ones({32}));
  CHECK(g.explain() ==
        R"((float32[64,32] x0, float32[32] x1, float32[32] x2) -> (float32[64,32] result)
kernel   in 8,448 B, out 8,192 B, 24 op, 100 %: layer_norm -> float32[64,32] layer_norm
arena: 0 B
)");
}

TEST_CASE("a softmax written by hand is one kernel") {
  auto f = trace([](const Tensor& x) {
    const Tensor e = exp(x - max(x, 1, {.keepdims = true}));
    return e / sum(e, 1, {.keepdims = true});
  });
  (void)f(ones({64, 32}));
  CHECK(f.explain() ==
        R"((float32[64,32] x) -> (float32[64,32] result)
kernel   in 8,192 B, out 8,192 B, 40 op, 100 %: max subtract exp sum divide -> float32[64,32] divide
arena: 0 B
)");
}

TEST_CASE("an optimizer's updates of all variables are one piece of work") {
  std::vector<Variable> variables;
  for (int i = 0; i < 5; ++i) variables.emplace_back(ones({i + 3}));
  SGD sgd(0.5);
  auto f = trace([&](const Tensor& x) {
    std::vector<GradientAndVariable> pairs;
    for (const Variable& variable : variables)
      pairs.push_back({.gradient = x(slice(0, variable.size())), .variable = variable});
    sgd.apply_gradients(pairs);
  });
  (void)f(ones({8}));
  const std::string text = f.explain();
  CHECK(text.find("strided_slice sgd_update -> float32[3] sgd_update (and 4 alike)") !=
        std::string::npos);
  INFO(text);
  CHECK(text.find("kernel   in 48 B, out 12 B, 2 op") != std::string::npos);
}

TEST_CASE("a composition is looked into: its operators fuse with those around it") {
  const auto body = [](const Tensor& x, const Tensor& scale, const Tensor& shift) {
    return relu(batch_norm(x * 2, scale, shift).y);
  };
  auto f = trace(body);
  const Tensor x = rng::normal({64, 32});
  const Tensor scale = rng::normal({32});
  (void)f(x, scale, scale);
  CHECK(equal(f(x, scale, scale), body(x, scale, scale)));
  CHECK(f.explain() ==
        R"((float32[64,32] x0, float32[32] x1, float32[32] x2) -> (float32[64,32] result)
kernel   in 8,192 B, out 8,192 B, 1 op, 38 %: multiply -> float32[64,32] multiply
kernel   in 8,192 B, out 256 B, 7 op, 22 %: batch_norm/moments -> float32[1,32] batch_norm/moments float32[1,32] batch_norm/moments
kernel   in 8,704 B, out 8,192 B, 19 op, 39 %: reshape reshape_1 batch_norm/normalize relu -> float32[64,32] relu
arena: 8,448 B
)");
}

TEST_CASE("what follows a product element by element is its epilogue") {
  auto f = trace(
      [](const Tensor& x, const Tensor& w, const Tensor& b) { return relu(matmul(x, w) + b); });
  (void)f(ones({64, 32}), ones({32, 16}), ones({16}));
  CHECK(f.explain() ==
        R"((float32[64,32] x0, float32[32,16] x1, float32[16] x2) -> (float32[64,16] result)
library  in 10,304 B, out 4,096 B, 2 op, 100 %: matmul add relu -> float32[64,16] relu
arena: 4,096 B
)");
}

TEST_CASE("an epilogue sees the product under other shapes, and leaves it to others") {
  const auto f = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    const Tensor product = matmul(x, w);
    const Tensor y = tanh(product.reshape({8, 8, 16}) + b);
    return std::pair(y, matmul(transpose(product), product));
  };
  auto traced = trace(f);
  const Tensor x = rng::normal({64, 32});
  const Tensor w = rng::normal({32, 16});
  const Tensor b = rng::normal({8, 1, 16});
  (void)traced(x, w, b);
  CHECK(same_bits(traced(x, w, b).first, f(x, w, b).first));
  CHECK(same_bits(traced(x, w, b).second, f(x, w, b).second));
  CHECK(traced.explain().find("matmul reshape add tanh -> float32[64,16] matmul float32[8,8,16] "
                              "tanh") != std::string::npos);
}

TEST_CASE("a convolution of images has an epilogue") {
  const auto f = [](const Tensor& x, const Tensor& w, const Tensor& b) {
    return relu(conv2d(x, w, {.padding = WindowPadding::same()}) + b);
  };
  auto traced = trace(f);
  const Tensor x = rng::normal({19, 8, 8, 16});
  const Tensor w = rng::normal({3, 3, 16, 32});
  const Tensor b = rng::normal({32});
  (void)traced(x, w, b);
  CHECK(same_bits(traced(x, w, b), f(x, w, b)));
  CHECK(traced.explain().find("conv2d add relu -> float32[19,8,8,32] relu") != std::string::npos);
}

TEST_CASE("what reads a product in another order, or something later, is a kernel of its own") {
  auto transposed =
      trace([](const Tensor& x, const Tensor& w) { return transpose(matmul(x, w)) * 2.0; });
  const Tensor x = ones({8, 4});
  const Tensor w = ones({4, 8});
  (void)transposed(x, w);
  CHECK(transposed.explain().find("kernel   in 256 B, out 256 B") != std::string::npos);
  auto later = trace([](const Tensor& a, const Tensor& b) {
    const Tensor first = matmul(a, b);
    return first + matmul(first, first);  // the second product's
  });
  (void)later(x, w);
  CHECK(later.explain().find("matmul_1 add -> float32[8,8] add") != std::string::npos);
}

TEST_CASE("a result lies over an operand that nobody reads any more") {
  const auto f = [](const Tensor& x) { return matmul(exp(matmul(tanh(matmul(x, x)), x)), x); };
  auto traced = trace(f);
  const Tensor x = rng::normal({64, 64});
  (void)traced(x);
  CHECK(same_bits(traced(x), f(x)));
  const std::string text = traced.explain();
  INFO(text);
  // One product's result and the next one's: tanh and exp are written over what they read.
  CHECK(text.find("arena: 32,768 B") != std::string::npos);
}

TEST_CASE("axes that a reshape joins are walked apart") {
  const auto f = [](const Tensor& x, const Tensor& bias) {
    return exp(x.transpose({1, 0, 2}).reshape({5, 12}) + bias).reshape({5, 4, 3}) * 2.0;
  };
  auto traced = trace(f);
  const Tensor x = rng::normal({4, 5, 3});
  const Tensor bias = rng::normal({12});
  (void)traced(x, bias);
  CHECK(same_bits(traced(x, bias), f(x, bias)));
}

}  // namespace
}  // namespace rill
