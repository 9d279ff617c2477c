// Chains of casts and views.
#include <rill/trace/listing.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/views.h>
#include <rill/trace/same_bits.h>

#include <array>
#include <cstring>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

std::string shortened(const std::vector<Tensor>& inputs,
                      const std::function<Tensors(const Tensors&)>& body) {
  Changes changes;
  return listing(remove_dead_code(shorten_views(*recorded(inputs, body), changes), changes));
}

TEST_CASE("views of views are one view, or none") {
  CHECK(shortened({ones({2, 3, 4})}, [](const Tensors& x) -> Tensors {
          const Tensor turned = transpose(x[0], {1, 2, 0});
          return {exp(transpose(turned, {2, 0, 1})),
                  exp(transpose(turned, {1, 0, 2})),
                  exp(x[0].reshape({6, 4}).reshape({2, 12})),
                  exp(x[0].reshape({6, 4}).reshape({2, 3, 4})),
                  exp(x[0](slice(), ellipsis)),
                  exp(broadcast_to(broadcast_to(x[0], {5, 2, 3, 4}), {6, 5, 2, 3, 4}))};
        }) == R"(x: float32[2,3,4]
exp = exp(x) float32[2,3,4]
transpose_2 = transpose(x, order=[2,1,0]) float32[4,3,2]
exp_1 = exp(transpose_2) float32[4,3,2]
reshape_1 = reshape(x, shape=[2,12]) float32[2,12]
exp_2 = exp(reshape_1) float32[2,12]
exp_3 = exp(x) float32[2,3,4]
exp_4 = exp(x) float32[2,3,4]
broadcast_to_1 = broadcast_to(x, shape=[6,5,2,3,4]) float32[6,5,2,3,4]
exp_5 = exp(broadcast_to_1) float32[6,5,2,3,4]
return exp, exp_1, exp_2, exp_3, exp_4, exp_5
)");
}

TEST_CASE("a transpose that moves axes of size 1 is a reshape, which moves nothing") {
  CHECK(shortened({ones({2, 1, 4})}, [](const Tensors& x) -> Tensors {
          return {exp(transpose(x[0], {1, 0, 2})), exp(transpose(x[0], {2, 1, 0}))};
        }) == R"(x: float32[2,1,4]
transpose = reshape(x, shape=[1,2,4]) float32[1,2,4]
exp = exp(transpose) float32[1,2,4]
transpose_1 = transpose(x, order=[2,1,0]) float32[4,1,2]
exp_1 = exp(transpose_1) float32[4,1,2]
return exp, exp_1
)");
}

TEST_CASE("a sum over axes of size 1 is the 0 that it begins with, and its element") {
  const auto body = [](const Tensors& x) -> Tensors {
    return {exp(sum(x[0], 0, {.keepdims = true})), exp(sum(x[0], {0, 1})), exp(sum(x[0], 2))};
  };
  CHECK(shortened({ones({1, 1, 4})}, body) == R"(x: float32[1,1,4]
sum/number = 0
sum = add(x, sum/number) float32[1,1,4]
exp = exp(sum) float32[1,1,4]
sum_1/number = 0
sum_1/add = add(x, sum_1/number) float32[1,1,4]
sum_1 = reshape(sum_1/add, shape=[4]) float32[4]
exp_1 = exp(sum_1) float32[4]
sum_2 = sum(x, axes=[2], keepdims=false) float32[1,1]
exp_2 = exp(sum_2) float32[1,1]
return exp, exp_1, exp_2
)");
  auto f = trace([](const Tensor& x) { return sum(x, 0); });
  const Tensor x = tensor({{-0.0, 0.0, 3.0}});
  (void)f(x);
  CHECK(same_bits(f(x), sum(x, 0)));
}

TEST_CASE("a result that is a view stays one: it is a tensor of its own") {
  CHECK(shortened({ones({2, 3})}, [](const Tensors& x) -> Tensors {
          return {transpose(transpose(x[0])), x[0].to(float32)};
        }) == R"(x: float32[2,3]
transpose = transpose(x, order=[1,0]) float32[3,2]
transpose_1 = transpose(transpose, order=[1,0]) float32[2,3]
return transpose_1, x
)");
}

/// All values of small types; of others enough.
Tensor values_to_cast(DType dtype) {
  if (dtype == bool_) return tensor({0, 1}).to(bool_);
  const auto size = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t count = std::int64_t{1} << (size == 1 ? 8 : 16);
  Tensor made = Tensor::empty({count}, dtype);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t bits = size > 2 ? i * 0x9e3779b97f4a7c15LL : i;
    std::memcpy(made.body().data + i * size, &bits, size_of(dtype));
  }
  return made;
}

TEST_CASE("a cast of a cast is one where the first loses nothing, and gives the same bits") {
  constexpr std::array dtypes = {bool_,  int8,   int16,   int32,    int64,   uint8,  uint16,
                                 uint32, uint64, float16, bfloat16, float32, float64};
  int shortened = 0;
  for (const DType first : dtypes) {
    const Tensor values = values_to_cast(first);
    for (const DType second : dtypes) {
      for (const DType third : dtypes) {
        if (first == second || second == third) continue;
        const auto function = recorded({values}, [&](const Tensors& x) -> Tensors {
          return {copy(cast(cast(x[0], second), third))};
        });
        Changes changes;
        const Function made = shorten_views(*function, changes);
        if (changes.count() == 0) continue;
        ++shortened;
        INFO(name(first) << " " << name(second) << " " << name(third));
        const std::vector<Tensor> arguments = {values};
        CHECK(same_bits(made.run(arguments)[0], function->run(arguments)[0]));
      }
    }
  }
  CHECK(shortened == 490);
}

}  // namespace
}  // namespace rill
