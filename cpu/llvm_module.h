// Finds and loads librill-llvm.so, the part of rill that contains a compiler.
//
// It brings a hundred megabytes of LLVM, so it is loaded when the first kernel must be compiled,
// and never in processes whose kernels all lie in a code cache. Invariant: it is looked for once; a
// module of another build is not used.
#pragma once

#include <string>

#include <rill/cpu/compiled_object.h>

namespace rill::cpu {

/// Compiles, loading the module if need be; false with the reason in `error` where there is no
/// module, or where it does not take the program.
bool compile(const kernel::Program& program, const kernel::Schedule& schedule, Level level,
             CompiledObject& object, std::string& error);

/// Loads the module if need be and says which LLVM it holds and where it is, or why there is none:
/// `rill info` prints it.
std::string llvm_module_status();

}  // namespace rill::cpu
