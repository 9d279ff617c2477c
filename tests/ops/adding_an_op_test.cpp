// What docs/adding-an-op.md says, done from outside the library: a table, and nothing else.
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/rill.h>

#include "tests/catch.h"

namespace rill {
namespace {

struct ScaleAttributes {
  double factor = 1;
  static constexpr auto fields() { return std::tuple{field("factor", &ScaleAttributes::factor)}; }
};

constexpr Op table[] = {
    {.name = "test_softsign",
     .rule = same_shape<Kinds::floating>,
     .body =
         [](Body& b) {
           const kernel::Value x = b.in(0);
           b.out(x / (1.0 + kernel::abs(x)));
         },
     .grad = [](Grad& g) { g.to(0, g.dy() / square(1 + abs(g.x(0)))); }},
    {.name = "test_scale",
     .rule = [](Infer& i, const ScaleAttributes&) { i.out(i.dtype(0), i.shape(0)); },
     .body =
         [](Body& b, const ScaleAttributes& a) {
           const kernel::Value x = b.in(0);
           b.out(x * kernel::constant(x, a.factor));
         },
     .grad = [](Grad& g, const ScaleAttributes& a) { g.to(0, g.dy() * a.factor); }},
};

Tensor softsign(const Operand& x) { return call(table[0], x); }
Tensor scale(const Operand& x, double factor) { return call(table[1], x, ScaleAttributes{factor}); }

TEST_CASE("an operator from outside computes, differentiates, broadcasts layouts and traces") {
  register_ops(table);
  const Tensor x = tensor({{1.0, -3.0}, {0.0, 1.0}});
  CHECK(equal(softsign(x), tensor({{0.5, -0.75}, {0.0, 0.5}})));
  CHECK(equal(softsign(x.transpose()), tensor({{0.5, 0.0}, {-0.75, 0.5}})));
  CHECK(equal(softsign(x.to(float16)), tensor({{0.5, -0.75}, {0.0, 0.5}}).to(float16)));
  CHECK(equal(grad(softsign)(x), tensor({{0.25, 0.0625}, {1.0, 0.25}})));
  CHECK(equal(grad([](const Tensor& t) { return scale(scale(t, 3), 2); })(x),
              tensor({{6.0, 6.0}, {6.0, 6.0}})));
  auto f = trace([](const Tensor& t) { return scale(softsign(t), 4); });
  CHECK(equal(f(x), tensor({{2.0, -3.0}, {0.0, 2.0}})));
  CHECK(f.graph().text().find(
            "\"op\":\"test_scale\",\"inputs\":[\"test_softsign\"],\"attributes\":{\"factor\":"
            "{\"real\":4.0}}") != std::string::npos);
}

TEST_CASE("a name that is taken cannot be registered again") {
  static constexpr Op other[] = {{.name = "add", .rule = same_shape<Kinds::number>}};
  CHECK_THROWS_AS(register_ops(other), ValueError);
}

}  // namespace
}  // namespace rill
