/// What a tape has recorded: operations in order, the values that their gradient rules look at, and
/// nothing else. Invariant: values are known by dense numbers (slots); a node is one piece of
/// memory that never moves, so recording may go on while a replay walks, and neither replaying nor
/// destroying ever recurses.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include <rill/autograd/arena.h>
#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/slot_table.h>
#include <rill/autograd/whole_call.h>
#include <rill/ops/infer.h>
#include <rill/tensor/listener.h>
#include <rill/tensor/tensor.h>

namespace rill::detail {

/// A whole call, as a recording keeps it.
struct RecordedCall {
  std::shared_ptr<const CallGradient> gradient;
  std::vector<CallGradient::Value> values;  // without gradients
};

/// One operation. Its arrays follow it in memory: tensors, specs and slots, each of inputs first,
/// then of outputs.
struct Node {
  const Op* op;                            // of an operator
  const Attributes* attributes;            // null without; in the recording's memory
  const CustomGradient::Function* custom;  // of a function with its own gradient
  RecordedCall* call;                      // of a whole call
  Where where;
  std::uint32_t inputs;
  std::uint32_t outputs;

  [[nodiscard]] std::size_t count() const { return inputs + outputs; }
  /// Undefined where the gradient rule does not look.
  [[nodiscard]] std::span<Tensor> tensors() {
    return {reinterpret_cast<Tensor*>(this + 1), count()};
  }
  [[nodiscard]] std::span<const Spec*> specs() {
    return {reinterpret_cast<const Spec**>(tensors().data() + count()), count()};
  }
  [[nodiscard]] std::span<std::uint32_t> slots() {
    return {reinterpret_cast<std::uint32_t*>(specs().data() + count()), count()};
  }
  static std::size_t bytes(std::size_t count) {
    return sizeof(Node) + count * (sizeof(Tensor) + sizeof(Spec*) + sizeof(std::uint32_t));
  }
};

class Recording {
 public:
  static constexpr std::uint32_t none = SlotTable::none;

  Recording() = default;
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording() { clear(); }

  /// From here on operations on the tensor are recorded.
  void watch(const Tensor& tensor);
  /// The value is one of the source `key`: a variable keeps its slot over assignments.
  void watch_as(std::uint32_t slot, const Tensor& value) { table_.put(value.id(), slot); }
  std::uint32_t new_slot(const Tensor& value);

  void record(const OpEvent& event);
  void record(const CustomGradient& call);
  void record(const WholeCall& call);

  /// The tensor's slot, or `none`.
  [[nodiscard]] std::uint32_t find(const Tensor& tensor) const { return table_.find(tensor.id()); }
  /// What holds for `of` holds for `tensor`.
  void alias(const Tensor& tensor, const Tensor& of);
  [[nodiscard]] std::size_t slots() const { return slot_specs_.size(); }
  [[nodiscard]] std::span<Node* const> nodes() const { return nodes_; }

  /// Forgets a node's values.
  static void release(Node& node);
  void clear();

 private:
  Node& add(std::span<const Tensor> inputs, std::span<const Tensor> outputs,
            const std::uint32_t* input_slots);
  void give_slots_to_outputs(Node& node, std::span<const Tensor> outputs);
  const Spec* spec_of(const Tensor& tensor);

  SlotTable table_;
  Arena arena_;
  std::vector<Node*> nodes_;
  std::vector<const Spec*> slot_specs_;
  std::array<const Spec*, 8>
      recent_specs_{};  // few shapes meet in one place: nearly all are found here
  std::size_t next_spec_ = 0;
  std::vector<std::shared_ptr<const CustomGradient::Function>> customs_;
  std::vector<std::unique_ptr<RecordedCall>> calls_;
};

}  // namespace rill::detail
