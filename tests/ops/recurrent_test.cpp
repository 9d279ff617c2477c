#include <rill/ops/recurrent.h>

#include <rill/autograd/tape.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/random.h>
#include <rill/ops/reduce.h>

#include <array>
#include <vector>

#include "tests/catch.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

/// x, input weights, recurrent weights, bias, h and c of two steps, two sequences, three features
/// and four units.
std::vector<Tensor> layer(std::int64_t steps = 2) {
  rng::seed(1);
  std::vector<Tensor> operands;
  for (const Shape& shape :
       {Shape{steps, 2, 3}, Shape{3, 16}, Shape{4, 16}, Shape{16}, Shape{2, 4}, Shape{2, 4}})
    operands.push_back(rng::normal(shape));
  return operands;
}

Lstm run(const std::vector<Tensor>& x) {
  return lstm(x[0], x[1], x[2], x[3], {.h = x[4], .c = x[5]});
}

LstmState step(const std::vector<Tensor>& x) {
  return lstm_cell(x[0](0), x[4], x[5], x[1], x[2], x[3]);
}

std::vector<Tensor> gradients(const Tensor& (*loss)(const Lstm&), const std::vector<Tensor>& x) {
  GradientTape tape;
  for (const Tensor& each : x) tape.watch(each);
  return tape.gradient(sum(loss(run(x))), std::vector<Source>(x.begin(), x.end()));
}

const Tensor& outputs(const Lstm& results) { return results.outputs; }
const Tensor& last_cell(const Lstm& results) { return results.c; }

TEST_CASE("a layer of LSTM computes in the dtype to which its operands are promoted") {
  for (std::size_t k = 0; k < 6; ++k) {
    INFO("operand " << k << " is float64");
    std::vector<Tensor> x = layer();
    x[k] = x[k].to(float64);
    std::vector<Tensor> all;
    for (const Tensor& each : x) all.push_back(each.to(float64));
    const auto [y, h, c] = run(x);
    const auto [wide_y, wide_h, wide_c] = run(all);
    CHECK(y.type_text() == "float64[2,2,4]");
    CHECK(h.type_text() == "float64[2,4]");
    CHECK(c.type_text() == "float64[2,4]");
    CHECK((equal(y, wide_y) && equal(h, wide_h) && equal(c, wide_c)));
    for (const auto loss : {outputs, last_cell}) {
      const std::vector<Tensor> got = gradients(loss, x);
      const std::vector<Tensor> want = gradients(loss, all);
      for (std::size_t i = 0; i < x.size(); ++i) {
        INFO("the gradient of operand " << i);
        CHECK(got[i].dtype() == x[i].dtype());
        CHECK(equal(got[i], want[i].to(x[i].dtype())));
      }
    }
    CHECK(step(x).h.type_text() == "float64[2,4]");
    CHECK(step(x).c.type_text() == "float64[2,4]");
    CHECK(allclose(step(x).h, step(all).h));
    CHECK(allclose(step(x).c, step(all).c));
  }
}

TEST_CASE("integers and halves beside float32 are promoted like any operands") {
  std::vector<Tensor> x = layer();
  x[1] = x[1].to(float16);
  x[2] = x[2].to(float16);
  CHECK(run(x).outputs.dtype() == float32);
  CHECK(step(x).c.dtype() == float32);
  x[0] = ones({2, 2, 3}, int32);
  CHECK(run(x).outputs.dtype() == float64);
  CHECK(step(x).c.dtype() == float64);
}

TEST_CASE("a step of LSTM refuses what is no float") {
  const Tensor x = ones({1, 1}, int64), w = ones({1, 4}, int64), b = ones({4}, int64);
  CHECK(thrown<DTypeError>([&] {
          (void)lstm_cell(x, x, x, w, w, b);
        }).starts_with("lstm_cell: takes floats: int64[1,4], int64[1,4], int64[1,1]"));
}

TEST_CASE("the state after no steps is the one before, in the dtype of the outputs") {
  std::vector<Tensor> x = layer(0);
  x[0] = x[0].to(float64);
  const auto [y, h, c] = run(x);
  CHECK(y.type_text() == "float64[0,2,4]");
  CHECK(h.type_text() == "float64[2,4]");
  CHECK(equal(h, x[4].to(float64)));
  CHECK(equal(c, x[5].to(float64)));
}

TEST_CASE("a layer of LSTM without steps has gradients that are zero") {
  const std::vector<Tensor> x = layer(0);
  for (const Tensor& each : gradients(outputs, x)) CHECK(equal(each, zeros_like(each)));
  const std::vector<Tensor> of_state = gradients(last_cell, x);
  for (std::size_t k = 0; k < 5; ++k) CHECK(equal(of_state[k], zeros_like(x[k])));
  CHECK(equal(of_state[5], ones({2, 4})));
}

}  // namespace
}  // namespace rill
