#include <rill/autograd/touched.h>

#include <array>
#include <cstddef>
#include <vector>

#include <rill/ops/grad.h>
#include <rill/ops/kernel_cache.h>
#include <rill/tensor/different_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/thread_owned.h>

namespace rill::detail {
namespace {

Touched run_rule(const OpEvent& event, std::uint32_t wanted) {
  const DifferentSizes::Pause pause;
  const Silence silence;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::vector<Tensor> gradients;
  std::vector<Spec> specs;
  for (const Tensor& input : event.inputs) {
    inputs.push_back(
        input.body().weak ? input : Tensor::abstract(input.shape(), input.dtype(), input.device()));
    specs.push_back({input.dtype(), input.shape()});
  }
  for (const Tensor& output : event.outputs) {
    outputs.push_back(Tensor::abstract(output.shape(), output.dtype(), output.device()));
    gradients.push_back(is_float(output.dtype()) ? outputs.back() : Tensor());
    specs.push_back({output.dtype(), output.shape()});
  }
  std::vector<const Spec*> pointers;
  for (const Spec& spec : specs) pointers.push_back(&spec);
  const Grad::Record record{.op = event.op,
                            .attributes = event.attributes,
                            .inputs = inputs,
                            .outputs = outputs,
                            .input_specs = std::span(pointers).first(inputs.size()),
                            .output_specs = std::span(pointers).subspan(inputs.size()),
                            .output_gradients = gradients,
                            .wanted = wanted,
                            .where = event.where};
  Grad grad(record);
  try {
    event.op.grad(grad);
  } catch (const Error&) {
    return {~0U, ~0U};  // the replay will say it, if it comes to that
  }
  return {grad.touched_inputs(), grad.touched_outputs()};
}

constexpr std::size_t max_tensors = 16;

/// Everything but attributes that `Touched` depends on.
struct Key {
  std::uint64_t op = 0;  // by identity: another may have come to the same address
  std::uint32_t wanted = 0;
  std::uint32_t inputs = 0;
  std::array<std::uint64_t, max_tensors / 8> tensors{};  // a byte each: dtype and rank
  friend bool operator==(const Key&, const Key&) = default;
};

struct Entry {
  Key key;
  Attributes attributes;
  Touched touched;
};
/// What a thread remembers. Tapes may still be used while it ends.
using Table = std::array<Entry, 256>;

}  // namespace

Touched touched_by_gradient(const OpEvent& event, std::uint32_t wanted) {
  Table* const table = ThreadOwned<Table>::get();
  if (table == nullptr || event.inputs.size() + event.outputs.size() > max_tensors)
    return run_rule(event, wanted);
  Key key{identity(event.op), wanted, static_cast<std::uint32_t>(event.inputs.size()), {}};
  std::size_t at = 0;
  const auto add = [&](const Tensor& tensor) {
    const auto& body = tensor.body();
    const unsigned rank = body.weak ? 15U : static_cast<unsigned>(body.shape.rank());
    key.tensors[at / 8] =
        key.tensors[at / 8] << 8U | static_cast<std::uint64_t>(body.dtype) << 4U | rank;
    ++at;
  };
  for (const Tensor& input : event.inputs) add(input);
  for (const Tensor& output : event.outputs) add(output);

  const std::uint64_t hash = (key.op ^ key.wanted * 31U ^ key.tensors[0] ^ key.tensors[1] * 31U ^
                              event.attributes.hash()) *
                             0x9e3779b97f4a7c15ULL;
  Entry& entry = (*table)[hash >> 56U];
  if (!(entry.key == key && entry.attributes == event.attributes)) {
    entry = {key, event.attributes.kept(), run_rule(event, wanted)};
  }
  return entry.touched;
}

}  // namespace rill::detail
