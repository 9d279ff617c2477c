// Random programs as traced functions inside a computation that tapes record: results and gradients
// are those of the plain function, bit for bit, and so are gradients of gradients.

#include <cstdlib>
#include <random>

#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/trace/random_graph.h"

namespace rill {
namespace {

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>&)>;

/// One number of all that is a float among the tensors.
Tensor total(const std::vector<Tensor>& tensors) {
  Tensor sum_of_all = tensor(0.0F);
  for (const Tensor& each : tensors) {
    if (is_float(each.dtype())) sum_of_all = sum_of_all + sum(sin(each.to(float32)) * 0.25);
  }
  return sum_of_all;
}

/// Uses the function's arguments, results and variables before it and after it, and returns all
/// that a tape can tell of them.
std::vector<Tensor> around(std::uint64_t seed, const std::vector<Tensor>& inputs,
                           const std::vector<Variable>& state, const TensorFunction& f) {
  std::mt19937_64 random(seed);
  const bool persistent = random() % 3 == 0;
  const bool twice = random() % 2 == 0;
  const bool watches_all = random() % 4 != 0;
  GradientTape outer({.persistent = random() % 5 == 0});
  GradientTape inner({.persistent = persistent});
  std::vector<Tensor> arguments;
  std::vector<Source> sources;
  for (const Tensor& input : inputs) {
    if (watches_all || sources.empty()) {
      inner.watch(input);
      if (twice) outer.watch(input);
      sources.emplace_back(input);
    }
    arguments.push_back(random() % 2 == 0 ? input : tanh(input) + input);
  }
  if (arguments.size() > 1 && random() % 3 == 0 && inputs[0].shape() == inputs[1].shape())
    arguments[1] = arguments[0];
  sources.emplace_back(state[0]);
  sources.emplace_back(state[1]);
  const Tensor before = sum(state[0] * 0.5);
  const std::vector<Tensor> results = f(arguments);
  Tensor loss = total(results) + total(arguments) + before + mean(state[1] * state[0](slice(0, 1)));
  if (is_float(results[0].dtype())) {
    loss = loss + total({results[0] * results[0]});
    if (random() % 2 == 0) sources.emplace_back(results[0]);
  }
  const GradientOptions options{.output_gradients = {}, .unconnected = Unconnected::none};
  std::vector<Tensor> found = inner.gradient(loss, sources, options);
  if (persistent) {
    for (const Tensor& each : inner.gradient(total(results), sources, options))
      found.push_back(each);
  }
  std::vector<Tensor> defined;
  for (const Tensor& each : found) {
    if (each.defined()) defined.push_back(each);
  }
  if (twice) {
    for (const Tensor& each : outer.gradient(total(defined), sources, options))
      found.push_back(each);
  }
  found.push_back(loss);
  for (const Tensor& each : results) found.push_back(each);
  for (const Variable& variable : state) found.push_back(variable);
  for (const Variable& variable : inner.watched_variables())
    found.push_back(tensor(static_cast<double>(variable.id())));
  return found;
}

TEST_CASE("tapes around a traced random program find the bits that they find eagerly") {
  const char* const first = std::getenv("RILL_TEST_FIRST");
  const char* const count = std::getenv("RILL_TEST_COUNT");
  const std::uint64_t begin = first != nullptr ? std::strtoull(first, nullptr, 10) : 0;
  const std::uint64_t end = begin + (count != nullptr ? std::strtoull(count, nullptr, 10) : 100);
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    INFO("seed " << seed);
    const std::vector<Tensor> inputs = random_inputs(seed);
    const std::vector<Variable> state = random_state(seed);
    const RandomGraph graph = random_graph(seed);
    const auto program = [&](const std::vector<Tensor>& x) { return graph.run(x, state); };
    const auto traced = trace(std::function(program));
    std::vector<Tensor> eager;
    for (int call = 0; call < 4; ++call) {
      rng::seed(seed);
      const std::vector<Variable> values = random_state(seed);
      for (std::size_t i = 0; i < state.size(); ++i) state[i].assign(values[i]);
      if (call == 0) {
        eager = around(seed, inputs, state, program);
        continue;
      }
      const std::vector<Tensor> found = around(seed, inputs, state, traced);
      REQUIRE(found.size() == eager.size());
      for (std::size_t i = 0; i < eager.size(); ++i) {
        INFO("call " << call << ", value " << i << ": " << found[i] << " instead of " << eager[i]);
        REQUIRE(found[i].defined() == eager[i].defined());
        if (eager[i].defined()) REQUIRE(same_bits(found[i], eager[i]));
      }
    }
  }
}

}  // namespace
}  // namespace rill
