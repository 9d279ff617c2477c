#include <rill/optim/adagrad.h>

#include <rill/optim/updates.h>

namespace rill {

Op optim::adagrad_update() {
  return {.name = "adagrad_update",
          .rule = [](Infer& i) { like_variable(i, 1); },
          .body =
              [](Body& b) {
                const Value w = b.in(0), accumulator = b.in(1), g = b.in(2), rate = b.in(3),
                            epsilon = b.in(4);
                const Value next = accumulator + g * g;
                b.out(0, w - rate * g / sqrt(next + epsilon));
                b.out(1, next);
              }};
}

Adagrad::Adagrad(double learning_rate, const AdagradOptions& options, Where where)
    : Optimizer("adagrad", "adagrad_update", {}, {{"accumulator", options.initial_accumulator}},
                learning_rate, where),
      options_(options) {}

std::vector<Tensor> Adagrad::numbers(const Tensor& rate, const Tensor&) const {
  return {rate, number(options_.epsilon)};
}

}  // namespace rill
