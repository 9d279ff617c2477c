#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/thrown.h"
#include "tests/trace/reloaded.h"

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

/// What `f` says when there is no room for anything large.
template <class F>
std::string without_memory(const F& f) {
  set_memory_limit(memory_statistics().allocated + (1U << 16U));
  const std::string text = test::thrown<OutOfMemoryError>(f);
  set_memory_limit(0);
  return text;
}

std::string at_line(int line) { return ", at plan_error_test.cpp:" + std::to_string(line); }

void says(const std::string& text, const std::string& start, const std::string& end) {
  INFO(text);
  CHECK(text.starts_with(start + ": out of memory: "));
  CHECK(text.ends_with(end));
}

TEST_CASE("a plan without memory for a value names its operation and the user's line") {
  const Tensor x = ones({512, 512});
  const int line = __LINE__ + 1;
  const auto soft = trace([](const Tensor& t) { return softmax(t); });
  const auto sum = trace([](const Tensor& t) { return exp(t) + 1.0; });
  const auto turned = trace([](const Tensor& t) { return roll(t, 1, 1); });
  for (const auto* f : {&soft, &sum, &turned}) {
    (void)(*f)(x);
    (void)(*f)(x);  // the first call that runs a plan
  }
  says(without_memory([&] { (void)soft(x); }), "softmax", at_line(line));
  says(without_memory([&] { (void)sum(x); }), "add", at_line(line + 1));
  says(without_memory([&] { (void)turned(x); }), "roll", at_line(line + 2));
}

TEST_CASE("each of the values that one kernel makes names its own line when there is no memory") {
  const Tensor x = ones({512, 512});
  const Tensor small = ones({2});
  const auto f = trace([](const Tensor& a, const Tensor& b) {
    Tensor first = a + 1.0;
    Tensor second = b + 1.0;
    return std::pair(first, second);
  });
  const std::string line = at_line(__LINE__ - 3);
  (void)f(small, x);
  (void)f(small, x);
  says(without_memory([&] { (void)f(small, x); }), "add", line);
}

TEST_CASE("a plan without memory for all that lives during a call names the call") {
  const Tensor x = ones({512, 512});
  const auto f = trace([](const Tensor& t) { return sum(matmul(matmul(t, t), t)); });
  (void)f(x);
  (void)f(x);
  const std::string line = at_line(__LINE__ + 1);
  says(without_memory([&] { (void)f(x); }), "trace", line);
  const Tensor turned = transpose(x, {1, 0});  // laid out anew
  const std::string other = at_line(__LINE__ + 1);
  says(without_memory([&] { (void)f(turned); }), "trace", other);
}

TEST_CASE("a gradient's plan without memory names what it is the gradient of") {
  const Tensor x = ones({512, 512});
  const auto f = trace([](const Tensor& t) { return exp(t); });
  const std::string line = at_line(__LINE__ - 1);
  for (const bool room : {true, true, false}) {
    GradientTape tape;
    tape.watch(x);
    const Tensor y = f(x);
    const auto gradient = [&] { (void)tape.gradient(y, x, {.output_gradients = x}); };
    if (room)
      gradient();
    else
      says(without_memory(gradient), "gradient of exp", line);
  }
}

TEST_CASE("a loaded graph without memory names the operation, the node and the user's line") {
  const Tensor x = ones({512, 512});
  const auto f = trace([](const Tensor& t) {
    const NameScope scope("head");
    return exp(t);
  });
  (void)f(x);
  const Graph graph = reloaded(f.graph());
  (void)graph(x);
  const std::string line = at_line(__LINE__ + 1);
  says(without_memory([&] { (void)graph(x); }), "exp (the node 'head/exp')", line);
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
