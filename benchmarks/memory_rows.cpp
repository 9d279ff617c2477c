// The most memory that a traced training step holds at once beside its arguments, its variables and
// its results: the arena with the scratch of libraries, and tensors made on the way.
//
// Invariant: the step has been called before, so that nothing is prepared meanwhile.

#include <rill/tensor/allocator.h>
#include <rill/trace/trace.h>

#include "models.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr Pace once{.batches = 1, .seconds = 0};

/// Beside the temporaries of the same step in JAX.
template <TrainingStep (*make)()>
Row memory(const char* name, double jax) {
  const auto work = [jax] {
    auto step = trace(make());
    for (int i = 0; i < 3; ++i) (void)step();
    const auto reading = [step] {
      const std::size_t before = memory_statistics().allocated;
      reset_peak_memory();
      const std::vector<Tensor> results = step();
      double bytes = static_cast<double>(memory_statistics().peak - before);
      for (const Tensor& result : results)
        bytes -= static_cast<double>(result.size()) * static_cast<double>(size_of(result.dtype()));
      return bytes;
    };
    return Work{.run = nullptr,
                .floors = {{.name = "JAX", .run = nullptr, .reading = [jax] { return jax; }}},
                .reading = reading};
  };
  return {.name = name, .make = work, .pace = once, .unit = Unit::bytes};
}

}  // namespace

std::vector<Row> memory_rows() {
  return {memory<mlp_step>("memory_mlp", 68e3), memory<lenet_step>("memory_lenet", 12.3e6),
          memory<lstm_step>("memory_lstm", 23e6), memory<gpt_step>("memory_gpt", 52.8e6),
          memory<resblock_step>("memory_resblock", 70.8e6)};
}

}  // namespace rill::bench
