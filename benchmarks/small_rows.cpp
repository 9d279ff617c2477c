// What an operation costs beside its arithmetic: float32[4], eager, under a tape, and backward.

#include <memory>

#include <rill/rill.h>

#include "floors.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr int repeats = 1000;

Work add_small() {
  return {.run =
              [a = rng::normal({4}), b = rng::normal({4})] {
                for (int i = 0; i < repeats; ++i) const Tensor c = a + b;
              },
          .times = repeats,
          .floors = {small_results(1)}};
}

/// The tape's construction and destruction included.
Work add_small_tape() {
  return {.run =
              [variable = Variable(rng::normal({4})), b = rng::normal({4})] {
                const GradientTape tape;
                const Tensor a = variable;
                for (int i = 0; i < repeats; ++i) const Tensor c = a + b;
              },
          .times = repeats,
          .floors = {small_results(1)}};
}

/// `gradient` alone. Each product has two gradients.
Work backward_per_op() {
  const auto tape = std::make_shared<GradientTape>(TapeOptions{.persistent = true});
  const Tensor w = ones({4});
  tape->watch(w);
  Tensor x = w;
  for (int i = 0; i < repeats; ++i) x = x * w;
  return {.run =
              [=] {
                const auto pause = tape->stop_recording();  // or it would record its gradients
                return tape->gradient(x, w);
              },
          .times = repeats,
          .floors = {small_results(2)}};
}

}  // namespace

std::vector<Row> small_rows() {
  return {{"add_small", add_small},
          {"add_small_tape", add_small_tape},
          {"backward_per_op", backward_per_op}};
}

}  // namespace rill::bench
