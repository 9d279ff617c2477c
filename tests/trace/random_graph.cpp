#include "tests/trace/random_graph.h"

#include <algorithm>
#include <random>

namespace rill {
namespace {

/// Operations of one program, in order; each takes values that are there already.
class Program {
 public:
  Program(std::uint64_t seed, std::span<const Tensor> inputs, std::span<const Variable> state)
      : random_(seed), values_(inputs.begin(), inputs.end()), state_(state) {}

  std::vector<Tensor> run() {
    const int length = below(14) + 4;
    for (int i = 0; i < length; ++i) step();
    std::vector<Tensor> results = {values_.back()};
    for (int i = below(3); i > 0; --i) results.push_back(any());
    return results;
  }

 private:
  int below(int end) { return static_cast<int>(random_() % static_cast<std::uint64_t>(end)); }
  bool chance(int of) { return below(of) == 0; }
  const Tensor& any() {
    // The later, the likelier: long chains and shared values both.
    const int count = static_cast<int>(values_.size());
    const int back = chance(2) ? below(std::min(count, 3)) : below(count);
    return values_[static_cast<std::size_t>(count - 1 - back)];
  }
  Tensor floating() {
    for (int tries = 0; tries < 8; ++tries) {
      if (const Tensor& x = any(); is_float(x.dtype())) return x;
    }
    return any().to(float32);
  }
  /// A float whose shape goes with that of `x`.
  Tensor beside(const Tensor& x) {
    for (int tries = 0; tries < 6; ++tries) {
      const Tensor& y = any();
      if (y.rank() <= x.rank() && fits(y.shape(), x.shape())) return y.to(x.dtype());
    }
    return chance(2) ? x : tensor(static_cast<float>(below(5)) - 2).to(x.dtype());
  }
  static bool fits(const Shape& small, const Shape& large) {
    for (int d = 0; d < small.rank(); ++d) {
      const Dim size = small[d];
      if (!(size == Dim(1)) && !(size == large[d + large.rank() - small.rank()])) return false;
    }
    return true;
  }
  int axis_of(const Tensor& x) { return below(x.rank()); }

  void step() {
    const Tensor x = floating();
    const int axis = x.rank() > 0 ? axis_of(x) : 0;
    const auto add = [&](const Tensor& y) { values_.push_back(y); };
    switch (below(38)) {
      case 0:
        return add(tanh(x));
      case 1:
        return add(x * 0.5 + 1);
      case 2:
        return add(exp(-abs(x)));
      case 3:
      case 4:
        return add(x + beside(x));
      case 5:
      case 6:
        return add(x * beside(x));
      case 7:
        return add(maximum(x, beside(x)));
      case 8:
        return add(where(x > 0, x, beside(x)));
      case 9:
        return add(x - beside(x));
      case 10:
        return add(relu(x));
      case 11:
        return add(sigmoid(x));
      case 12:
      case 13:
        return add(x.rank() > 0 ? sum(x, axis, {.keepdims = chance(2)}) : square(x));
      case 14:
        return add(x.rank() > 0 ? mean(x, axis, {.keepdims = true}) : square(x));
      case 15:
        return add(x.rank() > 0 ? max(x, axis, {.keepdims = chance(2)}) : -x);
      case 16:
        return add(sum(x));
      case 17:
        return add(x.rank() > 1 ? transpose(x) : sqrt(abs(x)));
      case 18:
        return add(reshape(x, {x.size()}));
      case 19:
        return add(x.rank() > 0 && x.rank() < 4 ? expand_dims(x, axis) : x / 3);
      case 20:
        return add(x.rank() > 0 ? softmax(x, axis) : cos(x));
      case 21:
        return add(x.rank() > 0 ? cumsum(x, axis) : sin(x));
      case 22:
        return add(x.rank() > 0 ? concat({x, flip(x, axis)}, axis) : x);
      case 23: {
        if (x.rank() == 0 || x.dim(axis) == Dim(0)) return add(x + 1);
        const std::int64_t size = x.dim(axis).value();
        return add(take(x, tensor({size - 1, 0, size / 2}), axis));
      }
      case 24:
        return add(
            x.rank() > 0
                ? pad(x, std::vector<Padding>(static_cast<std::size_t>(x.rank()), Padding{1, 0}),
                      {.value = 0.5})
                : -x);
      case 25:
        return add(x.rank() > 0 ? x(slice(), ellipsis) : x);
      case 26:
        return add(x.rank() > 1 ? x(ellipsis, 0) : x * x);
      case 27:
        return add(x.rank() > 0 ? logsumexp(x, axis, {.keepdims = true}) : exp(x));
      case 28:
        return add(x.rank() == 2 ? matmul(x, transpose(x)) : (x > 0).to(float32));
      case 29: {  // updates that meet
        if (x.rank() == 0 || x.dim(axis) == Dim(0)) return add(x + 1);
        const std::int64_t size = x.dim(axis).value();
        const Tensor at = tensor({size - 1, 0, size - 1});
        return add(scatter(x, at, take(x * 2, at, axis), axis, {.mode = ScatterMode::add}));
      }
      case 30: {
        if (x.rank() == 0 || x.dim(0) == Dim(0)) return add(x + 1);
        Tensor y = x;
        y.at(0) = 0.25;
        return add(y);
      }
      case 31: {
        GradientTape tape;
        tape.watch(x);
        const Tensor y = sum(square(sigmoid(x) * beside(x)));
        return add(tape.gradient(y, x, {.unconnected = Unconnected::zeros}));
      }
      case 32:
        return add(x.rank() > 1
                       ? layer_norm(x, ones({x.dim(-1)}, x.dtype()), zeros({x.dim(-1)}, x.dtype()))
                       : cos(x));
      case 33:
        return add(state_[static_cast<std::size_t>(below(2))]);
      case 34: {  // reads what it replaces, in place or not
        const Variable& v = state_[static_cast<std::size_t>(below(2))];
        const Tensor old = v.value();
        return v.assign(chance(2) ? old * 0.5 + tanh(sum(x).to(float32)) : cumsum(old, 0) * 0.25);
      }
      case 35:
        return state_[static_cast<std::size_t>(below(2))].assign_sub(sigmoid(mean(x).to(float32)) *
                                                                     0.125);
      case 36:
        return add(x + rng::uniform(x.shape()).to(x.dtype()));
      default:
        return add(x.to(chance(2) ? float64 : chance(2) ? float16 : float32));
    }
  }

  std::mt19937_64 random_;
  std::vector<Tensor> values_;
  std::span<const Variable> state_;
};

}  // namespace

std::vector<Tensor> random_inputs(std::uint64_t seed) {
  std::mt19937_64 random(seed ^ 0x9e3779b97f4a7c15ULL);
  std::vector<Tensor> inputs;
  const int count = static_cast<int>(random() % 3) + 1;
  const std::int64_t a = static_cast<std::int64_t>(random() % 5) + 1;
  const std::int64_t b = static_cast<std::int64_t>(random() % 37) + 1;
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

std::vector<Tensor> random_graph(std::uint64_t seed, std::span<const Tensor> inputs,
                                 std::span<const Variable> state) {
  return Program(seed, inputs, state).run();
}

}  // namespace rill
