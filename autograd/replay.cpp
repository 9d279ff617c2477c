#include <rill/autograd/replay.h>

#include <array>
#include <string>
#include <utility>

#include <rill/ops/creation.h>
#include <rill/ops/grad.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/timeline.h>
#include <rill/tensor/user_call.h>

namespace rill::detail {
namespace {

constexpr std::uint32_t none = Recording::none;

enum class Role : std::uint8_t {
  aside,
  path,
  source
};  // what a slot is to the gradients that are asked for

/// An array of `count` values, on the stack where they are few.
template <class T>
class Few {
 public:
  explicit Few(std::size_t count) : values_(few_.data(), count) {
    if (count > few_.size()) {
      many_.resize(count);
      values_ = many_;
    }
  }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  [[nodiscard]] std::span<T> values() { return values_; }

 private:
  std::array<T, 4> few_{};
  std::vector<T> many_;
  std::span<T> values_;
};

class Replay {
 public:
  Replay(Recording& recording, std::span<const std::uint32_t> sources, Where where)
      : recording_(recording),
        where_(where),
        nodes_(recording.nodes().size()),
        roles_(recording.slots(), Role::aside),
        gradients_(recording.slots()) {
    for (std::uint32_t source : sources) {
      if (source != none) roles_[source] = Role::source;
    }
    mark_paths();
  }

  void seed(Seed seed) {
    if (roles_[seed.slot] != Role::aside) accumulate(seed.slot, std::move(seed.gradient));
  }

  void run(bool consume) {
    for (std::size_t at = nodes_; at-- > 0;) {
      Node& node = *recording_.nodes()[at];  // looked up each time: recording may go on meanwhile
      step(node);
      if (consume) Recording::release(node);
    }
  }

  [[nodiscard]] Tensor gradient(std::uint32_t source) const {
    return source == none ? Tensor() : gradients_[source];
  }

 private:
  /// A slot is on a path when a source leads to it: gradients of others need not be computed.
  void mark_paths() {
    for (Node* node : recording_.nodes()) {
      const auto slots = node->slots();
      bool reached = false;
      for (std::uint32_t slot : slots.first(node->inputs))
        reached = reached || (slot != none && roles_[slot] != Role::aside);
      if (!reached) continue;
      for (std::uint32_t slot : slots.subspan(node->inputs)) {
        if (slot != none && roles_[slot] == Role::aside) roles_[slot] = Role::path;
      }
    }
  }

  void accumulate(std::uint32_t slot, Tensor contribution) {
    Tensor& gradient = gradients_[slot];
    if (!gradient.defined())
      gradient = std::move(contribution);
    else
      gradient += Operand(contribution, where_);
  }

  void step(Node& node) {
    if (node.call != nullptr) return lead_through(node);
    const auto slots = node.slots();
    const auto inputs = slots.first(node.inputs);
    std::uint32_t wanted = 0;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      if (inputs[k] != none && roles_[inputs[k]] != Role::aside)
        wanted |= Grad::bit(static_cast<int>(k));
    }
    if (wanted == 0) return;
    // All that uses the outputs comes later, and has been: their gradients are complete.
    Few<Tensor> output_gradients(node.outputs);
    bool flows = false;
    for (std::size_t k = 0; k < node.outputs; ++k) {
      const std::uint32_t slot = slots[node.inputs + k];
      if (slot == none || !gradients_[slot].defined()) continue;
      output_gradients.values()[k] =
          roles_[slot] == Role::source ? gradients_[slot] : std::move(gradients_[slot]);
      flows = true;
    }
    if (!flows) return;
    if (node.op == nullptr) {
      apply_custom(node, output_gradients.values());
    } else {
      apply_rule(node, output_gradients.values(), wanted);
    }
  }

  /// Through a whole call: the gradients so far go in, so that what the call's operators contribute
  /// is added one after the other.
  void lead_through(Node& node) {
    const auto slots = node.slots();
    bool flows = false;
    for (std::size_t k = node.inputs; k < slots.size(); ++k)
      flows = flows || (slots[k] != none && gradients_[slots[k]].defined());
    if (!flows) return;
    const std::shared_ptr<const CallGradient> gradient = node.call->gradient;
    std::vector<CallGradient::Value> values = node.call->values;
    for (std::size_t k = 0; k < slots.size(); ++k) {
      CallGradient::Value& value = values[k];
      if (!value.known || value.same_as != k) continue;
      const Role role = roles_[slots[k]];
      value.wanted = role == Role::source || (k < node.inputs && role == Role::path);
      value.gradient = std::move(gradients_[slots[k]]);
    }
    gradient->flow_back(values);
    for (std::size_t k = 0; k < slots.size(); ++k) {
      if (values[k].wanted) gradients_[slots[k]] = std::move(values[k].gradient);
    }
  }

  void apply_rule(Node& node, std::span<const Tensor> output_gradients, std::uint32_t wanted) {
    const auto specs = node.specs();
    static const Attributes& no_attributes = *new Attributes;  // also while the process ends
    const Grad::Record record{
        .op = *node.op,
        .attributes = node.attributes != nullptr ? *node.attributes : no_attributes,
        .inputs = node.tensors().first(node.inputs),
        .outputs = node.tensors().subspan(node.inputs),
        .input_specs = specs.first(node.inputs),
        .output_specs = specs.subspan(node.inputs),
        .output_gradients = output_gradients,
        .wanted = wanted,
        .where = node.where};
    const UserCall scope("gradient of ", node.op->name, node.where);
    Grad grad(record);
    node.op->grad(grad);
    take(node, grad.results());
  }

  void apply_custom(Node& node, std::span<Tensor> output_gradients) {
    for (std::size_t k = 0; k < node.outputs; ++k) {
      if (output_gradients[k].defined()) continue;
      const Spec& spec = *node.specs()[node.inputs + k];
      output_gradients[k] = zeros(spec.shape, spec.dtype, node.where);
    }
    std::vector<Tensor> results = (*node.custom)(output_gradients);
    const Where where = node.where.known() ? node.where : where_;
    if (results.size() != node.inputs) {
      throw GradientError("custom_gradient: the gradient function returned " +
                          std::to_string(results.size()) + " gradients for " +
                          std::to_string(node.inputs) + " arguments" + where.suffix());
    }
    for (std::size_t k = 0; k < node.inputs; ++k) {
      const Spec& spec = *node.specs()[k];
      if (results[k].defined() &&
          (results[k].dtype() != spec.dtype || !equal_sizes(results[k].shape(), spec.shape))) {
        throw GradientError("custom_gradient: the gradient of argument " + std::to_string(k) +
                            " is " + results[k].type_text() + ", the argument " + spec.text() +
                            where.suffix());
      }
    }
    take(node, results);
  }

  void take(Node& node, std::span<Tensor> results) {
    for (std::size_t k = 0; k < node.inputs; ++k) {
      const std::uint32_t slot = node.slots()[k];
      if (slot == none || roles_[slot] == Role::aside || !results[k].defined()) continue;
      accumulate(slot, std::move(results[k]));
    }
  }

  Recording& recording_;
  const Where where_;  // where the gradients were asked for
  const std::size_t
      nodes_;  // as many as there were: a tape that goes on does not replay its own replay
  std::vector<Role> roles_;
  std::vector<Tensor> gradients_;
};

}  // namespace

std::vector<Tensor> replay(Recording& recording, std::vector<Seed> seeds,
                           std::span<const std::uint32_t> sources, bool consume, Where where) {
  const Stopwatch watch;
  Replay replay(recording, sources, where);
  for (Seed& seed : seeds) replay.seed(std::move(seed));
  seeds.clear();
  replay.run(consume);
  std::vector<Tensor> gradients;
  for (std::uint32_t source : sources) gradients.push_back(replay.gradient(source));
  if (watch.runs()) watch.end("tape", "gradient", {{"line", where.text()}});
  return gradients;
}

}  // namespace rill::detail
