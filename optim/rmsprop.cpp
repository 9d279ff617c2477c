#include <rill/optim/rmsprop.h>

#include <rill/optim/updates.h>

namespace rill {
namespace {

struct RMSPropAttributes {
  bool momentum = false;
  bool centered = false;
  static constexpr auto fields() {
    return std::tuple{field("momentum", &RMSPropAttributes::momentum),
                      field("centered", &RMSPropAttributes::centered)};
  }
};

}  // namespace

Op optim::rmsprop_update() {
  return {.name = "rmsprop_update",
          .rule = [](Infer& i,
                     const RMSPropAttributes& a) { like_variable(i, 1 + a.momentum + a.centered); },
          .body =
              [](Body& b, const RMSPropAttributes& a) {
                int at = 0;
                const Value w = b.in(at++), velocity = b.in(at++);
                const Value momentum_sum = a.momentum ? b.in(at++) : velocity;
                const Value average = a.centered ? b.in(at++) : velocity;
                const Value g = b.in(at++), rate = b.in(at++), rho = b.in(at++),
                            rho_rest = b.in(at++);
                const Value momentum = b.in(at++), epsilon = b.in(at++);

                const Value v = rho * velocity + rho_rest * (g * g);
                const Value mean = rho * average + rho_rest * g;
                const Value scale = a.centered ? v - mean * mean : v;
                const Value increment = rate * g / sqrt(scale + epsilon);
                const Value sum = momentum * momentum_sum + increment;
                int out = 0;
                b.out(out++, a.momentum ? w - sum : w - increment);
                b.out(out++, v);
                if (a.momentum) b.out(out++, sum);
                if (a.centered) b.out(out++, mean);
              }};
}

RMSProp::RMSProp(double learning_rate, const RMSPropOptions& options, Where where)
    : Optimizer(
          "rmsprop", "rmsprop_update", RMSPropAttributes{options.momentum > 0, options.centered},
          [&] {
            std::vector<Slot> slots{{"velocity"}};
            if (options.momentum > 0) slots.push_back({"momentum"});
            if (options.centered) slots.push_back({"average_gradient"});
            return slots;
          }(),
          learning_rate, where),
      options_(options) {
  require_fraction("rho", options.rho, where);
}

std::vector<Tensor> RMSProp::numbers(const Tensor& rate, const Tensor&) const {
  return {rate, number(options_.rho), number(1 - options_.rho), number(options_.momentum),
          number(options_.epsilon)};
}

}  // namespace rill
