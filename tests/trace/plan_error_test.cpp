#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/thrown.h"

namespace rill {
namespace {

const Tensor table = tensor({{1.0, 2.0}, {3.0, 4.0}});
const Tensor inside = tensor({1, 0});
const Tensor outside = tensor({1, 2});

/// What a function says eagerly, at its first traced call, and in a plan.
template <class E, class F>
void same_text(const F& function, const std::string& start) {
  const std::string eager = test::thrown<E>([&] { (void)function(table, outside); });
  CHECK(eager.substr(0, start.size()) == start);
  CHECK(eager.find(", at plan_error_test.cpp:") != std::string::npos);
  auto f = trace<Tensor(const Tensor&, const Tensor&)>(function);
  CHECK(test::thrown<E>([&] { (void)f(table, outside); }) == eager);
  (void)f(table, inside);
  CHECK(test::thrown<E>([&] { (void)f(table, outside); }) == eager);
  GradientTape tape;
  tape.watch(table);
  CHECK(test::thrown<E>([&] { (void)f(table, outside); }) == eager);
}

TEST_CASE("an error in a plan names what the user called, and the user's line") {
  same_text<IndexError>(
      [](const Tensor& t, const Tensor& at) { return exp(take(t * 2.0, at, 0)) + 1.0; },
      "take: index 2 is outside axis 0 of size 2");
  same_text<IndexError>([](const Tensor& t, const Tensor& at) { return embedding(t, at) * 2.0; },
                        "embedding: ");
  same_text<IndexError>(
      [](const Tensor& t, const Tensor& at) {
        return scatter(t, at, t * 2.0, 0, {.mode = ScatterMode::add});
      },
      "scatter: ");
}

TEST_CASE("a graph's call names the line that calls it") {
  auto f = trace([](const Tensor& t) { return t + 1.0; });
  (void)f(table);
  const Graph g = f.graph();
  const Variable v(table);
  CHECK(equal(g(v), table + 1.0));
  const auto ends_here = [](const std::string& text, int line) {
    return text.ends_with(", at plan_error_test.cpp:" + std::to_string(line));
  };
  const std::string many = test::thrown<TraceError>([&] { (void)g(table, table); });
  CHECK(ends_here(many, __LINE__ - 1));
  const std::string undefined = test::thrown<ValueError>([&] { (void)g(Tensor()); });
  CHECK(ends_here(undefined, __LINE__ - 1));
}

}  // namespace
}  // namespace rill
