// The order of axes that operators between transposes take.
#include <rill/trace/listing.h>
#include <rill/trace/passes/layout.h>
#include <rill/trace/passes/pipeline.h>
#include <rill/trace/same_bits.h>

#include <array>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

constexpr std::array to_nchw{0, 3, 1, 2};
constexpr std::array to_nhwc{0, 2, 3, 1};

std::string laid_out(const std::vector<Tensor>& inputs,
                     const std::function<Tensors(const Tensors&)>& body) {
  Changes changes;
  return listing(choose_layouts(*recorded(inputs, body), changes));
}
/// The pass changes nothing.
bool stays(const std::vector<Tensor>& inputs, const std::function<Tensors(const Tensors&)>& body) {
  return laid_out(inputs, body) == listing(*recorded(inputs, body));
}

TEST_CASE("operators between a transpose and its inverse need neither") {
  CHECK(laid_out({ones({2, 4, 5, 3}), ones({3, 1, 1})}, [](const Tensors& x) -> Tensors {
          const Tensor y = transpose(x[0], to_nchw) * 2 + x[1];
          return {transpose(where(y > 0, y, tensor(0.5F)), to_nhwc)};
        }) == R"(x0: float32[2,4,5,3]
x1: float32[3,1,1]
number = 2
multiply = multiply(x0, number) float32[2,4,5,3]
x1/reshape = reshape(x1, shape=[1,1,1,3]) float32[1,1,1,3]
add = add(multiply, x1/reshape) float32[2,4,5,3]
number_1 = 0
greater = greater(add, number_1) bool[2,4,5,3]
constant = constant float32[]
where = where(greater, add, constant) float32[2,4,5,3]
return where
)");
}

TEST_CASE("operands transposed alike meet without being moved") {
  CHECK(laid_out({ones({2, 3}), ones({2, 3}), ones({2})}, [](const Tensors& x) -> Tensors {
          return {exp(transpose(x[0]) * transpose(x[1]) - x[2])};
        }) == R"(x0: float32[2,3]
x1: float32[2,3]
x2: float32[2]
multiply = multiply(x0, x1) float32[2,3]
x2/reshape = reshape(x2, shape=[2,1]) float32[2,1]
subtract = subtract(multiply, x2/reshape) float32[2,3]
exp = exp(subtract) float32[2,3]
exp/transpose = transpose(exp, order=[1,0]) float32[3,2]
return exp/transpose
)");
}

TEST_CASE("what would move as much or more otherwise stays") {
  const Tensor x = ones({3, 3});
  CHECK(stays({x}, [](const Tensors& in) -> Tensors { return {exp(transpose(in[0]))}; }));
  CHECK(stays({x, x}, [](const Tensors& in) -> Tensors { return {transpose(in[0]) + in[1]}; }));
  CHECK(stays({x}, [](const Tensors& in) -> Tensors { return {in[0] + transpose(in[0])}; }));
  CHECK(stays({x, x, x},
              [](const Tensors& in) -> Tensors { return {transpose(in[0] * in[1] * in[2])}; }));
  // The transpose is a result itself, so that nothing is saved by going round it.
  CHECK(stays({x}, [](const Tensors& in) -> Tensors {
    const Tensor turned = transpose(in[0]);
    return {turned, exp(turned)};
  }));
}

TEST_CASE("where both orders are wanted, one of them is a transpose") {
  CHECK(laid_out({ones({3, 2})}, [](const Tensors& x) -> Tensors {
          const Tensor y = exp(transpose(x[0]));
          return {y, transpose(y)};
        }) == R"(x: float32[3,2]
exp = exp(x) float32[3,2]
exp/transpose = transpose(exp, order=[1,0]) float32[2,3]
return exp/transpose, exp
)");
}

TEST_CASE("reductions take other axes where their elements keep their numbers") {
  CHECK(laid_out({ones({2, 4, 5, 3})}, [](const Tensors& x) -> Tensors {
          const Tensor y = exp(transpose(x[0], to_nchw));
          const Tensor average = mean(y, {0, 2, 3}, {.keepdims = true});
          return {transpose(y - average, to_nhwc), sum(y, {2, 3})};
        }) == R"(x: float32[2,4,5,3]
exp = exp(x) float32[2,4,5,3]
mean = mean(exp, axes=[0,1,2], keepdims=true) float32[1,1,1,3]
subtract = subtract(exp, mean) float32[2,4,5,3]
sum = sum(exp, axes=[1,2], keepdims=false) float32[2,3]
return subtract, sum
)");
}

TEST_CASE("a reduction whose elements would be numbered otherwise stays") {
  const Tensor x = ones({2, 4, 5, 3});
  CHECK(laid_out({x}, [](const Tensors& in) -> Tensors {
          const Tensor y = transpose(exp(transpose(in[0], to_nchw)), to_nhwc);
          return {exp(y), sum(transpose(y, to_nchw), {1, 2})};
        }).find("sum = sum(transpose_2, axes=[1,2]") != std::string::npos);
  CHECK(stays({x}, [](const Tensors& in) -> Tensors {
    return {transpose(cumsum(exp(transpose(in[0], to_nchw)), 1), to_nhwc)};
  }));
  CHECK(stays({x}, [](const Tensors& in) -> Tensors { return {sum(transpose(in[0], to_nchw))}; }));
}

// ---- A network of images (n, c, h, w) -----------------------------------------------------------

struct Network {
  Variable first{rng::normal({3, 3, 3, 8}), "first"};
  Variable bias{rng::normal({8, 1, 1}), "bias"};
  Variable gamma{rng::normal({8}), "gamma"};
  Variable beta{rng::normal({8}), "beta"};
  Variable second{rng::normal({3, 3, 8, 4}), "second"};

  [[nodiscard]] Tensor operator()(const Tensor& x) const {
    const ConvolutionOptions same{.padding = WindowPadding::same(), .layout = ImageLayout::nchw};
    const Tensor y = relu(conv2d(x, first, same) + bias);
    const Tensor normalised = batch_norm(y, gamma, beta, {.axis = 1}).y;
    return conv2d(max_pool2d(normalised, {2, 2}, {.layout = ImageLayout::nchw}), second, same);
  }
  /// Of a loss, by each variable.
  [[nodiscard]] Tensors gradients(const Tensor& x) const {
    GradientTape tape;
    const Tensor loss = mean(square((*this)(x)));
    const auto by = tape.gradient(loss, {first, bias, gamma, beta, second});
    return {by.begin(), by.end()};
  }
};

TEST_CASE("images (n, c, h, w) are transposed where they come in and where they leave") {
  const Network network;
  CHECK(listing(optimized(*recorded({ones({2, 3, 8, 8})}, [&](const Tensors& x) -> Tensors {
          return {network(x[0])};
        }))) == R"(x: float32[2,3,8,8]
bias = variable 'bias' float32[8,1,1]
first = variable 'first' float32[3,3,3,8]
transpose = transpose(x, order=[0,2,3,1]) float32[2,8,8,3]
conv2d = conv2d(transpose, first, window=[], stride=[1,1], dilation=[1,1], pad_before=[1,1], pad_after=[1,1], image=[], groups=1) float32[2,8,8,8]
bias/reshape = reshape(bias, shape=[1,1,1,8]) float32[1,1,1,8]
add = add(conv2d, bias/reshape) float32[2,8,8,8]
relu = relu(add) float32[2,8,8,8]
beta = variable 'beta' float32[8]
gamma = variable 'gamma' float32[8]
batch_norm/moments = moments(relu, axes=[0,1,2], epsilon=1e-05) float32[1,1,1,8], float32[1,1,1,8]
reshape/reshape = reshape(gamma, shape=[1,1,1,8]) float32[1,1,1,8]
reshape_1/reshape = reshape(beta, shape=[1,1,1,8]) float32[1,1,1,8]
batch_norm/normalize = normalize(relu, reshape/reshape, reshape_1/reshape, batch_norm/moments, batch_norm/moments:1, axes=[0,1,2], epsilon=1e-05) float32[2,8,8,8]
second = variable 'second' float32[3,3,8,4]
max_pool2d = max_pool2d(batch_norm/normalize, window=[2,2], stride=[2,2], dilation=[1,1], pad_before=[0,0], pad_after=[0,0], image=[], groups=1) float32[2,4,4,8], int32[2,4,4,8]
conv2d_1 = conv2d(max_pool2d, second, window=[], stride=[1,1], dilation=[1,1], pad_before=[1,1], pad_after=[1,1], image=[], groups=1) float32[2,4,4,4]
transpose_5 = transpose(conv2d_1, order=[0,3,1,2]) float32[2,4,4,4]
return transpose_5
)");
}

TEST_CASE("a gradient keeps the order of axes of what it is the gradient of") {
  const Network network;
  const std::string text = listing(optimized(*recorded(
      {ones({2, 3, 8, 8})}, [&](const Tensors& x) -> Tensors { return network.gradients(x[0]); })));
  std::size_t transposes = 0;
  for (std::size_t at = 0; (at = text.find("= transpose(", at)) != std::string::npos; ++at)
    ++transposes;
  INFO(text);
  CHECK(transposes == 1);  // of the images
}

TEST_CASE("a network has the same bits in any order of axes") {
  const Network network;
  const Tensor x = rng::normal({6, 3, 10, 12});
  const auto hold = [&](auto&& f, auto&& traced) {
    const Tensors eager = f(x);
    for (int call = 0; call < 3; ++call) {
      const Tensors got = traced(x);
      REQUIRE(got.size() == eager.size());
      for (std::size_t k = 0; k < eager.size(); ++k) CHECK(same_bits(got[k], eager[k]));
    }
  };
  const auto forward = [&](const Tensor& images) -> Tensors { return {network(images)}; };
  const auto training = [&](const Tensor& images) { return network.gradients(images); };
  const TensorSpec any = spec({unknown, 3, 10, 12}, float32);
  hold(forward, trace(forward));
  hold(forward, trace(forward, {.inputs = {any}}));
  hold(training, trace(training));
  hold(training, trace(training, {.inputs = {any}}));
}

TEST_CASE("half types and integers keep their bits in any order of axes") {
  for (const DType dtype : {float16, bfloat16, float64, int32}) {
    const Tensor x = (rng::normal({3, 4, 5, 6}) * 10).to(dtype);
    const auto f = [](const Tensor& t) -> Tensors {
      const Tensor y = maximum(transpose(t, to_nchw) * 3, 1);
      const Tensor total = sum(y, {0, 2, 3}, {.keepdims = true});
      return {transpose(y - total, to_nhwc), max(y, {2, 3}), prod(y, {3})};
    };
    auto g = trace(f);
    (void)g(x);
    const Tensors got = g(x);
    const Tensors eager = f(x);
    for (std::size_t k = 0; k < eager.size(); ++k) {
      INFO(name(dtype) << " " << k);
      CHECK(same_bits(got[k], eager[k]));
    }
  }
}

}  // namespace
}  // namespace rill
