// Whole training steps of small networks, the step of an LSTM cell, and an optimizer by itself.
//
// Invariant: a step is forward, loss, gradients and update; its floor are the multiply-adds of its
// products and convolutions.

#include <memory>
#include <utility>

#include <rill/rill.h>

#include "floors.h"
#include "models.h"
#include "row.h"

namespace rill::bench {
namespace {

/// Multiply-adds of a step.
constexpr double mlp = 26.2e6, lenet = 0.14e9, lstm = 0.94e9, gpt = 3.96e9, resblock = 11.1e9;

template <TrainingStep (*make)()>
std::function<Work()> eager(double operations) {
  return [=] {
    return Work{.run = [step = make()] { (void)step(); }, .floors = {multiply_adds(operations)}};
  };
}
template <TrainingStep (*make)()>
std::function<Work()> traced(double operations) {
  return [=] {
    return Work{.run = [step = trace(make())] { (void)step(); },
                .floors = {multiply_adds(operations)}};
  };
}

// ---- LSTMCell(10) on a batch of 10, ten calls -------------------------------------------------

Work lstm_cell_10() {
  constexpr int calls = 10;
  return {.run =
              [x = rng::normal({10, 10}), h = zeros({10, 10}), c = zeros({10, 10}),
               w = rng::normal({10, 40}), u = rng::normal({10, 40}), b = zeros({40})] {
                for (int i = 0; i < calls; ++i) const LstmState state = lstm_cell(x, h, c, w, u, b);
              },
          .floors = {multiply_adds(2.0 * calls * 10 * 20 * 40)}};
}

/// A trace computes what it returns, so it returns all of it.
Work lstm_cell_10_traced() {
  constexpr int calls = 10;
  auto cells = trace([w = rng::normal({10, 40}), u = rng::normal({10, 40}), b = zeros({40})](
                         const Tensor& x, const Tensor& h, const Tensor& c) {
    std::vector<Tensor> states;
    for (int i = 0; i < calls; ++i) {
      const float other = static_cast<float>(i) / 8;  // equal calls would run as one
      const LstmState state = lstm_cell(x + other, h + other, c, w, u, b);
      states.insert(states.end(), {state.h, state.c});
    }
    return states;
  });
  return {.run = [cells, x = rng::normal({10, 10}), h = zeros({10, 10}),
                  c = zeros({10, 10})] { return cells(x, h, c); },
          .floors = {multiply_adds(2.0 * calls * 10 * 20 * 40)}};
}

// ---- Adam over 100 variables of 1024, gradients given -----------------------------------------

Work adam_100() {
  constexpr std::size_t variables = 100;
  constexpr std::size_t size = 1024;
  std::vector<GradientAndVariable> pairs;
  for (std::size_t i = 0; i < variables; ++i) {
    pairs.push_back({rng::normal({size}), Variable(rng::normal({size}))});
  }
  constexpr std::size_t bytes = variables * size * sizeof(float);
  return {.run = [optimizer = std::make_shared<Adam>(1e-3),
                  pairs = std::move(pairs)] { optimizer->apply_gradients(pairs); },
          .floors = streaming(4 * bytes, 3 * bytes)};  // variable, two moments, and the gradient
}

Work adam_100_traced() {
  Work work = adam_100();
  work.run = [step = trace([run = std::move(work.run)] { run(); })] { step(); };
  return work;
}

}  // namespace

std::vector<Row> model_rows() {
  return {{"mlp_step", eager<mlp_step>(mlp)},
          {"lenet_step", eager<lenet_step>(lenet)},
          {"lstm_step", eager<lstm_step>(lstm)},
          {"gpt_step", eager<gpt_step>(gpt)},
          {"resblock_step", eager<resblock_step>(resblock)},
          {"lstm_cell_10", lstm_cell_10},
          {"adam_100", adam_100},
          {"mlp_traced", traced<mlp_step>(mlp)},
          {"mlp_traced_tape", eager<mlp_tape_step>(mlp)},
          {"lenet_traced", traced<lenet_step>(lenet)},
          {"lstm_traced", traced<lstm_step>(lstm)},
          {"gpt_traced", traced<gpt_step>(gpt)},
          {"resblock_traced", traced<resblock_step>(resblock)},
          {"lstm_cell_10_traced", lstm_cell_10_traced},
          {"adam_100_traced", adam_100_traced}};
}

}  // namespace rill::bench
