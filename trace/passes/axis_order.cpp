#include <rill/trace/passes/axis_order.h>

#include <array>
#include <cstddef>
#include <span>

namespace rill {

Axes composed(const Axes& first, const Axes& then) {
  Axes both;
  for (const int axis : then) both.push_back(first[axis]);
  return both;
}

Axes inverse(const Axes& order) {
  std::array<int, max_rank> made{};
  for (int axis = 0; axis < order.count(); ++axis)
    made[static_cast<std::size_t>(order[axis])] = axis;
  const std::span<const int> used(made.data(), static_cast<std::size_t>(order.count()));
  return {used};
}

bool ascends(const Axes& order) {
  for (int axis = 0; axis < order.count(); ++axis) {
    if (order[axis] != axis) return false;
  }
  return true;
}

Shape permuted(const Shape& shape, const Axes& order) {
  Shape made;
  for (const int axis : order) made.push_back(shape[axis]);
  return made;
}

bool moves_nothing(const Shape& shape, const Axes& order) {
  int last = -1;
  for (const int axis : order) {
    if (shape[axis] == Dim(1)) continue;
    if (axis < last) return false;
    last = axis;
  }
  return true;
}

}  // namespace rill
