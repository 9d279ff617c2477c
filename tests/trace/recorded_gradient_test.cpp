// Custom gradients in traces and in files.
#include <rill/rill.h>
#include <rill/trace/function.h>
#include <rill/trace/listing.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/thrown.h"
#include "tests/trace/reloaded.h"

namespace rill {
namespace {

/// The gradient of the sum of what `f` gives.
template <class F>
Tensor slope(const F& f, const Tensor& x) {
  GradientTape tape;
  tape.watch(x);
  return tape.gradient(f(x), x);
}
template <class F>
Tensor second_slope(const F& f, const Tensor& x) {
  return slope([&](const Tensor& t) { return slope(f, t); }, x);
}

/// log(1 + exp(x)), whose gradient looks at exp(x).
const auto log1pexp = custom_gradient([](const Tensor& x) {
  const Tensor e = exp(x);
  return std::pair(log(1 + e), [e](const Tensor& dy) { return dy * (1 - 1 / (1 + e)); });
});

TEST_CASE("a custom gradient is a node, and its rule a function of what it looks at") {
  const auto f = trace([](const Tensor& x) { return log1pexp(x); });
  (void)f(ones({2}));
  const Function& function = *f.graph().functions()[0];
  CHECK_FALSE(function.unknown_gradients);
  const Node& node = function.nodes.back();
  REQUIRE(node.kind == Node::Kind::custom);
  CHECK(listing(function).find("custom_gradient = custom_gradient(log)") != std::string::npos);
  CHECK(node.gradient->rule->text() == "(float32[2] gradient, float32[2] exp) -> (float32[2] 0)");
}

TEST_CASE("a traced custom gradient has its gradients of any order, from JSON too") {
  const auto plain = [](const Tensor& x) { return log1pexp(x * 2) * x; };
  auto f = trace(plain);
  const Tensor x = tensor({-1.0, 0.5, 3.0});
  for (int call = 0; call < 3; ++call) {
    CHECK(same_bits(f(x), plain(x)));
    CHECK(same_bits(slope(f, x), slope(plain, x)));
    CHECK(same_bits(second_slope(f, x), second_slope(plain, x)));
  }
  const Graph graph = reloaded(f.graph());
  CHECK(same_bits(graph(x), plain(x)));
  CHECK(same_bits(slope(graph, x), slope(plain, x)));
  CHECK(same_bits(second_slope(graph, x), second_slope(plain, x)));
}

TEST_CASE("a custom gradient of several arguments and results, one without a gradient") {
  const auto both = custom_gradient([](const Tensor& a, const Tensor& b) {
    return std::pair(std::array{a * b, a + b}, [a, b](const Tensor& dp, const Tensor& ds) {
      return std::array{dp * b * 3 + ds, Tensor()};
    });
  });
  const auto plain = [&](const Tensor& x) {
    const auto [p, s] = both(x, x * 2);
    return p * s;
  };
  auto f = trace(plain, {.inputs = {spec({unknown}, float32, "x")}});
  (void)f(ones({2}));
  const Graph graph = reloaded(f.graph());
  for (const int size : {2, 3}) {
    const Tensor x = arange(static_cast<float>(size)) + 1;
    CHECK(same_bits(slope(f, x), slope(plain, x)));
    CHECK(same_bits(slope(graph, x), slope(plain, x)));
  }
}

TEST_CASE("a rule that uses its own function, variables and constants is recorded") {
  const Variable scale(tensor(3.0), "scale");
  const Tensor table = arange(20.0F);
  struct Gate {
    static Tensor call(const Tensor& x, const Variable& scale, const Tensor& table) {
      return custom_gradient([=](const Tensor& t) {
        return std::pair(sigmoid(t), [=](const Tensor& dy) {
          const Tensor y = Gate::call(t, scale, table);
          return dy * y * (1 - y) * scale + table(slice(0, 2)) * 0;
        });
      })(x);
    }
  };
  const auto plain = [&](const Tensor& x) { return Gate::call(x, scale, table); };
  auto f = trace(plain);
  const Tensor x = tensor({0.5, -1.0});
  (void)f(x);
  const Graph graph = reloaded(f.graph());
  CHECK(same_bits(slope(graph, x), slope(plain, x)));
  CHECK(same_bits(second_slope(graph, x), second_slope(plain, x)));
  scale.assign(tensor(5.0));
  CHECK(same_bits(slope(f, x), slope(plain, x)));
}

TEST_CASE("a rule that reads values holds in the program, and not in a file") {
  const auto odd = custom_gradient([](const Tensor& x) {
    return std::pair(x * x, [x](const Tensor& dy) { return dy * sum(x).item<float>(); });
  });
  const auto plain = [&](const Tensor& x) { return odd(x); };
  auto f = trace(plain);
  const Tensor x = tensor({1.0, 2.0});
  for (int call = 0; call < 3; ++call) CHECK(equal(slope(f, x), tensor({3.0, 3.0})));
  const Graph graph = reloaded(f.graph());
  CHECK(equal(graph(x), tensor({1.0, 4.0})));
  CHECK(test::thrown<GradientError>([&] {
          (void)slope(graph, x);
        }).find("the gradient of 'custom_gradient' is not part of the graph") != std::string::npos);
}

}  // namespace
}  // namespace rill
