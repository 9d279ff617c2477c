#include <rill/ops/composition.h>

#include <rill/ops/call.h>
#include <rill/ops/creation.h>
#include <rill/ops/elementwise.h>
#include <rill/ops/infer.h>

#include <string>
#include <vector>

#include "tests/catch.h"

namespace rill {
namespace {

std::vector<std::string> seen;

constexpr Op middle = {.name = "test_middle",
                       .rule = broadcast_rule<Kinds::floating>,
                       .composition = [](Composition& c) {
                         for (int k = 0; k < c.inputs(); ++k) seen.push_back(c.in(k).type_text());
                         c.out(0, (c.in(0) + c.in(1)) * 0.5);
                       }};

Tensor middle_of(const Operand& a, const Operand& b) {
  seen.clear();
  return call(middle, a, b);
}

TEST_CASE("a composition sees its inputs in the dtype that its rule asks for") {
  const std::vector<std::string> wide = {"float64[2]", "float64[2]"};
  CHECK(equal(middle_of(ones({2}), zeros({2}, float64)), full({2}, 0.5, float64)));
  CHECK(seen == wide);
  (void)middle_of(ones({2}, int32), ones({2}));
  CHECK(seen == wide);
  (void)middle_of(ones({2}, int32), ones({2}, int32));
  CHECK(seen == wide);
  (void)middle_of(ones({2}), ones({2}));
  CHECK(seen == std::vector<std::string>{"float32[2]", "float32[2]"});
  CHECK(equal(middle_of(ones({2}, float16), 0), full({2}, 0.5, float16)));
}

}  // namespace
}  // namespace rill
