// What compiling a kernel program gives: an object file in memory, and what a caller must know to
// run it.
//
// It crosses the border between rill and its compiler module, and lies in the code cache.
// Invariant: plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <rill/cpu/features.h>
#include <rill/kernel/program.h>

namespace rill::cpu {

struct CompiledObject {
  std::vector<std::byte> elf;  ///< relocatable, with the functions `run` and, for `Map::split` and
                               ///< `Map::chunks`, `finish`
  std::uint64_t fixed_scratch = 0;  ///< bytes of scratch, rows and 16 times what a chunk leaves in
                                    ///< `partials` left out; a multiple of 64
  std::uint64_t row_lanes = 1;      ///< how many points' rows lie side by side in scratch
};

/// The one function of the module, by the name `rill_compile`: fills `object` or `error`, never
/// throws. A program or schedule that the emitter does not take gives an error too.
using CompileFunction = bool (*)(const kernel::Program* program, const kernel::Schedule* schedule,
                                 Level level, CompiledObject* object, std::string* error);
/// `rill_emitter_version`: must equal `emitter_version()` of the library that loads the module. And
/// `rill_llvm_version`: the LLVM in it, for users to read.
using VersionFunction = const char* (*)();

}  // namespace rill::cpu
