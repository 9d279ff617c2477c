#include <rill/optim/ftrl.h>

#include <rill/kernel/math.h>
#include <rill/ops/operators.h>
#include <rill/optim/updates.h>

namespace rill {
namespace {

struct FtrlAttributes {
  double learning_rate_power = -0.5;
  static constexpr auto fields() {
    return std::tuple{field("learning_rate_power", &FtrlAttributes::learning_rate_power)};
  }
};

FtrlOptions checked(const FtrlOptions& options, Where where) {
  if (options.learning_rate_power > 0)
    throw ValueError("ftrl: learning_rate_power must not be positive" + where.suffix());
  if (options.initial_accumulator < 0 || options.l1 < 0 || options.l2 < 0 ||
      options.l2_shrinkage < 0) {
    throw ValueError("ftrl: initial_accumulator, l1, l2 and l2_shrinkage must not be negative" +
                     where.suffix());
  }
  return options;
}

}  // namespace

Op optim::ftrl_update() {
  return {.name = "ftrl_update",
          .rule = [](Infer& i, const FtrlAttributes&) { like_variable(i, 2); },
          .body =
              [](Body& b, const FtrlAttributes& a) {
                const Value w = b.in(0), accumulator = b.in(1), linear = b.in(2), g = b.in(3),
                            rate = b.in(4);
                const Value l1 = b.in(5), l2_twice = b.in(6), shrinkage_twice = b.in(7);
                const auto power = [&](const Value& v) {
                  if (a.learning_rate_power == -0.5) return sqrt(v);
                  return kernel::math::pow(v, constant(v, -a.learning_rate_power));
                };
                const Value next = accumulator + g * g;
                const Value shrunk = g + shrinkage_twice * w;
                const Value sum = linear + (shrunk - (power(next) - power(accumulator)) / rate * w);
                const Value quadratic = power(next) / rate + l2_twice;
                b.out(0, (minimum(maximum(sum, -l1), l1) - sum) / quadratic);
                b.out(1, next);
                b.out(2, sum);
              }};
}

Ftrl::Ftrl(double learning_rate, const FtrlOptions& options, Where where)
    : Optimizer("ftrl", "ftrl_update", FtrlAttributes{options.learning_rate_power},
                {{"accumulator", options.initial_accumulator}, {"linear"}}, learning_rate, where),
      options_(checked(options, where)) {}

std::vector<Tensor> Ftrl::numbers(const Tensor& rate, const Tensor&) const {
  return {rate, number(options_.l1), 2 * (options_.l2 + options_.beta / (2 * rate)),
          number(2 * options_.l2_shrinkage)};
}

}  // namespace rill
