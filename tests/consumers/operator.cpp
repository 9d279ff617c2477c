// An operator from outside: its rule, its meaning and its gradient in a table of this program's
// own. It then computes, differentiates and fails like a built-in one.

#include <rill/kernel/math.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/grad.h>
#include <rill/ops/infer.h>
#include <rill/rill.h>

#include <cstdio>
#include <string>

using namespace rill;

namespace {

struct SoftcapAttributes {
  double cap = 1;
  static constexpr auto fields() { return std::tuple{field("cap", &SoftcapAttributes::cap)}; }
};

constexpr Op operators[] = {
    {.name = "softcap",
     .rule =
         [](Infer& i, const SoftcapAttributes&) {
           i.require_dtype(is_float(i.dtype(0)), "takes floats");
           i.out(i.dtype(0), i.shape(0));
         },
     .body =
         [](Body& b, const SoftcapAttributes& a) {
           const Value x = b.in(0);
           b.out(kernel::math::tanh(x / a.cap) * a.cap);
         },
     .grad =
         [](Grad& g, const SoftcapAttributes& a) {
           g.to(0, g.dy() * (1 - square(tanh(g.x(0) / a.cap))));
         }},
};

/// cap * tanh(x / cap): nearly x while |x| is small, never beyond the cap.
Tensor softcap(const Operand& x, double cap) {
  return call(operators[0], x, SoftcapAttributes{cap});
}

bool expect(bool holds, const char* what) {
  if (!holds) std::puts(what);
  return holds;
}

}  // namespace

int main() {
  register_ops(operators);
  const Tensor x = tensor({-40.0, -1.0, 0.0, 1.0, 40.0});

  GradientTape tape;
  tape.watch(x);
  const Tensor y = softcap(x, 2);
  const Tensor dx = tape.gradient(y, x);

  std::string error;
  try {
    softcap(tensor({1, 2}), 2);
  } catch (const DTypeError& e) {
    error = e.what();
  }

  const bool ok = expect(allclose(y, tensor({-2.0, -0.9242343, 0.0, 0.9242343, 2.0})),
                         "the values are wrong") &&
                  expect(allclose(dx, tensor({0.0, 0.7864477, 1.0, 0.7864477, 0.0})),
                         "the gradient is wrong") &&
                  expect(find_op("softcap") == operators, "its name is not known") &&
                  expect(error.starts_with("softcap: takes floats: int64[2]"), error.c_str());
  return ok ? 0 : 1;
}
