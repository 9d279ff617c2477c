// Where a module of rill's, a shared object that is loaded when it is first needed, may lie.
// Invariant: a program finds the modules of the build or installation that its own rill belongs to,
// whether it contains rill or links librill.so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rill::cpu {

/// The paths to try for a module's file, in order: `librill-llvm.so` beside librill.so, then where
/// the run path and the system look, then where it was installed.
std::vector<std::string> module_paths(std::string_view file_name);

}  // namespace rill::cpu
