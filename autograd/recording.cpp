#include <rill/autograd/recording.h>

#include <algorithm>
#include <memory>
#include <unordered_map>

#include <rill/autograd/touched.h>
#include <rill/ops/grad.h>

namespace rill::detail {
namespace {

/// The slots of an operation's inputs, without asking for memory where there are few.
class InputSlots {
 public:
  InputSlots(const SlotTable& table, std::span<const Tensor> inputs) {
    if (inputs.size() > few_.size()) many_.resize(inputs.size());
    std::uint32_t* const slots = data();
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      const TensorBody& body = inputs[k].body();
      slots[k] = body.weak ? SlotTable::none : table.find(body.id);
      if (slots[k] != SlotTable::none) wanted_ |= Grad::bit(static_cast<int>(k));
    }
  }
  [[nodiscard]] std::uint32_t* data() { return many_.empty() ? few_.data() : many_.data(); }
  /// Bits of the inputs that are known.
  [[nodiscard]] std::uint32_t wanted() const { return wanted_; }

 private:
  std::array<std::uint32_t, 8> few_;
  std::vector<std::uint32_t> many_;
  std::uint32_t wanted_ = 0;
};

bool has_float(std::span<const Tensor> tensors) {
  return std::any_of(tensors.begin(), tensors.end(),
                     [](const Tensor& t) { return is_float(t.dtype()); });
}

}  // namespace

void Recording::watch(const Tensor& tensor) {
  if (find(tensor) == none) watch_as(new_slot(tensor), tensor);
}

void Recording::alias(const Tensor& tensor, const Tensor& of) {
  if (const std::uint32_t slot = find(of); slot != none) watch_as(slot, tensor);
}

std::uint32_t Recording::new_slot(const Tensor& value) {
  slot_specs_.push_back(spec_of(value));
  return static_cast<std::uint32_t>(slot_specs_.size() - 1);
}

void Recording::record(const OpEvent& event) {
  if (!event.op.grad) return;  // nothing flows back: `sign`, `stop_gradient`
  InputSlots slots(table_, event.inputs);
  if (slots.wanted() == 0 || !has_float(event.outputs)) return;
  const Touched touched = touched_by_gradient(event, slots.wanted());
  Node& node = add(event.inputs, event.outputs, slots.data());
  give_slots_to_outputs(node, event.outputs);
  node.op = &event.op;
  node.where = event.where;
  if (event.attributes.type() != nullptr)
    node.attributes = arena_.make<Attributes>(event.attributes.kept());
  if ((touched.inputs | touched.outputs) == 0) return;
  const std::span<Tensor> tensors = node.tensors();
  for (std::size_t k = 0; k < node.inputs; ++k) {
    if ((touched.inputs & Grad::bit(static_cast<int>(k))) != 0) tensors[k] = event.inputs[k];
  }
  for (std::size_t k = 0; k < node.outputs; ++k) {
    if ((touched.outputs & Grad::bit(static_cast<int>(k))) != 0)
      tensors[node.inputs + k] = event.outputs[k];
  }
}

void Recording::record(const CustomGradient& call) {
  if (call.outputs.empty()) return;  // it threw
  InputSlots slots(table_, call.inputs);
  if (slots.wanted() == 0 || !has_float(call.outputs)) return;
  Node& node = add(call.inputs, call.outputs, slots.data());
  give_slots_to_outputs(node, call.outputs);
  node.custom = customs_.emplace_back(call.gradient).get();
  node.where = call.where;
}

void Recording::record(const WholeCall& call) {
  if (call.gradient == nullptr) return;
  InputSlots inputs(table_, call.inputs);
  if (inputs.wanted() == 0) return;
  std::vector<bool> known(call.inputs.size());
  for (std::size_t k = 0; k < known.size(); ++k) known[k] = inputs.data()[k] != none;
  const std::vector<bool> reached = call.gradient->reached(known);
  Node& node = add(call.inputs, call.outputs, inputs.data());
  node.call = calls_.emplace_back(std::make_unique<RecordedCall>(call.gradient)).get();
  const std::span<std::uint32_t> slots = node.slots();
  for (std::size_t k = 0; k < call.outputs.size(); ++k) {
    const Tensor& output = call.outputs[k];
    std::uint32_t slot = find(output);  // known already: an input is returned, or a value twice
    if (slot == none && reached[k]) watch_as(slot = new_slot(output), output);
    slots[node.inputs + k] = slot;
  }
  std::unordered_map<std::uint32_t, std::size_t> first;
  for (std::size_t k = 0; k < slots.size(); ++k) {
    const bool is_known = slots[k] != none;
    node.call->values.push_back(
        {.known = is_known,
         .same_as = is_known ? first.try_emplace(slots[k], k).first->second : k,
         .wanted = false,
         .gradient = {}});
  }
}

Node& Recording::add(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                     const std::uint32_t* input_slots) {
  const std::size_t count = inputs.size() + outputs.size();
  Node& node = *new (arena_.allocate(Node::bytes(count))) Node{};
  node.inputs = static_cast<std::uint32_t>(inputs.size());
  node.outputs = static_cast<std::uint32_t>(outputs.size());
  std::uninitialized_value_construct_n(node.tensors().data(), count);
  std::uint32_t* slot = node.slots().data();
  const Spec** spec = node.specs().data();
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    *slot++ = input_slots[k];
    *spec++ = input_slots[k] != none ? slot_specs_[input_slots[k]] : spec_of(inputs[k]);
  }
  for (const Tensor& output : outputs) {
    *spec++ = spec_of(output);
    *slot++ = none;
  }
  nodes_.push_back(&node);
  return node;
}

void Recording::give_slots_to_outputs(Node& node, std::span<const Tensor> outputs) {
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (!is_float(outputs[k].dtype())) continue;
    const auto slot = static_cast<std::uint32_t>(slot_specs_.size());
    slot_specs_.push_back(node.specs()[node.inputs + k]);
    table_.put(outputs[k].id(), slot);
    node.slots()[node.inputs + k] = slot;
  }
}

const Spec* Recording::spec_of(const Tensor& tensor) {
  const TensorBody& body = tensor.body();
  for (const Spec* spec : recent_specs_) {
    if (spec == nullptr) break;
    if (spec->dtype == body.dtype && identical(spec->shape, body.shape)) return spec;
  }
  return recent_specs_[next_spec_++ % recent_specs_.size()] =
             arena_.make<Spec>(body.dtype, body.shape);
}

void Recording::release(Node& node) {
  for (Tensor& tensor : node.tensors()) tensor = Tensor();
  if (node.call != nullptr) node.call->gradient.reset();
}

void Recording::clear() {
  for (Node* node : nodes_) {
    std::destroy_n(node->tensors().data(), node->count());
    if (node->attributes != nullptr) std::destroy_at(node->attributes);
  }
  nodes_.clear();
  customs_.clear();
  calls_.clear();
  table_.clear();
  slot_specs_.clear();
  recent_specs_ = {};
  next_spec_ = 0;
  arena_.clear();
}

}  // namespace rill::detail
