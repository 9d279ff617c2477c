#include <rill/optim/adam.h>

#include <rill/ops/elementwise.h>
#include <rill/ops/operators.h>
#include <rill/optim/updates.h>

namespace rill {
namespace {

struct AdamAttributes {
  bool amsgrad = false;
  bool decay = false;
  static constexpr auto fields() {
    return std::tuple{field("amsgrad", &AdamAttributes::amsgrad),
                      field("decay", &AdamAttributes::decay)};
  }
};

}  // namespace

Op optim::adam_update() {
  return {.name = "adam_update",
          .rule = [](Infer& i, const AdamAttributes& a) { like_variable(i, a.amsgrad ? 3 : 2); },
          .body =
              [](Body& b, const AdamAttributes& a) {
                int at = 0;
                Value w = b.in(at++);
                const Value momentum = b.in(at++), velocity = b.in(at++);
                const Value largest = a.amsgrad ? b.in(at++) : velocity;
                const Value g = b.in(at++), alpha = b.in(at++);
                const Value beta_1_rest = b.in(at++), beta_2_rest = b.in(at++),
                            epsilon = b.in(at++);
                if (a.decay) w = w - w * b.in(at++);
                const Value m = momentum + (g - momentum) * beta_1_rest;
                const Value v = velocity + (g * g - velocity) * beta_2_rest;
                const Value scale = a.amsgrad ? maximum(largest, v) : v;
                b.out(0, w - m * alpha / (sqrt(scale) + epsilon));
                b.out(1, m);
                b.out(2, v);
                if (a.amsgrad) b.out(3, scale);
              }};
}

Adam::Adam(double learning_rate, const AdamOptions& options, Where where)
    : Adam("adam", learning_rate, options, 0, where) {}

Adam::Adam(std::string name, double learning_rate, const AdamOptions& options, double weight_decay,
           Where where)
    : Optimizer(std::move(name), "adam_update", AdamAttributes{options.amsgrad, weight_decay != 0},
                options.amsgrad ? std::vector<Slot>{{"momentum"}, {"velocity"}, {"velocity_hat"}}
                                : std::vector<Slot>{{"momentum"}, {"velocity"}},
                learning_rate, where),
      options_(options),
      weight_decay_(weight_decay) {
  require_fraction("beta_1", options.beta_1, where);
  require_fraction("beta_2", options.beta_2, where);
}

std::vector<Tensor> Adam::numbers(const Tensor& rate, const Tensor& step) const {
  const Tensor alpha =
      rate * sqrt(1 - pow(options_.beta_2, step)) / (1 - pow(options_.beta_1, step));
  std::vector<Tensor> numbers{alpha, number(1 - options_.beta_1), number(1 - options_.beta_2),
                              number(options_.epsilon)};
  if (weight_decay_ != 0) numbers.push_back(rate * weight_decay_);
  return numbers;
}

AdamW::AdamW(double learning_rate, const AdamWOptions& options, Where where)
    : Adam("adamw", learning_rate,
           {.beta_1 = options.beta_1,
            .beta_2 = options.beta_2,
            .epsilon = options.epsilon,
            .amsgrad = options.amsgrad},
           options.weight_decay, where) {}

}  // namespace rill
