#include <rill/cpu/serial_openmp.h>

#include <dlfcn.h>

namespace rill::cpu {
namespace {

/// The functions of whichever OpenMP runtime the libraries use: it is found by name, because a host
/// program may have brought its own, and then the libraries call that one.
struct Runtime {
  int (*threads)() = nullptr;
  void (*set_threads)(int) = nullptr;

  static const Runtime& instance() {
    static const Runtime runtime = [] {
      Runtime found;
      found.threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
      found.set_threads =
          reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
      return found;
    }();
    return runtime;
  }
};

}  // namespace

SerialOpenMP::SerialOpenMP() {
  const Runtime& runtime = Runtime::instance();
  if (runtime.threads == nullptr || runtime.set_threads == nullptr) return;
  found_ = runtime.threads();
  if (found_ != 1) runtime.set_threads(1);
}

SerialOpenMP::~SerialOpenMP() {
  if (found_ != 1) Runtime::instance().set_threads(found_);
}

}  // namespace rill::cpu
