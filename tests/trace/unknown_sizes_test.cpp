// One trace for many sizes.
#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/folder.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

Tensor numbers(const Shape& shape) {
  return reshape(arange(shape.size()).to(float32), shape) / 7.0;
}

TEST_CASE("one trace serves every batch size with the eager bits") {
  const Variable w(numbers({3, 4}), "w");
  int runs = 0;
  const auto plain = [&](const Tensor& x) {
    ++runs;
    const Tensor y = softmax(relu(matmul(x, w)));
    return std::vector<Tensor>{y, mean(y, 0), reshape(y, {-1, 2}), y / x.dim(0)};
  };
  auto f = trace(plain, {.inputs = {spec({unknown, 3}, float32, "x")}});
  for (const int batch : {4, 1, 7, 64, 4, 0}) {
    const Tensor x = numbers({batch, 3});
    const auto traced = f(x);
    const int before = runs;
    const auto eager = plain(x);
    runs = before;
    for (std::size_t i = 0; i < eager.size(); ++i) {
      INFO("batch " << batch << ", result " << i << ": " << traced[i] << " for " << eager[i]);
      CHECK(allclose(traced[i], eager[i], {.equal_nan = true}));
    }
  }
  CHECK(runs == 1);
  CHECK(f.trace_count() == 1);
}

TEST_CASE("named sizes are shared between inputs") {
  const Dim batch("batch");
  auto f = trace([](const Tensor& a, const Tensor& b) { return a + b; },
                 {.inputs = {spec({batch, 2}, float32, "a"), spec({batch, 2}, float32, "b")}});
  CHECK(equal(f(ones({3, 2}), ones({3, 2})), ones({3, 2}) * 2.0));
  CHECK(thrown<TraceError>([&] { (void)f(ones({3, 2}), ones({4, 2})); })
            .find("the arguments (float32[3,2], float32[4,2]) are not like (float32[batch,2] a, "
                  "float32[batch,2] b)") != std::string::npos);
  CHECK(thrown<TraceError>([&] { (void)f(ones({3, 3}), ones({3, 3})); }).find("are not like") !=
        std::string::npos);
}

TEST_CASE("sizes that the function needs to be equal are checked at entry, by name") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a * b; },
                 {.inputs = {spec({Dim("n")}, float32, "a"), spec({Dim("m")}, float32, "b")}});
  CHECK(equal(f(ones({3}), ones({3})), ones({3})));
  const std::string text = thrown<ShapeError>([&] { (void)f(ones({3}), ones({1})); });
  CHECK(text ==
        "trace: the function needs equal sizes: n (axis 0 of a) is 3, m (axis 0 of b) is 1; an "
        "unknown size does not broadcast");
}

TEST_CASE("a size that is read as a number is refused while it is unknown") {
  auto f = trace([](const Tensor& x) { return zeros({static_cast<int>(x.dim(0))}); },
                 {.inputs = {spec({unknown})}});
  CHECK_THROWS_AS(f(ones({3})), ValueError);
}

TEST_CASE("a training step of unknown batch size learns as the plain one does") {
  const auto run = [](bool traced) {
    rng::seed(1);
    const Variable w(numbers({3, 2}), "w");
    SGD sgd(0.1);
    const auto step = [&](const Tensor& x, const Tensor& labels) {
      return sgd.minimize([&] { return mean(cross_entropy(matmul(dropout(x, 0.25), w), labels)); });
    };
    const Dim batch("batch");
    auto f = trace(step, {.inputs = {spec({batch, 3}), spec({batch}, int64)}});
    std::vector<float> losses;
    for (const int size : {4, 6, 4}) {
      const Tensor x = numbers({size, 3});
      const Tensor labels = arange(size) % 2;
      losses.push_back((traced ? f(x, labels) : step(x, labels)).item<float>());
    }
    losses.push_back(sum(w * w).item<float>());
    return losses;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("a graph of unknown sizes is saved, runs with any, and is saved again as the same text") {
  const Variable w(numbers({3, 4}), "w");
  auto f = trace([&](const Tensor& x, const Tensor& y) { return matmul(x, w) + y / x.dim(0); },
                 {.inputs = {spec({unknown, 3}, float32, "x"), spec({unknown, 4}, float32, "y")}});
  const Tensor expected = f(ones({2, 3}), ones({2, 4}));
  const test::Folder folder;
  f.save(folder.file("f.json"));
  const Graph g = Graph::load(folder.file("f.json"));
  CHECK(equal(g(ones({2, 3}), ones({2, 4})), expected));
  CHECK(g(ones({5, 3}), ones({5, 4})).shape() == Shape{5, 4});
  CHECK(thrown<ShapeError>([&] { (void)g(ones({2, 3}), ones({3, 4})); }).find("equal sizes") !=
        std::string::npos);
  CHECK(g.text("f.safetensors") == f.graph().text("f.safetensors"));
}

TEST_CASE("relax_shapes makes one trace of the second shape on") {
  int runs = 0;
  auto f = trace(
      [&](const Tensor& x, const Tensor& y) {
        ++runs;
        return matmul(x, y);
      },
      {.relax_shapes = true});
  for (const int n : {2, 3, 4, 5, 2})
    CHECK(equal(f(ones({n, 3}), ones({3, 2})), ones({n, 2}) * 3.0));
  CHECK(runs == 2);
  REQUIRE(f.signatures().size() == 1);
  CHECK(f.signatures()[0].find(",3] x0, float32[3,2] x1) -> (float32[?") != std::string::npos);
}

TEST_CASE("shapes that broadcast are recorded by themselves when shapes are relaxed") {
  auto f = trace([](const Tensor& a, const Tensor& b) { return a + b; }, {.relax_shapes = true});
  const auto right = [&](std::int64_t n, std::int64_t m) {
    return equal(f(ones({n}), ones({m})), ones({n}) + ones({m}));
  };
  CHECK(right(3, 3));
  CHECK(right(4, 4));
  CHECK(right(3, 1));
  CHECK(right(3, 1));
  CHECK(right(5, 5));
  CHECK(right(3, 1));
  CHECK(f.trace_count() == 3);
  CHECK_THROWS_AS(f(ones({3}), ones({2})), ShapeError);
}

TEST_CASE("warm_up prepares a size of the inputs that are given, and no others") {
  auto f = trace([](const Tensor& x) { return x * 2.0; }, {.inputs = {spec({unknown, 3})}});
  f.warm_up({spec({32, 3})});
  CHECK(equal(f(ones({5, 3})), ones({5, 3}) * 2.0));
  CHECK(f.trace_count() == 1);
  CHECK_THROWS_AS(f.warm_up({spec({32, 4})}), TraceError);
}

TEST_CASE("any node of a graph of unknown sizes runs by its name") {
  auto f = trace([](const Tensor& x) { return exp(x * 2.0); },
                 {.inputs = {spec({unknown, 3}, float32, "x")}});
  (void)f(ones({1, 3}));
  const auto [y] = f.graph().run({{"x", ones({4, 3})}}, {"multiply"});
  CHECK(equal(y, ones({4, 3}) * 2.0));
}

TEST_CASE("an element that is read while sizes are unknown is refused with a way out") {
  auto f = trace([](const Tensor& x) { return x * sum(x).item<float>(); },
                 {.inputs = {spec({unknown})}});
  const std::string text = thrown<TraceError>([&] { (void)f(ones({2})); });
  CHECK(text.find("trace: a number is read of float32[]") == 0);
}

TEST_CASE("a function that needs its sizes is recorded per shape even when shapes are relaxed") {
  auto f =
      trace([](const Tensor& x) { return x * static_cast<int>(x.dim(0)); }, {.relax_shapes = true});
  for (const int n : {2, 3, 4, 2}) CHECK(equal(f(ones({n})), ones({n}) * n));
  CHECK(f.trace_count() == 3);
}

}  // namespace
}  // namespace rill
