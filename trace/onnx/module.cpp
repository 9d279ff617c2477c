#include <rill/trace/onnx/module.h>

#include <dlfcn.h>

#include <string>
#include <vector>

#include <rill/cpu/environment.h>
#include <rill/cpu/module_paths.h>
#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::onnx {
namespace {

constexpr const char* file_name = "librill-onnx.so";

struct Module {
  ReadFunction read = nullptr;
  WriteFunction write = nullptr;
  std::string missing;  ///< why there is none
};

Module find() {
  const auto chosen = cpu::environment::onnx_module();
  Module module;
  for (const std::string& path : chosen ? std::vector{*chosen} : cpu::module_paths(file_name)) {
    // Stays loaded: what it has read refers to its memory.
    void* const handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) {
      const char* const reason = dlerror();
      if (module.missing.empty() && reason != nullptr) module.missing = reason;
      continue;
    }
    const auto version = reinterpret_cast<VersionFunction>(dlsym(handle, "rill_onnx_version"));
    const auto read = reinterpret_cast<ReadFunction>(dlsym(handle, "rill_onnx_read"));
    const auto write = reinterpret_cast<WriteFunction>(dlsym(handle, "rill_onnx_write"));
    if (version == nullptr || read == nullptr || write == nullptr ||
        std::string_view(version()) != RILL_ONNX_VERSION) {
      module.missing = path + " belongs to another build of rill";
      dlclose(handle);
      continue;
    }
    return {read, write, {}};
  }
  return module;
}

const Module& module() {
  static const Module& found = *new Module(find());  // used by whoever outlives static destruction
  if (found.read == nullptr) {
    throw detail::UnnamedError<FileError>(std::string("ONNX is read and written by a module, ") +
                                          file_name + ", which cannot be loaded: " + found.missing);
  }
  return found;
}

}  // namespace

Model read(std::string_view file, std::string_view path) {
  Model model;
  std::string error;
  if (!module().read(file, &model, &error))
    throw detail::UnnamedError<FormatError>(std::string(path) + ": " + error);
  return model;
}

void write(const Model& model, const Sink& sink) {
  std::string error;
  if (!module().write(&model, &sink, &error)) throw detail::UnnamedError<ValueError>(error);
}

}  // namespace rill::onnx
