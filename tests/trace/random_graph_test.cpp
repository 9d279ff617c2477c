#include "tests/trace/random_graph.h"

#include <cstdlib>

#include <rill/trace/compile.h>
#include <rill/trace/execute.h>
#include <rill/trace/passes/pipeline.h>
#include <rill/trace/recorder.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"

namespace rill {
namespace {

TEST_CASE("random programs give the same bits traced as they do eagerly") {
  const char* const first = std::getenv("RILL_TEST_FIRST");
  const char* const count = std::getenv("RILL_TEST_COUNT");
  const std::uint64_t begin = first != nullptr ? std::strtoull(first, nullptr, 10) : 0;
  const std::uint64_t end = begin + (count != nullptr ? std::strtoull(count, nullptr, 10) : 300);
  for (std::uint64_t seed = begin; seed < end; ++seed) {
    rng::seed(seed);
    INFO("seed " << seed);
    const std::vector<Tensor> inputs = random_inputs(seed);
    const std::vector<Variable> state = random_state(seed);
    const auto start_over = [&] {
      rng::seed(seed);
      const std::vector<Variable> first = random_state(seed);
      for (std::size_t i = 0; i < state.size(); ++i) state[i].assign(first[i]);
    };
    const auto with_state = [&](std::vector<Tensor> results) {
      for (const Variable& variable : state) results.push_back(variable);
      return results;
    };
    std::vector<std::vector<Tensor>> eager;
    for (int call = 0; call < 2; ++call)
      eager.push_back(with_state(random_graph(seed, inputs, state)));

    start_over();
    std::vector<Tensor> own;
    for (const Tensor& input : inputs) own.push_back(input.view(input.shape(), input.strides(), 0));
    Recorder recorder(own);
    std::vector<Tensor> recorded;
    {
      const Listening on(recorder);
      recorded = random_graph(seed, own, state);
    }
    const TracePlan plan =
        compile(std::make_shared<const Function>(optimized(recorder.finish(recorded))));
    start_over();
    std::vector<const Tensor*> pointers;
    for (const Tensor& input : inputs) pointers.push_back(&input);
    for (int call = 0; call < 2; ++call) {
      const std::vector<Tensor> traced = with_state(execute(plan, pointers));
      const std::vector<Tensor>& expected = eager[static_cast<std::size_t>(call)];
      REQUIRE(traced.size() == expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO("call " << call << ", result " << i << ": " << traced[i] << " instead of "
                     << expected[i]);
        REQUIRE(same_bits(traced[i], expected[i]));
      }
    }
  }
}

}  // namespace
}  // namespace rill
