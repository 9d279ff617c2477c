// Random programs, each run in several ways. ctest runs the first ten thousand, `./dev test --soak`
// as many as one likes.
#include "tests/trace/random_graph.h"

#include <cstdlib>
#include <functional>
#include <optional>

#include <rill/trace/compile.h>
#include <rill/trace/execute.h>
#include <rill/trace/function.h>
#include <rill/trace/passes/pipeline.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/trace/interpreted.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

using Values = std::vector<Tensor>;
using Variables = std::vector<Variable>;

/// One program, and what it gives in two calls one after the other.
class Comparison {
 public:
  explicit Comparison(const RandomGraph& graph)
      : graph_(graph),
        inputs_(random_inputs(graph.seed)),
        state_(random_state(graph.seed)),
        first_(random_state(graph.seed)) {
    set_threads(1);
    expected_ = calls(state_, [&](const Values& x) { return graph_.run(x, state_); });
  }

  /// Where the ways to run it differ; nothing when all give the eager bits.
  std::string run() {
    const auto f =
        trace<Values(const Values&)>([&](const Values& x) { return graph_.run(x, state_); });
    compare("recorded and run", calls(state_, f));
    for (const int threads : {1, 2, 7}) {
      set_threads(threads);
      compare("traced, " + std::to_string(threads) + " threads", calls(state_, f));
    }
    const Graph again = reloaded(f.graph());
    compare("from JSON", calls(variables_of(*again.functions()[0]),
                               [&](const Values& x) { return again.call(x); }));
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs_) pointers.push_back(&input);
    const auto record = f.graph().functions()[0];
    TracePlan plan = compile(std::make_shared<const Function>(optimized(*record)), *record,
                             {.step = 1, .others = 0, .piece = 0});
    const auto run = [&](const Values&) { return execute(plan, pointers); };
    compare("side by side", calls(state_, run));
    plan = interpreted(std::move(plan));
    compare("interpreted", calls(state_, run));
    if (graph_.seed % 4 == 0) compare_gradients(f);
    return difference_;
  }

 private:
  template <class F>
  std::vector<Values> calls(const Variables& state, const F& f) {
    start_over(state);
    std::vector<Values> results;
    for (int call = 0; call < 2; ++call) {
      Values result = f(inputs_);
      for (const Variable& variable : state) result.push_back(variable);
      results.push_back(std::move(result));
    }
    return results;
  }
  void start_over(const Variables& state) const {
    rng::seed(graph_.seed);
    for (std::size_t i = 0; i < state.size(); ++i) state[i].assign(first_[i]);
  }

  /// Of a function that was read: `a` and `b`, or others where it has none.
  [[nodiscard]] Variables variables_of(const Function& function) const {
    Variables found = random_state(graph_.seed);
    for (Variable& variable : found) {
      for (const Node& node : function.nodes) {
        if (node.variable.defined() && node.variable.name() == variable.name())
          variable = node.variable;
      }
    }
    return found;
  }

  void compare(const std::string& how, const std::vector<Values>& results) {
    for (std::size_t call = 0; call < results.size(); ++call) {
      compare(how + ", call " + std::to_string(call), results[call], expected_[call]);
    }
  }
  void compare(const std::string& how, const Values& got, const Values& want) {
    for (std::size_t i = 0; i < want.size() && difference_.empty(); ++i) {
      if (got.size() == want.size() && same_bits(got[i], want[i])) continue;
      difference_ = how + ", result " + std::to_string(i) + ":\n" + text(got.at(i)) +
                    "\ninstead of\n" + text(want[i]);
    }
  }

  /// Those of the results around a call, eager and traced; what the eager call throws is thrown.
  void compare_gradients(const Traced<Values(const Values&)>& f) {
    const auto gradients = [&](const std::function<Values(const Values&)>& run) {
      start_over(state_);
      GradientTape tape;
      for (const Tensor& input : inputs_) tape.watch(input);
      Values squares;
      for (const Tensor& y : run(inputs_)) {
        if (is_float(y.dtype())) squares.push_back(y * y);
      }
      if (squares.empty()) return Values();
      const std::vector<Source> sources(inputs_.begin(), inputs_.end());
      Values found = tape.gradient(squares, sources, {.unconnected = Unconnected::zeros});
      for (const Variable& variable : state_) found.push_back(variable);
      return found;
    };
    std::optional<Values> eager;
    try {
      eager = gradients([&](const Values& x) { return graph_.run(x, state_); });
    } catch (const GradientError&) {
      return;  // on the way lies an operation that has none
    }
    for (int call = 0; call < 2; ++call) compare("gradients", gradients(f), *eager);
  }

  const RandomGraph& graph_;
  const Values inputs_;
  const Variables state_;
  const Variables first_;
  std::vector<Values> expected_;
  std::string difference_;
};

/// What is wrong with a program; nothing when all is well, or it does not run at all.
std::string fault(const RandomGraph& graph) {
  std::optional<Comparison> comparison;
  try {
    comparison.emplace(graph);
  } catch (const Error&) {
    return "";  // operations are missing that others need
  }
  try {
    return comparison->run();
  } catch (const std::exception& error) {
    return error.what();
  }
}

/// A part of the program that is wrong too, none of whose operations can be left out.
RandomGraph smallest(RandomGraph graph) {
  for (std::size_t i = 0; i < graph.results.size() && graph.results.size() > 1; ++i) {
    RandomGraph smaller = graph;
    smaller.results = {graph.results[i]};
    if (!fault(smaller).empty()) graph = smaller;
  }
  for (std::size_t i = graph.operations.size(); i-- > 0;) {
    const RandomGraph smaller = graph.without(i);
    if (!fault(smaller).empty()) graph = smaller;
  }
  return graph;
}

std::uint64_t number(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST_CASE("random programs give the eager bits traced, from JSON, interpreted, on any threads") {
  const std::uint64_t begin = number("RILL_TEST_FIRST", 0);
  const std::uint64_t end = begin + number("RILL_TEST_COUNT", 300);
  const int before = threads();
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    const RandomGraph graph = random_graph(seed);
    if (fault(graph).empty()) continue;
    const RandomGraph small = smallest(graph);
    FAIL_CHECK("seed " << seed << ": " << fault(small) << "\n\n" << small.text());
  }
  set_threads(before);
}

}  // namespace
}  // namespace rill
