// What is computed beforehand, and what is left.
#include <rill/trace/listing.h>
#include <rill/trace/passes/constant_folding.h>
#include <rill/trace/passes/dead_code.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

std::string folded(const Function& function) {
  Changes changes;
  return listing(remove_dead_code(fold_constants(function, changes), changes));
}

TEST_CASE("operators on constants are computed beforehand") {
  const Tensor table = tensor({1.0, 4.0});
  const auto function = recorded({ones({2})}, [&](const Tensors& x) -> Tensors {
    return {x[0] * (sqrt(table) + 1.0), sum(eye(2))};
  });
  CHECK(folded(*function) ==
        R"(x: float32[2]
add = constant float32[2]
multiply = multiply(x, add) float32[2]
sum = constant float32[]
sum/copy = copy(sum) float32[]
return multiply, sum/copy
)");
  Changes changes(true);
  const Function made = fold_constants(*function, changes);
  REQUIRE(changes.lines().size() == 3);
  CHECK(changes.lines()[0] == "sqrt is known: float32[2], at constant_folding_test.cpp:22");
}

TEST_CASE("draws, variables and what they touch are not constants") {
  const Variable w(ones({2}), "w");
  const auto function = recorded(
      {ones({2})}, [&](const Tensors&) -> Tensors { return {w * 2.0, rng::uniform({2}) * 2.0}; });
  Changes changes;
  CHECK(listing(fold_constants(*function, changes)) == listing(*function));
}

TEST_CASE("a large value is kept only if it is no larger than what it is made of") {
  const Tensor large = ones({200, 200});
  const Tensor row = ones({1, 20000});
  const auto function = recorded({ones({})}, [&](const Tensors& x) -> Tensors {
    return {x[0] * exp(large), x[0] * (row * transpose(row(slice(), slice(0, 200))))};
  });
  CHECK(folded(*function) ==
        R"(x: float32[]
exp = constant float32[200,200]
multiply = multiply(x, exp) float32[200,200]
constant_1 = constant float32[1,20000]
transpose = constant float32[200,1]
multiply_1 = multiply(constant_1, transpose) float32[200,20000]
multiply_2 = multiply(x, multiply_1) float32[200,20000]
return multiply, multiply_2
)");
}

TEST_CASE("fills and ranges stay in the kernels that use them; what is made of ranges does not") {
  const auto function = recorded({ones({4, 4})}, [&](const Tensors& x) -> Tensors {
    const Tensor rows = arange(4).reshape({4, 1});
    return {x[0] + zeros({4, 4}), x[0] * arange(4), x[0] * sin(arange(4.0)),
            where(arange(4) <= rows, x[0], 0)};
  });
  CHECK(folded(*function) ==
        R"(x: float32[4,4]
number_2 = 0
full = full(number_2, shape=[4,4], dtype=float32) float32[4,4]
add = add(x, full) float32[4,4]
number_3 = 0
number_4 = 1
arange_1 = arange(number_3, number_4, shape=[4], dtype=int64) int64[4]
multiply = multiply(x, arange_1) float64[4,4]
sin = constant float32[4]
multiply_1 = multiply(x, sin) float32[4,4]
less_equal = constant bool[4,4]
number_9 = 0
where = where(less_equal, x, number_9) float32[4,4]
return add, multiply, multiply_1, where
)");
}

TEST_CASE("what fails is left, and fails when it runs") {
  Function function = *recorded({ones({1})}, [&](const Tensors& x) -> Tensors {
    return {x[0] + take(tensor({1.0, 2.0}), tensor({1}))};
  });
  for (Node& node : function.nodes) {
    if (node.kind == Node::Kind::constant && node.value.dtype() == int64) node.value = tensor({5});
  }
  CHECK(folded(function) == listing(function));
}

TEST_CASE("a number keeps its dtype open: it is as exact as what it meets") {
  auto f = trace([](const Tensor& x, const Tensor& y) {
    const double third = 1.0 / 3;
    return std::vector<Tensor>{x * third, y * third};
  });
  const Tensor x = ones({2});
  const Tensor y = ones({2}, float64);
  (void)f(x, y);
  CHECK(f(x, y)[1](0).item<double>() == 1.0 / 3);
}

TEST_CASE("a result that is known is a tensor of its own in every call") {
  auto f = trace([](const Tensor&) { return tensor({1.0, 2.0}) * 2.0; });
  (void)f(ones({1}));
  Tensor first = f(ones({1}));
  const Tensor second = f(ones({1}));
  CHECK(first.id() != second.id());
  first.at(0) = 7.0;
  CHECK(second(0).item<float>() == 2.0F);
  CHECK(f(ones({1}))(0).item<float>() == 2.0F);
}

}  // namespace
}  // namespace rill
