// Transposes that products need not have.
#include <rill/trace/listing.h>
#include <rill/trace/passes/dead_code.h>
#include <rill/trace/passes/transposed_operands.h>
#include <rill/trace/same_bits.h>

#include "tests/catch.h"
#include "tests/trace/recorded.h"

namespace rill {
namespace {

using Tensors = std::vector<Tensor>;

std::string taken(const std::vector<Tensor>& inputs,
                  const std::function<Tensors(const Tensors&)>& body) {
  Changes changes;
  return listing(
      remove_dead_code(take_transposed_operands(*recorded(inputs, body), changes), changes));
}

TEST_CASE("a product reads what was transposed for it as it lies") {
  CHECK(taken({ones({30, 20}), ones({30, 40})}, [](const Tensors& x) -> Tensors {
          return {matmul(transpose(x[0]), x[1]),
                  matmul(transpose(x[1]), transpose(x[0]), {.transpose_b = true})};
        }) == R"(x0: float32[30,20]
x1: float32[30,40]
matmul = matmul(x0, x1, transpose_a=true, transpose_b=false) float32[20,40]
matmul_1 = matmul(x1, x0, transpose_a=true, transpose_b=false) float32[40,20]
return matmul, matmul_1
)");
  CHECK(taken({ones({2, 6, 7}), ones({2, 8, 7})}, [](const Tensors& x) -> Tensors {
          return {matmul(x[0], swapaxes(x[1], 1, 2))};
        }) == R"(x0: float32[2,6,7]
x1: float32[2,8,7]
matmul = matmul(x0, x1, transpose_a=false, transpose_b=true) float32[2,6,8]
return matmul
)");
}

TEST_CASE("what a product would add in another order is copied first, as it is eagerly") {
  // Rows times rows are dot products, which add by lanes.
  CHECK(taken({ones({4, 20}), ones({40, 20})}, [](const Tensors& x) -> Tensors {
          return {matmul(x[0], transpose(x[1]))};
        }) == R"(x0: float32[4,20]
x1: float32[40,20]
transpose = transpose(x1, order=[1,0]) float32[20,40]
matmul = matmul(x0, transpose, transpose_a=false, transpose_b=false) float32[4,40]
return matmul
)");
}

TEST_CASE("what several products read is transposed once for all of them") {
  const auto function = recorded({ones({30, 20}), ones({30, 40})}, [](const Tensors& x) -> Tensors {
    const Tensor turned = transpose(x[0]);
    return {matmul(turned, x[1]), matmul(turned, x[1] + 1.0)};
  });
  Changes changes;
  CHECK(listing(take_transposed_operands(*function, changes)) == listing(*function));
}

TEST_CASE("an order of axes that is no matrix transposed stays") {
  const auto function = recorded(
      {ones({6, 2, 7}), ones({2, 7, 8})},
      [](const Tensors& x) -> Tensors { return {matmul(transpose(x[0], {1, 0, 2}), x[1])}; });
  Changes changes;
  CHECK(listing(take_transposed_operands(*function, changes)) == listing(*function));
}

TEST_CASE("products of transposed operands keep the bits of the eager calls") {
  const auto f = [](const Tensor& a, const Tensor& b) {
    return matmul(swapaxes(a, -1, -2), swapaxes(b, -1, -2));
  };
  for (const DType dtype : {float32, float64, float16, int32}) {
    for (const std::int64_t m : {1, 3, 5, 33}) {
      for (const std::int64_t n : {1, 4, 40}) {
        for (const std::int64_t k : {7, 300}) {
          for (const bool batched : {false, true}) {
            const Shape left = batched ? Shape{3, k, m} : Shape{k, m};
            const Tensor a = (rng::normal(left) * 8).to(dtype);
            const Tensor b = (rng::normal({n, k}) * 8).to(dtype);
            auto g = trace(f);
            (void)g(a, b);
            INFO(name(dtype) << " " << m << " " << n << " " << k << " " << batched);
            CHECK(same_bits(g(a, b), f(a, b)));
          }
        }
      }
    }
  }
}

TEST_CASE("a transposed matrix costs no kernel before a product") {
  auto f = trace([](const Tensor& x, const Tensor& y) { return matmul(transpose(x), y); });
  const Tensor x = rng::normal({30, 20});
  const Tensor y = rng::normal({30, 40});
  (void)f(x, y);
  (void)f(x, y);
  CHECK_THAT(f.explain(), !Catch::Contains("kernel"));
}

}  // namespace
}  // namespace rill
