// Compositions, and what is inside them.
#include <rill/ops/call.h>
#include <rill/ops/composition.h>
#include <rill/ops/infer.h>
#include <rill/trace/listing.h>
#include <rill/trace/passes/expansion.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

TEST_CASE("a batch norm becomes moments and what normalises by them") {
  const auto function = recorded({ones({8, 4}), ones({4})}, [](const Tensors& x) -> Tensors {
    return {batch_norm(x[0], x[1], x[1]).y};
  });
  Changes changes(true);
  CHECK(listing(expand_compositions(*function, changes)) == R"(x0: float32[8,4]
x1: float32[4]
reshape = reshape(x1, shape=[1,4]) float32[1,4]
reshape_1 = reshape(x1, shape=[1,4]) float32[1,4]
batch_norm/moments = moments(x0, axes=[0], epsilon=1e-05) float32[1,4], float32[1,4]
batch_norm/normalize = normalize(x0, reshape, reshape_1, batch_norm/moments, batch_norm/moments:1, axes=[0], epsilon=1e-05) float32[8,4]
reshape_2 = reshape(batch_norm/moments, shape=[4]) float32[4]
reshape_3 = reshape(batch_norm/moments:1, shape=[4]) float32[4]
return batch_norm/normalize
)");
  REQUIRE(changes.lines().size() == 1);
  CHECK(changes.lines()[0] == R"(batch_norm is made of 2 nodes, at expansion_test.cpp:18)");
}

TEST_CASE("a layer of LSTM becomes its steps") {
  const auto function =
      recorded({ones({2, 3, 4}), ones({4, 8}), ones({2, 8}), ones({8})},
               [](const Tensors& x) -> Tensors { return {lstm(x[0], x[1], x[2], x[3]).outputs}; });
  Changes changes;
  CHECK(listing(expand_compositions(*function, changes)) == R"(x0: float32[2,3,4]
x1: float32[4,8]
x2: float32[2,8]
x3: float32[8]
number = 0
full = full(number, shape=[3,2], dtype=float32) float32[3,2]
number_1 = 0
full_1 = full(number_1, shape=[3,2], dtype=float32) float32[3,2]
lstm/matmul = matmul(x0, x1, transpose_a=false, transpose_b=false) float32[2,3,8]
lstm/add = add(lstm/matmul, x3) float32[2,3,8]
lstm/strided_slice = strided_slice(lstm/add, first=[0,0,0], step=[1,1,1], size=[1,3,8]) float32[1,3,8]
lstm/reshape = reshape(lstm/strided_slice, shape=[3,8]) float32[3,8]
lstm/matmul_1 = matmul(full, x2, transpose_a=false, transpose_b=false) float32[3,8]
lstm/lstm_gates = lstm_gates(lstm/reshape, lstm/matmul_1, full_1) float32[3,2], float32[3,2], float32[3,8]
lstm/strided_slice_1 = strided_slice(lstm/add, first=[1,0,0], step=[1,1,1], size=[1,3,8]) float32[1,3,8]
lstm/reshape_1 = reshape(lstm/strided_slice_1, shape=[3,8]) float32[3,8]
lstm/matmul_2 = matmul(lstm/lstm_gates, x2, transpose_a=false, transpose_b=false) float32[3,8]
lstm/lstm_gates_1 = lstm_gates(lstm/reshape_1, lstm/matmul_2, lstm/lstm_gates:1) float32[3,2], float32[3,2], float32[3,8]
lstm/reshape_2 = reshape(lstm/lstm_gates, shape=[1,3,2]) float32[1,3,2]
lstm/reshape_3 = reshape(lstm/lstm_gates_1, shape=[1,3,2]) float32[1,3,2]
lstm/concat = concat(lstm/reshape_2, lstm/reshape_3, axis=0) float32[2,3,2]
lstm/reshape_4 = reshape(lstm/lstm_gates:1, shape=[1,3,2]) float32[1,3,2]
lstm/reshape_5 = reshape(lstm/lstm_gates_1:1, shape=[1,3,2]) float32[1,3,2]
lstm/concat_1 = concat(lstm/reshape_4, lstm/reshape_5, axis=0) float32[2,3,2]
lstm/reshape_6 = reshape(lstm/lstm_gates:2, shape=[1,3,8]) float32[1,3,8]
lstm/reshape_7 = reshape(lstm/lstm_gates_1:2, shape=[1,3,8]) float32[1,3,8]
lstm/concat_2 = concat(lstm/reshape_6, lstm/reshape_7, axis=0) float32[2,3,8]
strided_slice = strided_slice(lstm/concat, first=[1,0,0], step=[1,1,1], size=[1,3,2]) float32[1,3,2]
reshape = reshape(strided_slice, shape=[3,2]) float32[3,2]
strided_slice_1 = strided_slice(lstm/concat_1, first=[1,0,0], step=[1,1,1], size=[1,3,2]) float32[1,3,2]
reshape_1 = reshape(strided_slice_1, shape=[3,2]) float32[3,2]
return lstm/concat
)");
}

constexpr Op middle = {.name = "middle",
                       .rule = broadcast_rule<Kinds::floating>,
                       .composition = [](Composition& c) { c.out(0, (c.in(0) + c.in(1)) * 0.5); }};

TEST_CASE("a composition's inputs are converted before they go into what it is made of") {
  const auto function = recorded({ones({2}), ones({2}, float64)}, [](const Tensors& x) -> Tensors {
    return {call(middle, x[0], x[1])};
  });
  Changes changes;
  CHECK(listing(expand_compositions(*function, changes)) == R"(x0: float32[2]
x1: float64[2]
middle/cast = cast(x0, dtype=float64) float64[2]
middle/add = add(middle/cast, x1) float64[2]
middle/number = 0.5
middle/multiply = multiply(middle/add, middle/number) float64[2]
return middle/multiply
)");
}

TEST_CASE("a composition that makes memory itself stays one") {
  const auto no_steps =
      recorded({ones({0, 2, 4}), ones({4, 8}), ones({2, 8}), ones({8})},
               [](const Tensors& x) -> Tensors { return {lstm(x[0], x[1], x[2], x[3]).outputs}; });
  Changes changes;
  CHECK(listing(expand_compositions(*no_steps, changes)) == listing(*no_steps));
}

}  // namespace
}  // namespace rill
