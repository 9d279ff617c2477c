/// Writes a program anew: what nothing uses is left out, the rest is renumbered in order of use,
/// and on the way sizes may become constants and dimensions vanish. Invariant: buffers that a
/// launch passes, parameters and sizes keep their numbers, so a launch fits the program before and
/// after.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <rill/kernel/program.h>

namespace rill::kernel {

/// What changes on the way.
struct Rewriting {
  /// Numbers of sizes, and the constants that take their place.
  std::unordered_map<Id, std::int64_t> sizes;
  /// Axes that are left out of every list; as an index each is 0.
  std::unordered_set<Id> axes;
  /// Of each buffer, the dimensions that are left out; empty: none.
  std::vector<std::vector<bool>> dimensions;
};

/// The program written anew. Throws `InternalError` if it does not pass `check` then.
Program rewritten(const Program& program, const Rewriting& rewriting);

}  // namespace rill::kernel
