#include <rill/rill.h>

#include "tests/catch.h"
#include "tests/thrown.h"

namespace rill {
namespace {

using test::thrown;

TEST_CASE("a verified call gives the eager results and changes state once") {
  const Variable w(ones({2}), "w");
  auto f = trace(
      [&](const Tensor& x) {
        w.assign_add(x);
        return w * rng::uniform({2});
      },
      {.verify = true});
  rng::seed(5);
  const Tensor x = ones({2});
  const Tensor first = f(x);
  const Tensor second = f(x);
  CHECK(equal(w, ones({2}) * 3.0));
  rng::seed(5);
  CHECK(equal(first, rng::uniform({2}) * 2.0));
  CHECK(equal(second, rng::uniform({2}) * 3.0));
}

TEST_CASE("verify names a captured tensor that has been rebound") {
  Tensor scale = ones({2}) * 2.0;
  auto f = trace([&](const Tensor& x) { return x * scale; }, {.verify = true});
  CHECK(equal(f(ones({2})), ones({2}) * 2.0));
  CHECK(equal(f(ones({2})), ones({2}) * 2.0));
  scale = ones({2}) * 3.0;
  const std::string text = thrown<TraceError>([&] { (void)f(ones({2})); });
  CHECK(text.find("result 0 differs from the plain call's; the captured tensor 'constant', "
                  "float32[2] (used by multiply at verify_test.cpp:") != std::string::npos);
  CHECK(text.find("make it an argument or a Variable") != std::string::npos);
}

TEST_CASE("verify tells when the function takes another path") {
  bool twice = false;
  auto f = trace([&](const Tensor& x) { return twice ? x * 2.0 : x; }, {.verify = true});
  (void)f(ones({2}));
  twice = true;
  CHECK(thrown<TraceError>([&] { (void)f(ones({2})); }).find("another path") != std::string::npos);
}

}  // namespace
}  // namespace rill
