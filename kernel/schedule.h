/// Which schedule suits a program: a choice by what the program itself says of its strides and
/// extents. What only a launch knows (many points or few, large or small) is up to the backend.
/// Invariant: a schedule never changes a result.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <rill/kernel/dependence.h>
#include <rill/kernel/program.h>

namespace rill::kernel {

/// The schedule for all points of the outer axes, with the lanes on the axis along which most of
/// the traffic is contiguous.
Schedule choose(const Program& program, const Dependence& dependence);

/// Whether the only reduction of the program may be cut into blocks that several threads take
/// (`Schedule::Map::split`): it stands in the first stage, which has no axes, and nothing has an
/// effect before it.
bool splits(const Program& program);

/// Whether points may be interleaved under a schedule (`Schedule::interleave`): it has lanes on the
/// elements of reductions, each of which belongs to one point as a whole, and stores that do not
/// meet.
bool interleaves(const Program& program, const Schedule& schedule);

/// Whether the program consists of stores that several iterations may meet in, to one buffer, so
/// that threads may own parts of it (`Schedule::Map::owned`).
bool may_be_owned(const Program& program);

/// The loads that are contiguous along the outer axis before the last while the lanes are on the
/// last: those that `Schedule::Map::tiles` reads in squares. Empty where tiles are of no use or not
/// possible: they take pointwise programs whose stores do not meet.
std::vector<Id> transposed_loads(const Program& program, const Dependence& dependence);

/// Rows and columns of the blocks in which `Schedule::Map::tiles` walks over a result.
inline constexpr int tile_side = 128;

/// How many units of `Schedule::Map::tiles` a result of some rows and columns has. A unit is a
/// block and its mirror image, each where it lies inside.
std::int64_t tile_units(std::int64_t rows, std::int64_t columns);

/// The loads of neighbours along the last outer axis that `Schedule::prefetches` may ask for early:
/// those whose row a loaded index names, and where threads own rows of the destination, in which
/// they leave out most iterations, all of them. Empty where no row is named so, or where no row of
/// iterations follows another.
std::vector<Id> jumping_loads(const Program& program, const Dependence& dependence, bool owned);

/// The loads of rows that a stage walks over after a reduction has. While it does, from the caches,
/// `Schedule::prefetches` asks for the next point's row: the reduction would wait for memory, and
/// memory for the rest of the program. Where lanes are on the elements of rows.
std::vector<Id> repeated_loads(const Program& program, const Dependence& dependence);

/// The program with some of its run-time strides known: `strides` are numbers of sizes and their
/// values. Of use where a stride turns out to be 0, 1, 2 or -1; right for launches with these sizes
/// only.
Program with_strides(const Program& program, std::span<const std::pair<Id, std::int64_t>> strides);

/// What one point of the outer axes costs on one thread, as a sum over loops: `nanoseconds` times
/// the extents of `axes`.
struct Cost {
  double nanoseconds = 0;
  std::vector<Id> axes;
};
std::vector<Cost> costs(const Program& program, const Dependence& dependence);

}  // namespace rill::kernel
