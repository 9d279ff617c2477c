/// The attributes of `concat`, for those who make or read nodes of it.
#pragma once

#include <tuple>

#include <rill/ops/attributes.h>

namespace rill {

struct ConcatAttributes {
  int axis = 0;
  static constexpr auto fields() { return std::tuple{field("axis", &ConcatAttributes::axis)}; }
};

}  // namespace rill
