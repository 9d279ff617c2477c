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

TEST_CASE("the gradient of a layer norm is one kernel, and sums over rows that merge") {
  auto f = trace([](const Tensor& x, const Tensor& scale, const Tensor& shift) {
    GradientTape tape;
    tape.watch(x);
    tape.watch(scale);
    tape.watch(shift);
    const Tensor y = layer_norm(x, scale, shift);
    return tape.gradient(y * y, std::vector<Source>{x, scale, shift});
  });
  (void)f(ones({64, 32}), ones({32}), ones({32}));
  CHECK(
      f.explain() ==
      R"((float32[64,32] x0, float32[32] x1, float32[32] x2) -> (float32[64,32] result_0, float32[32] result_1, float32[32] result_2)
kernel   in 8,448 B, out 16,896 B, 38 op, 55 %: layer_norm add normalization_gradient -> float32[64,1] layer_norm float32[64,1] layer_norm float32[64,32] add float32[64,32] normalization_gradient
kernel   in 16,896 B, out 256 B, 5 op, 39 %: normalization_sums -> float32[1,32] normalization_sums float32[1,32] normalization_sums
kernel   in 128 B, out 128 B, 1 op, 6 %: sum reshape -> float32[32] reshape (and 1 alike)
arena: 8,960 B
)");
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

TEST_CASE("a product and what follows it are a library's call and a kernel") {
  auto f = trace(
      [](const Tensor& x, const Tensor& w, const Tensor& b) { return relu(matmul(x, w) + b); });
  (void)f(ones({64, 32}), ones({32, 16}), ones({16}));
  CHECK(f.explain() ==
        R"((float32[64,32] x0, float32[32,16] x1, float32[16] x2) -> (float32[64,16] result)
library  in 10,240 B, out 4,096 B, 71 %: matmul -> float32[64,16] matmul
kernel   in 4,160 B, out 4,096 B, 2 op, 29 %: add relu -> float32[64,16] relu
arena: 4,096 B
)");
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
