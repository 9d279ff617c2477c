#include <rill/cpu/module_paths.h>

#include <dlfcn.h>

namespace rill::cpu {

std::vector<std::string> module_paths(std::string_view file_name) {
  const std::string name(file_name);
  std::vector<std::string> paths;
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&module_paths), &self) != 0 &&
      self.dli_fname != nullptr) {
    const std::string path = self.dli_fname;
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash);
    paths.push_back(folder + "/rill/" + name);         // beside librill.so
    paths.push_back(folder + "/../lib/rill/" + name);  // a program in bin/ that contains rill
  }
  paths.push_back(name);  // the run path, or the system's folders
  paths.push_back(RILL_MODULE_DIR "/" + name);
  return paths;
}

}  // namespace rill::cpu
