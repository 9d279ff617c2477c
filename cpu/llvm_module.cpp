#include <rill/cpu/llvm_module.h>

#include <dlfcn.h>

#include <string>
#include <vector>

#include <rill/cpu/emitter_version.h>
#include <rill/cpu/environment.h>

namespace rill::cpu {
namespace {

constexpr const char* file_name = "librill-llvm.so";

struct Module {
  CompileFunction compile = nullptr;
  std::string status;
};

/// Where it may be, in order; RILL_LLVM_MODULE alone if it is set.
std::vector<std::string> candidates() {
  if (const auto chosen = environment::llvm_module()) return {*chosen};
  std::vector<std::string> paths;
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&llvm_module_status), &self) != 0 &&
      self.dli_fname != nullptr) {
    const std::string path = self.dli_fname;
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
    paths.push_back(folder + "/rill/" + file_name);         // beside librill.so
    paths.push_back(folder + "/../lib/rill/" + file_name);  // a program in bin/ that contains rill
  }
  paths.emplace_back(file_name);  // the run path, or the system's folders
  paths.push_back(std::string(RILL_MODULE_DIR "/") + file_name);
  return paths;
}

Module find() {
  Module module;
  std::string reasons;
  for (const std::string& path : candidates()) {
    // Stays loaded: kernels may be compiled as long as the process runs.
    void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* reason = dlerror();
      if (reasons.empty() && reason != nullptr) reasons = reason;
      continue;
    }
    const auto version =
        reinterpret_cast<EmitterVersionFunction>(dlsym(handle, "rill_emitter_version"));
    const auto compile = reinterpret_cast<CompileFunction>(dlsym(handle, "rill_compile"));
    if (version == nullptr || compile == nullptr || emitter_version() != version()) {
      reasons = path + " belongs to another build of rill";
      dlclose(handle);
      continue;
    }
    module.compile = compile;
    module.status = path;
    return module;
  }
  module.status = "none, kernels are interpreted (" + reasons + ")";
  return module;
}

const Module& module() {
  static const Module& found =
      *new Module(find());  // used by threads that outlive static destruction
  return found;
}

}  // namespace

bool compile(const kernel::Program& program, const kernel::Schedule& schedule, Level level,
             CompiledObject& object, std::string& error) {
  const Module& found = module();
  if (found.compile == nullptr) {
    error = found.status;
    return false;
  }
  return found.compile(&program, &schedule, level, &object, &error);
}

std::string llvm_module_status() { return module().status; }

}  // namespace rill::cpu
