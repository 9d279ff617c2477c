// What a traced call costs beside its kernels, what fusion saves, and what capturing costs.

#include <array>
#include <memory>
#include <string>
#include <variant>

#include <rill/rill.h>
#include <rill/trace/compile.h>
#include <rill/trace/recorder.h>
#include <rill/trace/trace_plan.h>

#include "floors.h"
#include "row.h"

namespace rill::bench {
namespace {

constexpr int calls = 1000;
constexpr std::int64_t large = std::int64_t{1} << 24;
constexpr std::int64_t small = std::int64_t{1} << 12;

Tensor fused(Tensor a, const Tensor& b, const Tensor& c) {
  for (int i = 0; i < 5; ++i) {
    a = a * b + c;
    a = a - b;
  }
  return a;
}

Tensor products(Tensor a, const Tensor& b, const Tensor& c) {
  for (int i = 0; i < 8; ++i) a = tanh(matmul(a, b));
  return a + c;
}

template <Tensor (*function)(Tensor, const Tensor&, const Tensor&)>
Work call(const Shape& shape) {
  auto f = trace(function);
  return {.run =
              [f, a = rng::normal(shape), b = rng::normal(shape), c = rng::normal(shape)] {
                for (int i = 0; i < calls; ++i) const Tensor result = f(a, b, c);
              },
          .times = calls,
          .floors = {small_results(1)}};
}
Work call_fused() { return call<fused>({4}); }
Work call_kernels() { return call<products>({4, 4}); }

/// Ten chains that do not need one another, each step too small for two threads by itself.
Work call_side_by_side() {
  constexpr int chains = 10;
  constexpr std::int64_t size = 64;
  auto f = trace([](const Tensor& x, const std::vector<Tensor>& weights) {
    std::vector<Tensor> results;
    for (const Tensor& w : weights) results.push_back(tanh(matmul(tanh(matmul(x, w)), w)));
    return results;
  });
  std::vector<Tensor> weights(chains);
  for (Tensor& w : weights) w = rng::normal({size, size});
  return {.run = [f, x = rng::normal({size, size}), weights] { return f(x, weights); },
          .floors = {multiply_adds(2.0 * chains * 2 * size * size * size)}};
}

// ---- tanh(a * b + c) * exp(-d) ----------------------------------------------------------------

Tensor chain(const Tensor& a, const Tensor& b, const Tensor& c, const Tensor& d) {
  return tanh(a * b + c) * exp(-d);
}

std::array<Tensor, 4> chain_inputs(std::int64_t size) {
  return {rng::normal({size}), rng::normal({size}), rng::normal({size}), rng::normal({size})};
}

/// The chain's compiled kernel called by its pointer, on one thread.
Floor chain_kernel(const std::array<Tensor, 4>& inputs) {
  std::array<Tensor, 4> own;
  for (std::size_t i = 0; i < own.size(); ++i)
    own[i] = inputs[i].view(inputs[i].shape(), inputs[i].strides(), 0);
  Recorder recorder(own);
  Tensor result;
  {
    const Listening on(recorder);
    result = chain(own[0], own[1], own[2], own[3]);
  }
  const auto plan = std::make_shared<const TracePlan>(
      compile(std::make_shared<const Function>(recorder.finish({&result, 1}))));
  const auto& launch = std::get<KernelStep>(plan->steps.at(0)).launches.at(0);
  auto buffers = std::make_shared<std::vector<std::byte*>>();
  for (const Launch::Buffer& buffer : launch.buffers) {
    const Place& place = plan->places[buffer.place];
    const Tensor& tensor = place.kind == Place::Kind::argument ? own[place.number] : result;
    buffers->push_back(tensor.body().data + buffer.offset);
  }
  const kernel::KernelFunction run = std::get<KernelStep>(plan->steps.at(0)).executable->direct();
  return {.name = "its kernel alone",
          .run =
              [=, keep = std::make_shared<std::pair<std::array<Tensor, 4>, Tensor>>(own, result)] {
                const auto& one = std::get<KernelStep>(plan->steps[0]).launches[0];
                for (int i = 0; i < calls; ++i) {
                  kernel::Failure failure;
                  const kernel::KernelArguments arguments{.buffers = buffers->data(),
                                                          .sizes = one.sizes.data(),
                                                          .parameters = one.parameters.data(),
                                                          .scratch = nullptr,
                                                          .partials = nullptr,
                                                          .failure = &failure};
                  run(&arguments, 0, one.measure.points);
                }
              },
          .times = calls};
}

Work chain_large() {
  constexpr std::size_t bytes = large * sizeof(float);
  return {.run = [f = trace(chain), x = chain_inputs(large)] { return f(x[0], x[1], x[2], x[3]); },
          .floors = streaming(4 * bytes, bytes)};
}
Work chain_small() {
  const auto inputs = chain_inputs(small);
  return {.run =
              [f = trace(chain), x = inputs] {
                for (int i = 0; i < calls; ++i) const Tensor result = f(x[0], x[1], x[2], x[3]);
              },
          .times = calls,
          .floors = {chain_kernel(inputs)}};
}

/// Multiplications and additions in turn.
template <int operations>
Work alternating() {
  constexpr std::size_t bytes = large * sizeof(float);
  auto f = trace([](Tensor x, const Tensor& y) {
    for (int i = 0; i < operations; ++i) x = i % 2 == 0 ? x * y : x + y;
    return x;
  });
  return {.run = [f, x = rng::normal({large}), y = rng::normal({large})] { return f(x, y); },
          .floors = streaming(2 * bytes, bytes)};
}

// ---- Capturing --------------------------------------------------------------------------------

/// Capture, passes and plan; kernels are compiled by the first run only.
void captured(int operations) {
  auto f = trace([operations](const Tensor& x) {
    Tensor y = x;
    for (int i = 0; i < operations / 4; ++i) y = softmax(tanh(y * 0.5F) + x);
    return y;
  });
  f.warm_up({spec({8, 8})});
}

/// Held against half as much: the ratio is 2 where time grows with the operations.
template <int operations>
Work capture() {
  return {.run = [] { captured(operations); },
          .floors = {{.name = "half as many operations", .run = [] { captured(operations / 2); }}}};
}

}  // namespace

std::vector<Row> trace_rows() {
  return {{"call_fused", call_fused},
          {"call_kernels", call_kernels},
          {"call_side_by_side", call_side_by_side},
          {"chain_large", chain_large},
          {"chain_small", chain_small},
          {"chain_2", alternating<2>},
          {"chain_4", alternating<4>},
          {"chain_8", alternating<8>},
          {"chain_16", alternating<16>},
          {"chain_32", alternating<32>},
          {"chain_64", alternating<64>},
          {"capture_4096", capture<4096>},
          {"capture_8192", capture<8192>}};
}

}  // namespace rill::bench
