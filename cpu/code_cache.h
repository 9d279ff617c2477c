// Compiled code by what it was compiled from: in memory for this process, on disk for the next.
//
// A key says everything that the code depends on: the program, the schedule, the instruction set,
// the emitter and the library's version. Invariant: a kernel never waits for the disk to work.
// Whatever is wrong with the folder or with a file in it, the code is compiled instead; what was
// read is verified before it runs.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include <rill/cpu/compiled_object.h>
#include <rill/cpu/loader.h>
#include <rill/kernel/program.h>

namespace rill::cpu {

/// Code that is ready to run.
struct Code {
  LoadedObject object;
  std::uint64_t fixed_scratch = 0;
  std::uint64_t row_lanes = 1;
};

/// The code for a program under a schedule, on this machine's level; null where it cannot be
/// compiled (no module, no executable memory, a process that ends, or a program that the emitter
/// does not take), which RILL_LOG=kernels tells once for each program. Threads that ask for one
/// program at once compile it once.
std::shared_ptr<const Code> code_for(const kernel::Program& program,
                                     const std::array<std::uint64_t, 2>& fingerprint,
                                     const kernel::Schedule& schedule);

/// How code was come by since the process started.
struct CodeCacheStatistics {
  std::uint64_t found_in_memory = 0;
  std::uint64_t found_on_disk = 0;
  std::uint64_t compiled = 0;
  std::uint64_t refused = 0;      ///< files that were not what they should be
  std::uint64_t interpreted = 0;  ///< programs that could not be compiled
};
CodeCacheStatistics code_cache_statistics();

}  // namespace rill::cpu
