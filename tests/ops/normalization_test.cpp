#include <rill/ops/normalization.h>

#include <rill/autograd/tape.h>
#include <rill/ops/random.h>
#include <rill/ops/reduce.h>

#include "tests/catch.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

Tensor over_features(const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  return layer_norm(x, gamma, beta);
}
Tensor over_the_batch(const Tensor& x, const Tensor& gamma, const Tensor& beta) {
  return batch_norm(x, gamma, beta).y;
}

TEST_CASE("a half tensor is normalised beside float32 parameters, which are not rounded") {
  rng::seed(1);
  const Tensor gamma = rng::normal({5}), beta = rng::normal({5});
  const Tensor x = rng::normal({4, 5}).to(float16);
  for (const auto norm : {over_features, over_the_batch}) {
    GradientTape tape;
    for (const Tensor& each : {x, gamma, beta}) tape.watch(each);
    const Tensor y = norm(x, gamma, beta);
    CHECK(y.dtype() == float16);
    CHECK(equal(y, norm(x.to(float32), gamma, beta).to(float16)));
    const auto gradients = tape.gradient(sum(y * y), {x, gamma, beta});
    CHECK(gradients[0].type_text() == "float16[4,5]");
    CHECK(gradients[1].type_text() == "float32[5]");
    CHECK(gradients[2].type_text() == "float32[5]");
  }
}

TEST_CASE("what is normalised and its parameters are floats of one precision") {
  rng::seed(1);
  for (const auto norm : {over_features, over_the_batch}) {
    for (const DType dtype : {float64, int32}) {
      const Tensor x = rng::normal({4, 5}), of_another = rng::normal({5}).to(dtype);
      CHECK(thrown<DTypeError>([&] {
              (void)norm(x, of_another, of_another);
            }).find("_norm: takes floats of one precision: float32[4,5]") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace rill
