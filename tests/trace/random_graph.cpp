#include "tests/trace/random_graph.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

namespace rill {
namespace {

/// What a step may be applied to.
enum class Takes : std::uint8_t {
  floats,    ///< of any shape
  axis,      ///< floats with an axis
  elements,  ///< floats with an axis that has elements
  matrix,    ///< floats of rank 2 and more, with elements
  image,     ///< the same, of rank 2
  integers,  ///< of any shape
};

/// A step as code and as text. `y` broadcasts to `x` and has its dtype; `size` is that of `axis`;
/// `a` and `b` are variables.
struct RandomStep {
  Takes takes;
  const char* text;
  Tensor (*apply)(const Tensor& x, const Tensor& y, int axis, std::int64_t size, const Variable& a,
                  const Variable& b);
};

// A function could not say its own text.
#define RILL_STEP(takes, ...)                                                    \
  RandomStep {                                                                   \
    Takes::takes, #__VA_ARGS__,                                                  \
        []([[maybe_unused]] const Tensor& x, [[maybe_unused]] const Tensor& y,   \
           [[maybe_unused]] int axis, [[maybe_unused]] std::int64_t size,        \
           [[maybe_unused]] const Variable& a,                                   \
           [[maybe_unused]] const Variable& b) -> Tensor { return __VA_ARGS__; } \
  }

// What an expression cannot say.

Tensor with_row(Tensor x, const Operand& value) {
  x.at(0) = value;
  return x;
}
Tensor with_large_ones(Tensor x, const Operand& value) {
  x.at(x > 0.5) = value;
  return x;
}
template <class Effect>
Tensor after(const Tensor& x, const Effect& effect) {
  effect();
  return x;
}
Tensor traced_inside(const Tensor& x) {
  static const auto traced = trace([](const Tensor& t) { return t * 2 - tanh(t); });
  return traced(x);
}
Tensor clipped(const Tensor& x) {
  return custom_gradient([](const Tensor& t) {
    return std::pair(t * t, [t](const Tensor& dy) { return minimum(dy * t * 2, 1); });
  })(x);
}
Tensor gradient_at(const Tensor& x, const Tensor& y) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(square(sigmoid(x) * y), x);
}
Tensor second_gradient_at(const Tensor& x) {
  GradientTape outer;
  outer.watch(x);
  return outer.gradient(gradient_at(x, tanh(x)), x);
}

const RandomStep steps[] = {
    RILL_STEP(floats, tanh(x)),
    RILL_STEP(floats, x * 0.5 + 1),
    RILL_STEP(floats, exp(-abs(x))),
    RILL_STEP(floats, relu(x)),
    RILL_STEP(floats, sigmoid(x)),
    RILL_STEP(floats, square(x)),
    RILL_STEP(floats, sqrt(abs(x))),
    RILL_STEP(floats, x / 3),
    RILL_STEP(floats, -x),
    RILL_STEP(floats, sin(x) + cos(x)),
    RILL_STEP(floats, gelu(x)),
    RILL_STEP(floats, silu(x) - softplus(x)),
    RILL_STEP(floats, log1p(abs(x))),
    RILL_STEP(floats, erf(x)),
    RILL_STEP(floats, floor(x) + round(x * 4) / 4),
    RILL_STEP(floats, pow(abs(x) + 0.5, 1.5)),
    RILL_STEP(floats, pow(x, 2) - pow(x, 3)),
    RILL_STEP(floats, clip(x, -1, 1)),
    RILL_STEP(floats, where(isfinite(x), x, 0)),
    RILL_STEP(floats, stop_gradient(x) * x),
    RILL_STEP(floats, x.to(float64)),
    RILL_STEP(floats, x.to(float32)),
    RILL_STEP(floats, x.to(float16)),
    RILL_STEP(floats, x.to(bfloat16)),
    RILL_STEP(floats, (x > 0).to(x.dtype())),
    RILL_STEP(floats, x.to(int32)),
    RILL_STEP(floats, (x * 3).to(int64)),
    RILL_STEP(floats, x + y),
    RILL_STEP(floats, x + y * x),
    RILL_STEP(floats, x* y),
    RILL_STEP(floats, x - y),
    RILL_STEP(floats, x / (abs(y) + 1)),
    RILL_STEP(floats, maximum(x, y)),
    RILL_STEP(floats, minimum(x, y) + 0.25),
    RILL_STEP(floats, where(x > 0, x, y)),
    RILL_STEP(floats, where((x < y) | (y == 0), y, x)),
    RILL_STEP(floats, atan2(x, y)),
    RILL_STEP(floats, remainder(x, abs(y) + 0.5)),
    RILL_STEP(floats, sum(x)),
    RILL_STEP(floats, mean(x* y)),
    RILL_STEP(floats, reshape(x, {x.size()})),
    RILL_STEP(floats, expand_dims(x, 0)),
    RILL_STEP(floats, x(newaxis) + y),
    RILL_STEP(floats, copy(x) + zeros(x.shape(), x.dtype())),
    RILL_STEP(floats, x - full(x.shape(), 0.5)),
    RILL_STEP(floats, grad([&](const Tensor& t) { return sum(square(sigmoid(t) * y)); })(x)),
    RILL_STEP(floats, gradient_at(x, tanh(y))),
    RILL_STEP(floats, second_gradient_at(x)),
    RILL_STEP(floats, clipped(x)),
    RILL_STEP(floats, traced_inside(x)),
    RILL_STEP(floats, x + rng::uniform(x.shape()).to(x.dtype())),
    RILL_STEP(floats, x* rng::normal(x.shape()).to(x.dtype())),
    RILL_STEP(floats, where(rng::bernoulli(x.shape(), 0.5), x, y)),
    RILL_STEP(floats, dropout(x, 0.25)),
    RILL_STEP(floats, a * 1),
    RILL_STEP(floats, b + a),
    RILL_STEP(floats, after(x, [&] { a.assign(a * 0.5 + tanh(sum(x).to(float32))); })),
    RILL_STEP(floats, after(x, [&] { a.assign(cumsum(a, 0) * 0.25); })),
    RILL_STEP(floats, after(x, [&] { b.assign(a + b); })),
    RILL_STEP(floats, after(a.value(), [&] { a.assign_sub(tanh(mean(x).to(float32)) * 0.125); })),
    RILL_STEP(floats, after(x, [&] { b.assign_sub(sigmoid(mean(x).to(float32)) * 0.125); })),
    RILL_STEP(floats, after(x, [&] { check(isnan(x) | (square(x) >= 0), "a square"); })),
    // What passes make something else of.
    RILL_STEP(floats, x * 1 - 0),
    RILL_STEP(floats, x / 4 + x / -0.5),
    RILL_STEP(floats, -(-x) * -1),
    RILL_STEP(floats, x + -y),
    RILL_STEP(floats, y - -x),
    RILL_STEP(floats, abs(-x) + abs(abs(y))),
    RILL_STEP(floats, -x * -y),
    RILL_STEP(floats, square(-x) + x * x),
    RILL_STEP(floats, maximum(x, maximum(x, y))),
    RILL_STEP(floats, where(logical_not(x > 0), where(x > 0, x, -x), y)),
    RILL_STEP(floats, where(logical_not(x == y), stop_gradient(x), copy(x))),
    RILL_STEP(floats, floor(round(x * 3))),
    RILL_STEP(floats, x.to(float64).to(x.dtype()).to(float32)),
    RILL_STEP(floats, transpose(transpose(x)) + 1),
    RILL_STEP(floats, reshape(reshape(x, {x.size()}), {1, x.size()})),
    RILL_STEP(floats, x + 0 - x * 0 + (x - x)),
    RILL_STEP(floats, x*(sqrt(tensor(3.0F)) * 2).to(x.dtype())),
    RILL_STEP(floats, x* ones_like(x) / full_like(x, 8)),
    RILL_STEP(floats, -x / 3 + 2 / -x),
    RILL_STEP(floats, copy(x)),
    RILL_STEP(floats, stop_gradient(x)),
    RILL_STEP(floats, tanh(x) - tanh(x) * tanh(x)),
    RILL_STEP(floats, sum(eye(3)) + x),
    RILL_STEP(axis, x + sin(arange(x.dim(-1)).to(float32) * 0.25).to(x.dtype())),
    RILL_STEP(axis, transpose(expand_dims(x, axis)) * 1),
    RILL_STEP(integers, x * 1 + 0),
    RILL_STEP(integers, x - x + 0 * x),
    RILL_STEP(integers, (0 - x) * -1),
    RILL_STEP(integers, x.to(int64).to(float64).to(int32)),
    RILL_STEP(axis, sum(x, axis)),
    RILL_STEP(axis, sum(x, axis, {.keepdims = true})),
    RILL_STEP(axis, x - mean(x, axis, {.keepdims = true})),
    RILL_STEP(axis, prod(x, axis)),
    RILL_STEP(axis, stddev(x, axis, {.keepdims = true})),
    RILL_STEP(axis, any(x > y, axis).to(float32)),
    RILL_STEP(axis, count_nonzero(x, axis)),
    RILL_STEP(axis, softmax(x, axis)),
    RILL_STEP(axis, log_softmax(x, axis)),
    RILL_STEP(axis, logsumexp(x, axis, {.keepdims = true})),
    RILL_STEP(axis, cumsum(x, axis)),
    RILL_STEP(axis, cumsum(x, axis, {.reverse = true})),
    RILL_STEP(axis, argsort(x, axis)),
    RILL_STEP(axis, concat({x, flip(x, axis)}, axis)),
    RILL_STEP(axis, concat({x * y, x}, axis)),
    RILL_STEP(axis, stack({x, -x}, axis)),
    RILL_STEP(axis, flip(x, axis)),
    RILL_STEP(axis, roll(x, 1, axis)),
    RILL_STEP(axis, repeat(x, 2, axis)),
    RILL_STEP(axis, split(concat({x, x + 1}, axis), 2, axis)[1]),
    RILL_STEP(axis, pad(x, std::vector<Padding>(std::size_t(x.rank()), {1, 0}), {.value = 0.5})),
    RILL_STEP(axis, x(ellipsis, slice({}, {}, 2))),
    RILL_STEP(axis, x(ellipsis, slice({}, {}, -1))),
    RILL_STEP(axis, squeeze(x(ellipsis, newaxis), {-1})),
    RILL_STEP(elements, max(x, axis)),
    RILL_STEP(elements, x / (1 + max(abs(x), axis, {.keepdims = true}))),
    RILL_STEP(elements, min(x, axis, {.keepdims = true})),
    RILL_STEP(elements, argmax(x, axis)),
    RILL_STEP(elements, argmin(x, axis, {.keepdims = true})),
    RILL_STEP(elements, take(x, tensor({size - 1, std::int64_t{0}, size / 2}), axis)),
    RILL_STEP(elements, take(x, rng::permutation(size), axis)),
    RILL_STEP(elements, gather(x, argsort(x, axis), axis)),
    RILL_STEP(elements, put_along_axis(x, argsort(x, axis), y, axis)),
    RILL_STEP(elements, scatter(x, tensor({size - 1, std::int64_t{0}, size - 1}), 0.5, axis,
                                {.mode = ScatterMode::add})),
    RILL_STEP(elements, with_row(x, 0.25)),
    RILL_STEP(elements, with_row(x * 2, sum(x, 0))),
    RILL_STEP(elements, with_large_ones(x, 0.125)),
    RILL_STEP(elements, x(ellipsis, 0)),
    RILL_STEP(elements, x(ellipsis, slice(0, 1)) + x),
    RILL_STEP(matrix, transpose(x)),
    RILL_STEP(matrix, swapaxes(x, 0, -1) * 2),
    RILL_STEP(matrix, matmul(x, swapaxes(x, -1, -2))),
    RILL_STEP(matrix, relu(matmul(x, ones({x.dim(-1), 3}, x.dtype())) + 0.5)),
    RILL_STEP(matrix, tril(x) + triu(x, 1)),
    RILL_STEP(matrix, layer_norm(x, ones({x.dim(-1)}, x.dtype()), zeros({x.dim(-1)}, x.dtype()))),
    RILL_STEP(matrix, batch_norm(x, ones({x.dim(-1)}, x.dtype()), zeros({x.dim(-1)}, x.dtype())).y),
    RILL_STEP(matrix, scaled_dot_product_attention(x, x, x)),
    RILL_STEP(matrix, outer(sum(x, 0), mean(x, 0))),
    RILL_STEP(image, conv2d(reshape(x, {1, x.dim(0), x.dim(1), 1}), ones({2, 2, 1, 3}, x.dtype()),
                            {.padding = WindowPadding::same()})),
    RILL_STEP(image, max_pool2d(reshape(x, {1, x.dim(0), x.dim(1), 1}), {2, 2},
                                {.padding = WindowPadding::same()})),
    RILL_STEP(image, cross_entropy(x, argmax(x, 1))),
    RILL_STEP(integers, x.to(float32) / 4),
    RILL_STEP(integers, x + 1),
    RILL_STEP(integers, x* x - 3),
    RILL_STEP(integers, floor_divide(x, 3) + remainder(x, 5)),
    RILL_STEP(integers, (x & 7) ^ (x >> 1)),
    RILL_STEP(integers, where(x > 1, x, -x)),
    RILL_STEP(integers, sum(x)),
    RILL_STEP(integers, one_hot(x & 3, 4)),
    RILL_STEP(integers, take(arange(7.0F), clip(x, 0, 6))),
};
constexpr std::size_t step_count = std::size(steps);

bool is_whole(DType dtype) { return dtype == int32 || dtype == int64; }

bool fits(const RandomStep& step, const Tensor& x) {
  if (step.takes == Takes::integers) return is_whole(x.dtype());
  if (!is_float(x.dtype())) return false;
  switch (step.takes) {
    case Takes::axis:
      return x.rank() > 0;
    case Takes::elements:
      return x.rank() > 0 && x.size() > 0;
    case Takes::matrix:
      return x.rank() > 1 && x.size() > 0;
    case Takes::image:
      return x.rank() == 2 && x.size() > 0;
    default:
      return true;
  }
}

bool broadcasts(const Shape& small, const Shape& large) {
  for (int d = 0; d < small.rank(); ++d) {
    const Dim size = small[d];
    if (!(size == Dim(1)) && !(size == large[d + large.rank() - small.rank()])) return false;
  }
  return true;
}

Tensor apply(const RandomGraph::Operation& operation, std::span<const Tensor> values,
             std::span<const Variable> state) {
  const Tensor& x = values[operation.x];
  const Tensor& y = values[operation.y];
  if (operation.step == step_count) return x;
  const std::int64_t size = x.rank() > 0 ? x.dim(operation.axis).value() : 0;
  const RandomStep& step = steps[operation.step];
  return step.apply(x, y.dtype() == x.dtype() ? y : y.to(x.dtype()), operation.axis, size, state[0],
                    state[1]);
}

/// Chooses operations while it runs them, for what fits depends on shapes.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) { graph_.seed = seed; }

  RandomGraph run() {
    values_ = random_inputs(graph_.seed);
    const std::vector<Variable> state = random_state(graph_.seed);
    for (std::size_t length = below(14) + 4; graph_.operations.size() < length;) {
      const std::size_t x = any();
      const std::size_t step = below(step_count);
      const Tensor& value = values_[x];
      if (!fits(steps[step], value)) continue;
      const std::size_t axes = std::max<std::size_t>(static_cast<std::size_t>(value.rank()), 1);
      const RandomGraph::Operation operation{step, x, beside(x), static_cast<int>(below(axes))};
      Tensor made = apply(operation, values_, state);
      // Programs stay small, and within the ranks that windows and slices of them need.
      if (made.size() > 100'000 || made.rank() > 5) continue;
      graph_.operations.push_back(operation);
      values_.push_back(std::move(made));
    }
    graph_.results = {values_.size() - 1};
    for (std::size_t i = below(3); i > 0; --i) graph_.results.push_back(any());
    return std::move(graph_);
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }
  bool chance(std::size_t of) { return below(of) == 0; }
  /// The later, the likelier: long chains and shared values both.
  std::size_t any() {
    const std::size_t count = values_.size();
    return count - 1 - (chance(2) ? below(std::min<std::size_t>(count, 3)) : below(count));
  }
  /// A value that broadcasts to that of `x`, which does so itself.
  std::size_t beside(std::size_t x) {
    for (int tries = 0; tries < 6; ++tries) {
      const std::size_t y = any();
      if (values_[y].rank() <= values_[x].rank() &&
          broadcasts(values_[y].shape(), values_[x].shape()))
        return y;
    }
    return x;
  }

  std::mt19937_64 random_;
  RandomGraph graph_;
  std::vector<Tensor> values_;
};

bool mentions(std::string_view text, std::string_view name) {
  const auto part_of_name = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || !part_of_name(text[at - 1])) &&
        (end == text.size() || !part_of_name(text[end])))
      return true;
  }
  return false;
}

}  // namespace

std::vector<Tensor> random_inputs(std::uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x9e3779b97f4a7c15ULL);
  std::vector<Tensor> inputs;
  const int count = static_cast<int>(random() % 3) + 1;
  const std::int64_t a = static_cast<std::int64_t>(random() % 5) + 1;
  // Now and then enough for several threads.
  const std::int64_t b = static_cast<std::int64_t>(random() % (seed % 16 == 5 ? 1500 : 37)) + 1;
  for (int i = 0; i < count; ++i) {
    Shape shape;
    switch (random() % 5) {
      case 0:
        shape = {a, b};
        break;
      case 1:
        shape = {b};
        break;
      case 2:
        shape = {a, 1};
        break;
      case 3:
        shape = {2, a, b};
        break;
      default:
        shape = {b, a};
        break;
    }
    std::vector<float> values(static_cast<std::size_t>(shape.size().value()));
    for (float& value : values)
      value = static_cast<float>(static_cast<double>(random() % 2001) / 500.0 - 2.0);
    inputs.push_back(tensor(values).reshape(shape));
  }
  return inputs;
}

std::vector<Variable> random_state(std::uint64_t seed) {
  const auto size = static_cast<std::int64_t>(seed % 50) + 1;
  return {Variable(arange(static_cast<float>(size)) / 50.0F, "a"),
          Variable(ones({3, size}) * 0.5F, "b")};
}

std::vector<Tensor> RandomGraph::run(std::span<const Tensor> inputs,
                                     std::span<const Variable> state) const {
  std::vector<Tensor> values(inputs.begin(), inputs.end());
  for (const Operation& operation : operations) values.push_back(apply(operation, values, state));
  std::vector<Tensor> kept;
  for (const std::size_t result : results) kept.push_back(values[result]);
  return kept;
}

std::string RandomGraph::text() const {
  const std::vector<Tensor> inputs = random_inputs(seed);
  const std::string number = std::to_string(seed);
  std::string text = "rng::seed(" + number + ");\nconst std::vector<Tensor> v = random_inputs(" +
                     number + ");  //";
  for (const Tensor& input : inputs) text += " " + input.type_text();
  text += "\nconst std::vector<Variable> state = random_state(" + number + ");\n";
  text += "const Variable a = state[0], b = state[1];\n";
  // A value that an operation left out stands for is called after that.
  std::vector<std::string> names;
  for (std::size_t i = 0; i < inputs.size(); ++i) names.push_back("v[" + std::to_string(i) + "]");
  for (const Operation& operation : operations) {
    if (operation.step == step_count) {
      names.push_back(names[operation.x]);
      continue;
    }
    names.push_back("v" + std::to_string(names.size()));
    const std::string code = steps[operation.step].text;
    text +=
        "const Tensor " + names.back() + " = [&] {\n  const Tensor x = " + names[operation.x] + ";";
    if (mentions(code, "y")) text += " const Tensor y = " + names[operation.y] + ".to(x.dtype());";
    if (mentions(code, "axis") || mentions(code, "size"))
      text += " const int axis = " + std::to_string(operation.axis) + ";";
    if (mentions(code, "size")) text += " const std::int64_t size = x.dim(axis).value();";
    text += "\n  return " + code + ";\n}();\n";
  }
  text += "return {";
  for (std::size_t i = 0; i < results.size(); ++i) text += (i > 0 ? ", " : "") + names[results[i]];
  return text + "};\n";
}

RandomGraph RandomGraph::without(std::size_t i) const {
  RandomGraph smaller = *this;
  smaller.operations[i].step = step_count;
  return smaller;
}

RandomGraph random_graph(std::uint64_t seed) { return Generator(seed).run(); }

}  // namespace rill
