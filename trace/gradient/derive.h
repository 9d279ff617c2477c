/// From a recorded function to the function that leads gradients back through it.
/// Invariant: a tape's own recording and replay are run on tensors without values, so the gradient
/// is operator by operator what a tape computes that hears the function's nodes one by one.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <rill/autograd/whole_call.h>
#include <rill/trace/function.h>

namespace rill {

/// The nodes of floats from outside: inputs, constants, variables. Gradients may be led to them.
std::vector<int> gradient_sources(const Function& function);

/// What a tape that knows some of the sources keeps of the function.
struct Kept {
  std::vector<Edge> values;   ///< at which gradient rules look; no numbers, no constants
  std::vector<bool> reached;  ///< of each output: whether it depends on what is known
};
Kept kept_by_tape(const Function& function, std::span<const int> sources,
                  const std::vector<bool>& known);

/// What decides which operators lead gradients back.
struct FlowBack {
  struct Value {
    bool known = false;
    bool wanted = false;
    bool flows = false;  ///< has a gradient already
    std::size_t same_as = 0;
    friend bool operator==(const Value&, const Value&) = default;
  };
  std::vector<Value> values;  ///< sources, then outputs
  friend bool operator==(const FlowBack&, const FlowBack&) = default;
};

/// The function, and behind its nodes those of its gradient.
struct Joint {
  Function function;  ///< its outputs are the gradients, as they are afterwards
  std::size_t gradient_begin;
  std::vector<Edge> gradients;         ///< the inputs that are gradients, as they are before
  std::vector<std::size_t> taken;      ///< the value of each of these
  std::vector<std::size_t> delivered;  ///< the value of each output
};
/// Throws what the gradient rules throw.
Joint with_gradient(const Function& function, std::span<const int> sources, const FlowBack& flow);

}  // namespace rill
