// What docs/adding-an-op.md says, done from outside the library: a table, and nothing else.
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/ops/preparation.h>
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
     .rule =
         [](Infer& i, const ScaleAttributes&) {
           i.require_dtype(is_float(i.dtype(0)), "takes floats");
           i.out(i.dtype(0), i.shape(0));
         },
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

/// A plan that fills its result with a number.
struct Filling final : kernel::Plan {
  explicit Filling(float number) : number(number) {}
  void execute(std::span<const std::byte* const>, std::span<std::byte* const> outputs,
               std::byte*) const override {
    *reinterpret_cast<float*>(outputs[0]) = number;
  }
  float number;
};

TEST_CASE("an operator that comes to another's address computes and differentiates as itself") {
  const Rule<Preparation> libraries[] = {
      [](Preparation& p) { p.plan(std::make_unique<Filling>(1.0F)); },
      [](Preparation& p) { p.plan(std::make_unique<Filling>(2.0F)); }};
  const Rule<Grad> gradients[] = {[](Grad& g) { g.to(0, g.dy()); },
                                  [](Grad& g) { g.to(0, g.dy() * g.x(0)); }};
  const Tensor x = tensor({5.0});
  std::vector<float> values;
  std::vector<float> slopes;
  for (int k = 0; k < 2; ++k) {
    const Op op{.name = "test_passing",  // at one address in both rounds
                .rule = same_shape<Kinds::floating>,
                .library = libraries[k],
                .grad = gradients[k]};
    values.push_back(call(op, x).item<float>());
    slopes.push_back(grad([&](const Tensor& t) { return call(op, t); })(x).item<float>());
  }
  CHECK(values == std::vector<float>{1, 2});
  CHECK(slopes == std::vector<float>{1, 5});
}

}  // namespace
}  // namespace rill
