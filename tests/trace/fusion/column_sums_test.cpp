// Sums over the rows beside what the rows compute: one kernel, which the sums close.
#include <functional>
#include <string>
#include <vector>

#include <rill/rill.h>

#include "tests/catch.h"

namespace rill {
namespace {

using Form =
    std::function<std::vector<Tensor>(const Tensor& x, const Tensor& row, const Tensor& dy)>;

std::vector<Tensor> layer_norm_gradient(const Tensor& x, const Tensor& row, const Tensor& dy) {
  GradientTape tape;
  const Tensor shift = row * 1;
  tape.watch(x);
  tape.watch(row);
  tape.watch(shift);
  const Tensor y = layer_norm(x, row, shift);
  return tape.gradient(y, std::vector<Source>{x, row, shift}, {.output_gradients = {dy}});
}

int kernels(const std::string& listing) {
  int count = 0;
  for (std::size_t at = 0; (at = listing.find("\nkernel", at)) != std::string::npos; ++at) ++count;
  return count;
}

/// The plan of the gradients of a layer norm over some rows of 32.
std::string gradient_plan(std::int64_t rows) {
  auto f = trace([](const Tensor& x, const Tensor& scale, const Tensor& shift) {
    GradientTape tape;
    tape.watch(x);
    tape.watch(scale);
    tape.watch(shift);
    const Tensor y = layer_norm(x, scale, shift);
    return tape.gradient(y * y, std::vector<Source>{x, scale, shift});
  });
  (void)f(ones({rows, 32}), ones({32}), ones({32}));
  return f.explain();
}

TEST_CASE("the gradient of a layer normalisation is one kernel, which sums over the rows close") {
  CHECK(
      gradient_plan(4096) ==
      R"((float32[4096,32] x0, float32[32] x1, float32[32] x2) -> (float32[4096,32] result_0, float32[32] result_1, float32[32] result_2)
kernel   in 524,544 B, out 524,544 B, 43 op, 100 %: layer_norm add normalization_gradient normalization_sums -> float32[4096,32] normalization_gradient float32[1,32] normalization_sums float32[1,32] normalization_sums
arena: 0 B
)");
}

TEST_CASE("over few rows it is a kernel over them, and one of their sums") {
  CHECK(
      gradient_plan(64) ==
      R"((float32[64,32] x0, float32[32] x1, float32[32] x2) -> (float32[64,32] result_0, float32[32] result_1, float32[32] result_2)
kernel   in 8,448 B, out 16,896 B, 38 op, 59 %: layer_norm add normalization_gradient -> float32[64,1] layer_norm float32[64,1] layer_norm float32[64,32] add float32[64,32] normalization_gradient
kernel   in 16,896 B, out 256 B, 5 op, 41 %: normalization_sums -> float32[1,32] normalization_sums float32[1,32] normalization_sums
arena: 8,704 B
)");
}

TEST_CASE("sums over the rows have the bits that they have by themselves") {
  const std::vector<Form> forms = {
      layer_norm_gradient,
      [](const Tensor& x, const Tensor& row, const Tensor& dy) {
        const Tensor y = softmax(x + row);
        return std::vector<Tensor>{y, sum(y * dy, 0)};
      },
      [](const Tensor& x, const Tensor& row, const Tensor& dy) {  // of a cross entropy
        const Tensor flow = softmax(x + row) - dy;
        return std::vector<Tensor>{flow, sum(flow, 0), mean(flow, 0, {.keepdims = true})};
      },
      [](const Tensor& x, const Tensor& row, const Tensor& dy) {
        const Tensor y = layer_norm(x, row, row);
        return std::vector<Tensor>{y, sum(y * dy, 0) * row, max(x, 0)};
      },
  };
  const int before = threads();
  for (const DType dtype : {float32, float64, bfloat16}) {
    for (const std::int64_t rows : {4096, 5003}) {
      for (const std::int64_t columns : {1, 19, 64}) {
        rng::seed(7);
        const Tensor x = rng::normal({rows, columns}).to(dtype);
        const Tensor row = rng::normal({columns}).to(dtype);
        const Tensor dy = rng::normal({rows, columns}).to(dtype);
        for (std::size_t form = 0; form < forms.size(); ++form) {
          auto f = trace(forms[form]);
          (void)f(x, row, dy);  // from the second call on it runs as a plan
          const std::vector<Tensor> expected = forms[form](x, row, dy);
          for (const int count : {1, 2, 7}) {
            set_threads(count);
            const std::vector<Tensor> got = f(x, row, dy);
            INFO("form " << form << ", " << rows << " rows of " << columns << ", " << count
                         << " threads");
            REQUIRE(got.size() == expected.size());
            for (std::size_t k = 0; k < got.size(); ++k) CHECK(equal(got[k], expected[k]));
          }
          if (columns > 1) CHECK(kernels(f.explain()) == 1);
        }
      }
    }
  }
  set_threads(before);
}

TEST_CASE("rows over several axes are closed by sums over all of them, in their order") {
  const auto body = [](const Tensor& x, const Tensor& dy) {
    const Tensor y = softmax(x);
    return std::vector<Tensor>{y, sum(y * dy, {0, 1})};
  };
  auto f = trace(body);
  const Tensor x = rng::normal({9, 600, 24});
  const Tensor dy = rng::normal({9, 600, 24});
  (void)f(x, dy);
  const std::vector<Tensor> got = f(x, dy);
  const std::vector<Tensor> expected = body(x, dy);
  CHECK(equal(got[0], expected[0]));
  CHECK(equal(got[1], expected[1]));
  CHECK(kernels(f.explain()) == 1);
}

TEST_CASE("few rows, and rows that wait for the sums, have kernels of their own") {
  const auto beside = [](const Tensor& x) {
    const Tensor y = softmax(x);
    return std::vector<Tensor>{y, sum(y, 0)};
  };
  auto few = trace(beside);
  (void)few(ones({1024, 32}));
  CHECK(kernels(few.explain()) == 2);

  const auto after = [](const Tensor& x) { return softmax(x - mean(x, 0)); };
  auto waits = trace(after);
  const Tensor x = rng::normal({4096, 32});
  (void)waits(x);
  CHECK(equal(waits(x), after(x)));
  CHECK(kernels(waits.explain()) == 2);

  // By way of a product, which is no part of any kernel.
  const auto around = [](const Tensor& x, const Tensor& w) {
    const Tensor sums = sum(x * 2, 0, {.keepdims = true});
    return softmax(x + matmul(sums, w));
  };
  auto leads = trace(around);
  const Tensor w = rng::normal({32, 32});
  (void)leads(x, w);
  CHECK(equal(leads(x, w), around(x, w)));
  CHECK(kernels(leads.explain()) == 2);

  // The sums wait for a product of what the rows make.
  const auto behind = [](const Tensor& x, const Tensor& w) {
    const Tensor y = softmax(x);
    return std::vector<Tensor>{y, sum(x * matmul(y, w), 0)};
  };
  auto waited = trace(behind);
  (void)waited(x, w);
  const std::vector<Tensor> got = waited(x, w);
  CHECK(equal(got[1], behind(x, w)[1]));
  CHECK(kernels(waited.explain()) == 2);
}

}  // namespace
}  // namespace rill
