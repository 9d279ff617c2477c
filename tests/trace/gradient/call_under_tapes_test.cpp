#include <rill/rill.h>
#include <rill/tensor/allocator.h>
#include <rill/tensor/listener.h>
#include <rill/trace/same_bits.h>

#include <thread>

#include "tests/catch.h"
#include "tests/folder.h"

namespace rill {
namespace {

/// Counts what runs operator by operator beside a tape.
struct Operators : Listener {
  int count = 0;
  void op(const OpEvent&) override { ++count; }
  [[nodiscard]] bool takes_whole_calls() const override { return true; }
};

const Tensor x = tensor({{0.5, -2.0, 3.0}, {0.25, 4.0, -1.0}});

/// The third call's result, from a plan, is the first one's.
template <class Program>
void agree(const Program& program) {
  const std::vector<Tensor> first = program();
  for (int call = 0; call < 2; ++call) {
    const std::vector<Tensor> again = program();
    REQUIRE(again.size() == first.size());
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(same_bits(again[i], first[i]));
  }
}

TEST_CASE("a traced call under a tape runs as a whole, and so does its gradient") {
  const Variable w(tensor({{1.0, 2.0}, {3.0, -4.0}, {0.5, 1.5}}), "w");
  auto f = trace([&](const Tensor& t) { return tanh(matmul(t, w)) * 2.0; });
  (void)f(x);
  GradientTape tape;
  Operators operators;
  const Listening on(operators);
  const Tensor y = f(x);
  const Tensor dw = tape.gradient(y, w);
  CHECK(operators.count == 1);  // the ones that flow into y
  CHECK(same_bits(y, tanh(matmul(x, w)) * 2.0));
  GradientTape plain;
  const Tensor expected = plain.gradient(tanh(matmul(x, w)) * 2.0, w);
  CHECK(same_bits(dw, expected));
}

TEST_CASE("uses inside and outside of a traced call are added in the eager order") {
  // Large and small numbers: any other order of the four gives other bits.
  const Tensor a = tensor({1.0F});
  const auto inside = [](const Tensor& t) { return t * 1e8F + t * 3.0F + t * -1e8F; };
  auto f = trace(inside);
  (void)f(a);
  const auto gradient = [&](const auto& function) {
    GradientTape tape;
    tape.watch(a);
    const Tensor early = a * 0.3F;
    const Tensor y = function(a) + early + a * 7.7F;
    return tape.gradient(y, a);
  };
  CHECK(same_bits(gradient(f), gradient(inside)));
  auto first = trace(inside);
  CHECK(same_bits(gradient(first), gradient(inside)));
}

TEST_CASE("one tensor given twice, returned, or captured is one to a tape") {
  const Tensor a = tensor({2.0, 3.0});
  auto f = trace([&](const Tensor& s, const Tensor& t) {
    return std::array<Tensor, 3>{s * t * t, s, a * 2.0};
  });
  agree([&] {
    GradientTape tape({.persistent = true});
    tape.watch(a);
    const auto [product, same, captured] = f(a, a);
    CHECK(same.id() == a.id());
    return std::vector<Tensor>{tape.gradient(product, a), tape.gradient(same, a),
                               tape.gradient(captured, a),
                               tape.gradient({product, same, captured}, a)};
  });
  GradientTape tape;
  tape.watch(a);
  CHECK(equal(tape.gradient(f(a, a)[0], a), tensor({12.0, 27.0})));
}

TEST_CASE("a variable that a traced call assigns leads to what was read, before and after") {
  const Variable w(tensor({2.0, 3.0}), "w");
  auto f = trace([&](const Tensor& t) {
    const Tensor before = w * t;
    w.assign(w * 2.0);
    const Tensor after = w * w;
    return std::array<Tensor, 3>{before, after, w.value()};
  });
  agree([&] {
    w.assign(tensor({2.0, 3.0}));
    GradientTape tape({.persistent = true});
    const auto [before, after, value] = f(tensor({10.0, 100.0}));
    CHECK(tape.watched_variables().size() == 1);
    return std::vector<Tensor>{tape.gradient(before, w), tape.gradient(after, w),
                               tape.gradient(value, w), tape.gradient({before, after, value}, w)};
  });
}

TEST_CASE("a tape that watches no variables by itself finds the one it was told to watch") {
  const Variable w(tensor({2.0, 3.0}), "w");
  auto f = trace([&](const Tensor& t) { return w * t; });
  agree([&] {
    GradientTape tape({.watch_variables = false});
    tape.watch(w);
    return std::vector<Tensor>{tape.gradient(f(tensor({10.0, 100.0})), w)};
  });
  GradientTape tape({.watch_variables = false});
  CHECK_THROWS_AS(tape.gradient(f(tensor({1.0, 1.0})), w), GradientError);
}

TEST_CASE("gradients of gradients come from traced calls, with tapes inside and outside") {
  const auto cube = [](const Tensor& t) { return t * t * t; };
  auto f = trace(cube);
  const Tensor a = tensor({2.0, -0.5});
  agree([&] { return std::vector<Tensor>{grad(grad(grad(f)))(a)}; });
  CHECK(equal(grad(grad(grad(f)))(a), tensor({6.0, 6.0})));
  auto slope = trace([&](const Tensor& t) { return grad(f)(t); });
  agree([&] { return std::vector<Tensor>{grad(slope)(a)}; });
  CHECK(equal(grad(slope)(a), a * 6.0));
}

TEST_CASE("a tape that is opened for the gradient alone sees what it watches") {
  auto f = trace([](const Tensor& t) { return sum(tanh(t) * 2.0 + t * t); });
  const Tensor a = tensor({0.5, -1.5});
  agree([&] {
    GradientTape inner;
    inner.watch(a);
    const Tensor y = f(a);
    GradientTape outer;
    outer.watch(a);
    const Tensor slope = inner.gradient(y, a);
    return std::vector<Tensor>{slope, outer.gradient(slope, a)};
  });
}

TEST_CASE("a tape that pauses does not hear a traced call") {
  auto f = trace([](const Tensor& t) { return t * t; });
  const Tensor a = tensor({2.0});
  for (int call = 0; call < 3; ++call) {
    GradientTape tape;
    tape.watch(a);
    Tensor y;
    {
      const auto pause = tape.stop_recording();
      y = f(a);
    }
    const Tensor z = y * a;
    CHECK(equal(tape.gradient(z, a), tensor({4.0})));
  }
}

TEST_CASE("what does not lead back is unconnected, as it is eagerly") {
  auto f = trace([](const Tensor& t, const Tensor& n) {
    return std::array<Tensor, 3>{stop_gradient(t) * 2.0, sign(t), take(t, n)};
  });
  const Tensor a = tensor({2.0, 3.0});
  const Tensor n = tensor({1, 1, 0});
  for (int call = 0; call < 3; ++call) {
    GradientTape tape({.persistent = true});
    tape.watch(a);
    const auto [stopped, signs, taken] = f(a, n);
    CHECK_THROWS_WITH(tape.gradient(stopped, a),
                      Catch::Contains("is unconnected: the target does not depend on it"));
    CHECK_THROWS_WITH(tape.gradient(taken * 1.0, signs), Catch::Contains("neither watched nor"));
    CHECK(equal(tape.gradient(taken, a), tensor({1.0, 2.0})));
    CHECK(equal(tape.gradient(stopped, a, {.unconnected = Unconnected::zeros}), zeros({2})));
  }
}

TEST_CASE("a traced call's gradient sees the numbers that its forward pass has drawn") {
  auto f = trace([](const Tensor& t) { return dropout(t, 0.5) * t; });
  const Tensor a = ones({64});
  const auto gradient = [&](const auto& function) {
    rng::seed(5);
    std::vector<Tensor> found;
    for (int call = 0; call < 3; ++call) {
      GradientTape tape;
      tape.watch(a);
      const Tensor y = function(a);
      found.push_back(y);
      found.push_back(tape.gradient(y, a));
    }
    found.push_back(rng::normal({2}));  // the gradient drew nothing
    return found;
  };
  const auto traced = gradient(f);
  const auto eager = gradient([](const Tensor& t) { return dropout(t, 0.5) * t; });
  for (std::size_t i = 0; i < eager.size(); ++i) CHECK(same_bits(traced[i], eager[i]));
}

TEST_CASE("a trace of unknown sizes has gradients for each size") {
  const Variable w(tensor({1.0, -2.0, 0.5}), "w");
  auto f = trace([&](const Tensor& t) { return tanh(matmul(t, w)) / t.dim(0); },
                 {.inputs = {spec({unknown, 3})}});
  for (const int rows : {1, 5, 2, 5}) {
    const Tensor t = reshape(arange(rows * 3).to(float32), {rows, 3});
    GradientTape tape;
    GradientTape plain;
    CHECK(same_bits(tape.gradient(f(t), w), plain.gradient(tanh(matmul(t, w)) / rows, w)));
  }
}

TEST_CASE("a graph from a file has gradients") {
  const test::Folder folder;
  const Variable w(tensor({1.0, -2.0, 0.5}), "w");
  auto f = trace([&](const Tensor& t) { return sum(tanh(t * w)); });
  (void)f(x);
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  GradientTape tape;
  tape.watch(x);
  GradientTape plain;
  plain.watch(x);
  CHECK(same_bits(tape.gradient(g(x), x), plain.gradient(sum(tanh(x * w)), x)));
}

TEST_CASE("between a traced call and its gradient only what is dear is kept") {
  constexpr std::int64_t size = 1 << 16;
  constexpr std::size_t bytes = size * sizeof(float);
  const auto chain = [](const Tensor& t) {
    const Tensor scaled = t * 2.0 + 1.0;             // next to nothing
    const Tensor squared = square(scaled) * scaled;  // likewise
    return sum(exp(squared * -0.001) * squared);     // the exponential is kept
  };
  auto f = trace(chain);
  const Tensor t = rng::normal({size});
  (void)f(t);
  const auto held = [&](const auto& function) {
    GradientTape tape;
    tape.watch(t);
    const std::size_t before = memory_statistics().allocated;
    const Tensor y = function(t);
    const std::size_t between = memory_statistics().allocated - before;
    (void)tape.gradient(y, t);
    return between;
  };
  (void)held(f);  // the plans are made
  CHECK(held(f) >= bytes);
  CHECK(held(f) < bytes + bytes / 4);
  CHECK(held(chain) > 3 * bytes);
}

TEST_CASE("what a gradient was taken of is let go with the tape") {
  auto f = trace([](const Tensor& t) { return sum(exp(t) * t); });
  const Tensor t = rng::normal({1 << 14});
  const auto once = [&] {
    GradientTape tape;
    tape.watch(t);
    return tape.gradient(f(t), t);
  };
  for (int call = 0; call < 3; ++call) (void)once();
  const std::size_t before = memory_statistics().allocated;
  for (int call = 0; call < 3; ++call) (void)once();
  CHECK(memory_statistics().allocated == before);
}

TEST_CASE("a failed check in a traced call under a tape leaves a tape that can be used") {
  const Variable count(tensor(0.0), "count");
  auto f = trace([&](const Tensor& t) {
    count.assign_add(1);
    check(t > 0, "t is positive");
    count.assign_add(1);
    return sqrt(t);
  });
  (void)f(tensor(4.0));
  const Tensor a = tensor(9.0);
  GradientTape tape;
  tape.watch(a);
  CHECK_THROWS_WITH(f(-a), Catch::StartsWith("check: t is positive: 1 of 1 is false, at "));
  CHECK(count.value().item<float>() == 3);
  CHECK(equal(tape.gradient(f(a), a), tensor(1.0 / 6)));
}

TEST_CASE("explain shows the plan of a plain call, also after calls under tapes") {
  auto f = trace([](const Tensor& t) { return sum(tanh(t) * t); });
  (void)f(x);
  const std::string before = f.explain();
  GradientTape tape;
  tape.watch(x);
  (void)tape.gradient(f(x), x);
  CHECK(f.explain() == before);
  CHECK(f.trace_count() == 1);
}

TEST_CASE("threads may take gradients of one traced function at once") {
  const Variable w(rng::normal({3, 4}), "w");
  auto f = trace([&](const Tensor& t) { return tanh(matmul(t, w)); });
  const Tensor expected = [&] {
    GradientTape tape;
    return tape.gradient(tanh(matmul(x, w)), w);
  }();
  std::vector<int> right(4);
  std::vector<std::thread> threads;
  for (int& count : right) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        GradientTape tape;
        count += same_bits(tape.gradient(f(x), w), expected) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>{20, 20, 20, 20});
}

}  // namespace
}  // namespace rill
