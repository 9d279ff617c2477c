// What each kernel makes for itself.
#include <rill/trace/listing.h>
#include <rill/trace/passes/recomputation.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

std::string recomputed(const Function& function) {
  Changes changes;
  return listing(recompute_light_values(function, changes));
}

TEST_CASE("a slice that two loops read is made by each") {
  const auto function = recorded({ones({4, 2})}, [](const Tensors& x) -> Tensors {
    const Tensor row = x[0](1);
    return {exp(row), matmul(x[0], tanh(row).reshape({2, 1}))};
  });
  CHECK(recomputed(*function) ==
        R"(x: float32[4,2]
strided_slice = strided_slice(x, first=[1,0], step=[1,1], size=[1,2]) float32[1,2]
reshape = reshape(strided_slice, shape=[2]) float32[2]
exp = exp(reshape) float32[2]
strided_slice/tanh = strided_slice(x, first=[1,0], step=[1,1], size=[1,2]) float32[1,2]
reshape/tanh = reshape(strided_slice/tanh, shape=[2]) float32[2]
tanh = tanh(reshape/tanh) float32[2]
reshape_1 = reshape(tanh, shape=[2,1]) float32[2,1]
matmul = matmul(x, reshape_1, transpose_a=false, transpose_b=false) float32[4,1]
return exp, matmul
)");
}

TEST_CASE("a sum that is only read in slices is made slice by slice, a dear value is not") {
  const auto sliced = [](const auto& f) {
    const auto function = recorded({ones({4})}, [&](const Tensors& x) -> Tensors {
      const Tensor y = f(x[0]);
      return {exp(y(slice(0, 2))), tanh(y(slice(2, 4)))};
    });
    return recomputed(*function) != listing(*function);
  };
  CHECK(sliced([](const Tensor& x) { return x + 1.0; }));
  CHECK_FALSE(sliced([](const Tensor& x) { return exp(x); }));
}

TEST_CASE("what is in memory anyway is read from there") {
  const auto function = recorded({ones({2, 2})}, [](const Tensors& x) -> Tensors {
    const Tensor part = x[0](slice(0, 1));
    return {exp(part), tanh(part), matmul(part, x[0]), part};
  });
  CHECK(recomputed(*function) == listing(*function));
}

}  // namespace
}  // namespace rill
