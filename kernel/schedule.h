/// Which schedule suits a program: a choice by what the program itself says of its strides and extents. What only a
/// launch knows (many points or few, large or small) is up to the backend.
/// Invariant: a schedule never changes a result.
#pragma once

#include <rill/kernel/dependence.h>
#include <rill/kernel/program.h>

namespace rill::kernel {

/// The schedule for all points of the outer axes, with the lanes on the axis along which most of the traffic is
/// contiguous.
Schedule choose(const Program& program, const Dependence& dependence);

/// Whether the only reduction of the program may be cut into blocks that several threads take (`Schedule::Map::split`):
/// it stands in the first stage, which has no axes, and nothing has an effect before it.
bool splits(const Program& program);

/// Whether the program consists of stores that several iterations may meet in, to one buffer, so that threads may own
/// parts of it (`Schedule::Map::owned`).
bool may_be_owned(const Program& program);

/// What one point of the outer axes costs on one thread, as a sum over loops: `nanoseconds` times the extents of `axes`.
struct Cost {
  double nanoseconds = 0;
  std::vector<Id> axes;
};
std::vector<Cost> costs(const Program& program, const Dependence& dependence);

}  // namespace rill::kernel
