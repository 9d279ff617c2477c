#include <rill/optim/sgd.h>

#include <rill/optim/updates.h>

namespace rill {
namespace {

struct MomentumAttributes {
  bool nesterov = false;
  static constexpr auto fields() {
    return std::tuple{field("nesterov", &MomentumAttributes::nesterov)};
  }
};

}  // namespace

Op optim::sgd_update() {
  return {.name = "sgd_update",
          .rule = [](Infer& i) { like_variable(i, 0); },
          .body =
              [](Body& b) {
                const Value w = b.in(0), g = b.in(1), rate = b.in(2);
                b.out(0, w - rate * g);
              }};
}

Op optim::momentum_update() {
  return {.name = "momentum_update",
          .rule = [](Infer& i, const MomentumAttributes&) { like_variable(i, 1); },
          .body =
              [](Body& b, const MomentumAttributes& a) {
                const Value w = b.in(0), velocity = b.in(1), g = b.in(2), rate = b.in(3),
                            momentum = b.in(4);
                const Value step = rate * g;
                const Value next = momentum * velocity - step;
                b.out(0, a.nesterov ? w + (momentum * next - step) : w + next);
                b.out(1, next);
              }};
}

SGD::SGD(double learning_rate, Where where)
    : Optimizer("sgd", "sgd_update", {}, {}, learning_rate, where) {}

std::vector<Tensor> SGD::numbers(const Tensor& rate, const Tensor&) const { return {rate}; }

Momentum::Momentum(double learning_rate, const MomentumOptions& options, Where where)
    : Optimizer("momentum", "momentum_update", MomentumAttributes{options.nesterov}, {{"velocity"}},
                learning_rate, where),
      options_(options) {}

std::vector<Tensor> Momentum::numbers(const Tensor& rate, const Tensor&) const {
  return {rate, number(options_.momentum)};
}

}  // namespace rill
