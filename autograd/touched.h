/// What an operator's gradient rule looks at: all that a tape has to keep.
/// Invariant: found by running the rule itself on tensors without values, so it cannot disagree
/// with the rule.
#pragma once

#include <cstdint>

#include <rill/tensor/listener.h>

namespace rill::detail {

/// Bits by `Grad::bit`.
struct Touched {
  std::uint32_t inputs = 0;
  std::uint32_t outputs = 0;
};

/// For the gradients of the inputs in `wanted`. Remembered per operator, attributes, dtypes and
/// ranks.
Touched touched_by_gradient(const OpEvent& event, std::uint32_t wanted);

}  // namespace rill::detail
