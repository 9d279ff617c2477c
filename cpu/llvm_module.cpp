#include <rill/cpu/llvm_module.h>

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <rill/cpu/emitter_version.h>
#include <rill/cpu/environment.h>
#include <rill/cpu/module_paths.h>

namespace rill::cpu {
namespace {

constexpr const char* file_name = "librill-llvm.so";

// An LLVM that is a library of its own destroys its objects when the process ends, while threads of
// the program, and what static objects do in their destructors, may still need kernels. A handler
// that runs before that waits for compilations that are under way; kernels that are new from then
// on are interpreted.
constinit std::atomic<int> running = 0;
constinit std::atomic<bool> over = false;
constinit thread_local int running_here = 0;

/// One compilation, if it may begin.
class Compilation {
 public:
  Compilation() {
    ++running_here;
    ++running;
  }
  ~Compilation() {
    --running_here;
    --running;
    running.notify_all();
  }
  Compilation(const Compilation&) = delete;
  Compilation& operator=(const Compilation&) = delete;
  [[nodiscard]] bool allowed() const { return !over; }
};

void end_compilations() {
  over = true;
  // Not for one of this thread: LLVM calls exit() where it cannot go on.
  for (int count = running; count > running_here; count = running) running.wait(count);
}

/// What is registered last runs first, so this is called whenever LLVM has made objects.
void end_compilations_before_llvm() { (void)std::atexit(&end_compilations); }

struct Module {
  CompileFunction compile = nullptr;
  std::string status;
  bool of_another_build = false;
};

/// Where it may be, in order; RILL_LLVM_MODULE alone if it is set.
std::vector<std::string> candidates() {
  if (const auto chosen = environment::llvm_module()) return {*chosen};
  return module_paths(file_name);
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
    const auto version = reinterpret_cast<VersionFunction>(dlsym(handle, "rill_emitter_version"));
    const auto llvm = reinterpret_cast<VersionFunction>(dlsym(handle, "rill_llvm_version"));
    const auto compile = reinterpret_cast<CompileFunction>(dlsym(handle, "rill_compile"));
    if (version == nullptr || llvm == nullptr || compile == nullptr ||
        emitter_version() != version()) {
      reasons = path + " belongs to another build of rill";
      module.of_another_build = true;
      dlclose(handle);
      continue;
    }
    module.compile = compile;
    module.status = std::string("LLVM ") + llvm() + ", " + path;
    module.of_another_build = false;
    end_compilations_before_llvm();
    pthread_atfork(nullptr, nullptr, [] { running = running_here; });  // other threads are gone
    return module;
  }
  module.status = "none, kernels are interpreted (" + reasons + ")";
  return module;
}

/// A module of another build is a mistake of an installation, which the user wants to hear of.
void tell_of_another_build(const Module& found) {
  static const bool told = [&] {
    std::fprintf(stderr, "rill: compiler: %s\n", found.status.c_str());
    return true;
  }();
  (void)told;
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
    if (found.of_another_build) tell_of_another_build(found);
    error = found.status;
    return false;
  }
  const Compilation compilation;
  if (!compilation.allowed()) {
    error = "the process ends";
    return false;
  }
  const bool made = found.compile(&program, &schedule, level, &object, &error);
  // The first compilation makes more of LLVM's objects.
  static const bool first = (end_compilations_before_llvm(), true);
  (void)first;
  return made;
}

std::string llvm_module_status() { return module().status; }

}  // namespace rill::cpu
