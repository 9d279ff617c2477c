/// What a variable's handles share. For the floors above, which hold several variables at once: a
/// traced call, an optimizer's step. Invariant: `value` is contiguous, has the variable's dtype and
/// shape and an id that no other tensor has; it is read and written under `lock`. Whoever holds
/// several locks takes them in the order of the ids.
#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string>

#include <rill/autograd/variable_lock.h>
#include <rill/tensor/tensor.h>

namespace rill::detail {

struct VariableState {
  const std::uint64_t id;
  const std::string name;
  const bool trainable;
  const DType dtype;
  const Shape shape;
  mutable VariableLock lock;
  Tensor value;

  [[nodiscard]] Tensor read() const {
    const std::shared_lock held(lock);
    return value;
  }
};

}  // namespace rill::detail
