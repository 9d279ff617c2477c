/// Sorting on the CPU by Highway's vectorised quicksort.
/// Invariant: stable, NaN last; the positions are the same on every instruction set and for any
/// number of threads.
#pragma once

#include <memory>

#include <rill/kernel/backend.h>

namespace rill::cpu {

std::unique_ptr<const kernel::Plan> plan_argsort(const kernel::ArgsortShape& shape);

}  // namespace rill::cpu
