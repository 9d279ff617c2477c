#include <rill/ops/axes.h>

#include <array>
#include <string>

#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill {

int normalized_axis(const Tensor& x, int axis, std::string_view operation, Where where) {
  if (!x.defined()) detail::fail_undefined(operation.data(), where);
  const int rank = x.rank();
  return axis >= 0 && axis < rank ? axis
                                  : normalized_axis(axis, rank, operation, x.type_text(), where);
}

Axes normalized_axes(const Tensor& x, const Axes& axes, std::string_view operation, Where where) {
  if (!x.defined()) detail::fail_undefined(operation.data(), where);
  std::array<bool, max_rank> chosen{};
  if (axes.count() == 0) chosen.fill(true);
  for (const int given : axes) {
    const auto at = static_cast<std::size_t>(normalized_axis(x, given, operation, where));
    if (chosen[at]) {
      throw detail::UnnamedError<IndexError>(
          operation, "axis " + std::to_string(given) + " is given twice for " + x.type_text(),
          where);
    }
    chosen[at] = true;
  }
  Axes normal;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (chosen[static_cast<std::size_t>(axis)]) normal.push_back(axis);
  }
  return normal;
}

bool stretches_to(const Shape& shape, const Shape& to) {
  const int added = to.rank() - shape.rank();
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (added < 0 || !(shape[axis] == Dim(1) || broadcast_sizes(shape[axis], to[axis + added])))
      return false;
  }
  return true;
}

Dim size_along(const Shape& shape, const Axes& axes) {
  Dim size = 1;
  for (const int axis : axes) size = size * shape[axis];
  return size;
}

Tensor rows_of(const Tensor& x) {
  Shape leading = x.shape();
  leading.erase(leading.rank() - 1);
  return x.reshape({leading.size(), x.dim(-1)});
}

}  // namespace rill
