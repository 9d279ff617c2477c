// What the passes make of a function together, and what is told of it.
#include <rill/trace/listing.h>
#include <rill/trace/passes/pipeline.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/catch.h"
#include "tests/trace/recorded.h"
#include "tests/trace/told.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

TEST_CASE("what every pass changed is told, at the user's line") {
  const auto function = recorded({ones({4})}, [](const Tensors& x) -> Tensors {
    (void)cos(x[0]);
    const Tensor scale = sqrt(tensor({1.0, 4.0, 9.0, 16.0}));
    return {exp(x[0]) * scale + exp(x[0]) / sqrt(scale)};
  });
  std::string told;
  const Function made = optimized(*function, &told);
  CHECK(told == R"(dead code: 10 nodes become 9
  cos is needed by nobody, at pipeline_test.cpp:20
constant folding: 9 nodes become 9
  sqrt is known: float32[4], at pipeline_test.cpp:21
  sqrt_1 is known: float32[4], at pipeline_test.cpp:22
common subexpressions: 9 nodes become 8
  exp_1 is exp, at pipeline_test.cpp:22
dead code: 8 nodes become 7
)");
  CHECK(listing(made) == R"(x: float32[4]
sqrt = constant float32[4]
sqrt_1 = constant float32[4]
exp = exp(x) float32[4]
divide = divide(exp, sqrt_1) float32[4]
multiply = multiply(exp, sqrt) float32[4]
add = add(multiply, divide) float32[4]
return add
)");
}

TEST_CASE("the page on architecture shows a graph before and after the passes") {
  const auto function = recorded({ones({2, 4}), ones({4})}, [](const Tensors& given) -> Tensors {
    const Tensor &x = given[0], &scale = given[1];
    const Tensor centred = x - mean(x, 1, {.keepdims = true});
    const Tensor spread =
        sqrt(mean(square(x - mean(x, 1, {.keepdims = true})), 1, {.keepdims = true}) + 1e-5);
    return {transpose(transpose(centred / spread)) * (sqrt(tensor(4.0F)) * scale) / 8};
  });
  std::ifstream file(RILL_SOURCE_DIR "/docs/architecture.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CHECK_THAT(page, Catch::Contains(listing(*function)));
  CHECK_THAT(page, Catch::Contains(listing(optimized(*function))));
}

TEST_CASE("RILL_LOG=passes tells of each function that is made ready") {
  auto f = trace([](const Tensor& x) { return exp(x) + exp(x); });
  (void)f(ones({4}));
  setenv("RILL_LOG", "passes", 1);
  const std::string text = told([&] { (void)f(ones({4})); });
  unsetenv("RILL_LOG");
  CHECK(text == R"(rill: passes: (float32[4] x) -> (float32[4] result)
common subexpressions: 4 nodes become 3
  exp_1 is exp, at pipeline_test.cpp:61
plan:
kernel   in 16 B, out 16 B, 25 op, 100 %: exp add -> float32[4] add
arena: 0 B
)");
}

}  // namespace
}  // namespace rill
