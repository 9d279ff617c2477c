#include <rill/tensor/axes.h>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill {

std::string Axes::text() const {
  std::string text = "[";
  for (int axis : *this) {
    if (text.size() > 1) text += ",";
    text += std::to_string(axis);
  }
  return text + "]";
}

void Axes::fail() {
  throw IndexError("axes: at most " + std::to_string(max_rank) + " axes, each in [-128, 127]");
}

int normalized_axis(int axis, int rank, std::string_view operation, std::string_view given,
                    Where where) {
  if (axis < -rank || axis >= rank) {
    throw detail::UnnamedError<IndexError>(operation,
                                           "axis " + std::to_string(axis) + " is outside [" +
                                               std::to_string(-rank) + ", " + std::to_string(rank) +
                                               ") for " + std::string(given),
                                           where);
  }
  return axis < 0 ? axis + rank : axis;
}

}  // namespace rill
