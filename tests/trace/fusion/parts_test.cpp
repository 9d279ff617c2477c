// Concatenations that are made where their operands are.
#include <rill/rill.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"

namespace rill {
namespace {

/// What a traced function gives once it runs as a plan, and what it says of itself.
struct Planned {
  std::vector<Tensor> results;
  std::string text;
};

template <class F>
Planned planned(const F& f, const std::vector<Tensor>& x) {
  auto traced = trace(f);
  (void)traced(x);
  const std::vector<Tensor> results = traced(x);
  const std::vector<Tensor> expected = f(x);
  REQUIRE(results.size() == expected.size());
  for (std::size_t k = 0; k < results.size(); ++k) REQUIRE(same_bits(results[k], expected[k]));
  const std::string text = traced.explain();
  return {results, text.substr(text.find('\n') + 1)};
}

using Tensors = std::vector<Tensor>;

TEST_CASE("operands that are stretches of the whole are made in it") {
  const auto f = [](const Tensors& x) -> Tensors {
    const Tensor a = exp(x[0]);
    const Tensor whole = stack({a, matmul(a, a), -x[0]}, 0);
    return {matmul(whole, x[0]), a.transpose()};
  };
  CHECK(planned(f, {rng::normal({3, 3})}).text ==
        R"(kernel   in 36 B, out 36 B, 24 op, 8 %: exp -> float32[3,3] exp
library  in 36 B, out 36 B, 38 %: matmul -> float32[3,3] matmul
kernel   in 36 B, out 36 B, 1 op, 8 %: negative reshape_2 -> float32[1,3,3] reshape_2
library  in 144 B, out 108 B, 39 %: matmul_1 -> float32[3,3,3] matmul_1
kernel   in 36 B, out 36 B, 8 %: transpose -> float32[3,3] transpose
arena: 128 B
)");
}

TEST_CASE("operands that lie apart in the whole are written there by kernels of their own") {
  const auto f = [](const Tensors& x) -> Tensors {
    const Tensor whole = concat({exp(x[0]), x[0].transpose(), x[0] * 2.0}, 1);
    return {matmul(whole.transpose(), whole)};
  };
  CHECK(planned(f, {rng::normal({3, 3})}).text ==
        R"(kernel   in 36 B, out 36 B, 24 op, 12 %: exp concat/part0 -> float32[3,3] concat/part0
kernel   in 36 B, out 36 B, 12 %: transpose concat/part1 -> float32[3,3] concat/part1
kernel   in 36 B, out 36 B, 1 op, 12 %: multiply concat/part2 -> float32[3,3] concat/part2
library  in 108 B, out 324 B, 63 %: matmul -> float32[9,9] matmul
arena: 128 B
)");
}

TEST_CASE("two operands that loops read stay where they are") {
  const auto f = [](const Tensors& x) -> Tensors { return {exp(concat({x[0], x[1]}, 0))}; };
  CHECK(planned(f, {rng::normal({3}), rng::normal({2})}).text.find("concat exp") !=
        std::string::npos);
}

TEST_CASE("more operands than an operator takes are made in the whole, too") {
  const auto f = [](const Tensors& x) -> Tensors {
    std::vector<Tensor> rows;
    for (int k = 0; k < 20; ++k) rows.push_back(x[0] * k);
    return {exp(stack(rows))};
  };
  CHECK(
      planned(f, {rng::normal({3})}).text ==
      R"(kernel   in 12 B, out 12 B, 1 op, 35 %: multiply reshape -> float32[1,3] reshape (and 18 alike)
kernel   in 12 B, out 12 B, 30 %: reshape_1 concat/part1 -> float32[1,3] concat/part1
kernel   in 240 B, out 240 B, 24 op, 35 %: exp -> float32[20,3] exp
arena: 256 B
)");
}

TEST_CASE("concatenations of concatenations, of inputs, of one value twice, of results") {
  const auto inner_and_outer = [](const Tensors& x) -> Tensors {
    const Tensor inner = concat({x[0], exp(x[0]), x[0]}, 0);
    const Tensor across = concat({inner, inner * 2.0, inner}, 1);
    return {concat({across, across + 1.0, exp(across), across}, 0)};
  };
  (void)planned(inner_and_outer, {rng::normal({2, 3})});
  const auto results_too = [](const Tensors& x) -> Tensors {
    const Tensor a = exp(x[0]);
    const Tensor whole = concat({a, a, x[0], exp(a)}, 0);
    return {a, whole, concat({whole, whole * 2.0, a}, 0), whole};
  };
  (void)planned(results_too, {rng::normal({4})});
  const auto empty_too = [](const Tensors& x) -> Tensors {
    return {concat({x[0], zeros({0, 3}), x[0] * 2.0, exp(x[0])}, 0)};
  };
  (void)planned(empty_too, {rng::normal({2, 3})});
}

TEST_CASE("a whole has its memory as soon as a part of a part is made") {
  const auto f = [](const Tensors& x) -> Tensors {
    const Tensor half = split(concat({x[0], x[0] + 1.0}, 1), 2, 1)[1];
    const Tensor inner = concat({half, flip(half, 0)}, 0);
    const Tensor outer = concat({inner, inner + 1.0}, 0);
    return {matmul(split(outer, 2, 0)[1], eye(3))};
  };
  (void)planned(f, {rng::normal({8, 3})});
}

TEST_CASE("what runs as it does eagerly may read parts and wholes") {
  const Variable scale(ones({4}));
  const auto f = [&](const Tensors& x) -> Tensors {
    const Tensor a = exp(x[0]);
    const Tensor whole = stack({a, a * 2.0, x[0]}, 0);
    const BatchNorm norm = batch_norm(whole.reshape({1, 1, 3, 4}), ones({4}), zeros({4}));
    const BatchNorm of_part = batch_norm(a.reshape({1, 1, 1, 4}), ones({4}), zeros({4}));
    return {norm.y, of_part.y, whole};
  };
  (void)planned(f, {rng::normal({4})});
}

TEST_CASE("a part outlives the whole") {
  const auto f = [](const Tensors& x) -> Tensors {
    const Tensor a = matmul(x[0], x[0]);
    Tensor y = matmul(concat({a, exp(x[0]), x[0] * 2.0}, 0), x[0]);
    for (int i = 0; i < 4; ++i) y = matmul(y, exp(y.reshape({3, 9}))(slice(0, 3), slice(0, 3)));
    return {matmul(a, y.transpose())};
  };
  (void)planned(f, {rng::normal({3, 3}) * 0.1});
}

}  // namespace
}  // namespace rill
