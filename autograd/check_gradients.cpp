#include <rill/autograd/check_gradients.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <sstream>

#include <rill/autograd/tape.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/literal.h>

namespace rill {
namespace {

using Function = std::function<Tensor(std::span<const Tensor>)>;

/// Fixed numbers in [0.5, 1.5) without a pattern.
std::vector<double> weights(std::int64_t count) {
  std::vector<double> result;
  std::uint64_t state = 0x9e3779b97f4a7c15ULL;
  for (std::int64_t i = 0; i < count; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    result.push_back(0.5 + static_cast<double>(state >> 40U) * 0x1p-24);
  }
  return result;
}

std::string position(std::int64_t element, const Shape& shape) {
  std::string text;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape[axis].value();
    if (!text.empty()) text.insert(0, 1, ',');
    text.insert(0, std::to_string(element % size));
    element /= size;
  }
  return "[" + text + "]";
}

struct Worst {
  double excess = 0;  // of the error over what is allowed, as a ratio
  std::string text;
};

/// The gradients of `f`'s weighted result.
std::vector<Tensor> gradients(const Function& f, std::span<const Tensor> inputs,
                              std::span<const std::size_t> wanted, Where where) {
  GradientTape tape({.watch_variables = false});
  std::vector<Tensor> sources;
  for (std::size_t k : wanted) {
    tape.watch(inputs[k], where);
    sources.push_back(inputs[k]);
  }
  const Tensor y = f(inputs);
  const Tensor weight = tensor(weights(y.size()), y.shape()).to(y.dtype());
  return tape.gradient(y, sources, {.output_gradients = weight, .unconnected = Unconnected::zeros},
                       where);
}

double weighted_result(const Function& f, std::span<const Tensor> inputs) {
  const Tensor y = f(inputs);
  const std::vector<double> weight = weights(y.size());
  const std::vector<double> values = y.to_vector<double>();
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) sum += weight[i] * values[i];
  return sum;
}

void compare(const Function& f, std::vector<Tensor> inputs, std::span<const std::size_t> wanted,
             const CheckGradientsOptions& options, const std::string& what, Worst& worst,
             Where where) {
  const std::vector<Tensor> by_rule = gradients(f, inputs, wanted, where);
  for (std::size_t at = 0; at < wanted.size(); ++at) {
    const std::size_t k = wanted[at];
    const Tensor x = inputs[k];
    if (!(by_rule[at].shape() == x.shape()) || by_rule[at].dtype() != x.dtype()) {
      worst = {INFINITY, what + "input " + std::to_string(k) + ": the gradient is " +
                             by_rule[at].type_text() + ", the input " + x.type_text()};
      return;
    }
    const std::vector<double> rule = by_rule[at].to_vector<double>();
    std::vector<double> values = x.to_vector<double>();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const double value = values[i];
      const double step = options.step * std::max(1.0, std::abs(value));
      values[i] = value + step;
      inputs[k] = tensor(values, x.shape());
      const double above = weighted_result(f, inputs);
      values[i] = value - step;
      inputs[k] = tensor(values, x.shape());
      const double below = weighted_result(f, inputs);
      values[i] = value;
      const double difference = (above - below) / (2 * step);
      const double allowed =
          options.atol + options.rtol * std::max(std::abs(difference), std::abs(rule[i]));
      const double error = std::abs(rule[i] - difference);
      const double excess = std::isfinite(error) ? error / allowed : INFINITY;
      if (excess > worst.excess) {
        std::ostringstream text;
        text.precision(17);
        text << what << "input " << k << ", element "
             << position(static_cast<std::int64_t>(i), x.shape()) << ": " << rule[i]
             << " by the rule, " << difference << " by differences";
        worst = {excess, text.str()};
      }
    }
    inputs[k] = x;
  }
}

}  // namespace

GradientCheck check_gradients(const Function& f, const std::vector<Tensor>& inputs,
                              const CheckGradientsOptions& options, Where where) {
  std::vector<Tensor> doubles;
  std::vector<std::size_t> wanted;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const bool floats = is_float(inputs[k].dtype());
    if (floats) wanted.push_back(k);
    // Of its own memory and id: the same tensor given twice is two inputs.
    doubles.push_back(floats ? tensor(inputs[k].to_vector<double>(), inputs[k].shape())
                             : inputs[k]);
  }
  if (wanted.empty()) throw DTypeError("check_gradients: no input holds floats" + where.suffix());
  Worst worst;
  compare(f, doubles, wanted, options, "order 1, ", worst, where);
  if (options.order >= 2) {
    for (std::size_t k : wanted) {
      const Function first = [&](std::span<const Tensor> x) {
        return gradients(f, x, {&k, 1}, where).front();
      };
      compare(first, doubles, wanted, options,
              "order 2, gradient of input " + std::to_string(k) + ", ", worst, where);
    }
  }
  return {worst.excess <= 1, worst.text};
}

}  // namespace rill
