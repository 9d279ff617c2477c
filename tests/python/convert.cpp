// usage: rill-convert FROM TO -- reads tensors from one file and writes them to another; the
// endings .npy, .npz and .safetensors say how. A single tensor is named x.  rill-convert FROM -
// prints them.

#include <rill/tensor/error.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/npz.h>
#include <rill/tensor/print.h>
#include <rill/tensor/safetensors.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>

namespace {

using Tensors = std::map<std::string, rill::Tensor>;

bool ends_with(const std::string& path, std::string_view ending) {
  return std::string_view(path).ends_with(ending);
}

Tensors load(const std::string& path) {
  if (ends_with(path, ".npz")) return rill::load_npz(path);
  if (ends_with(path, ".safetensors")) return rill::load_safetensors(path);
  return {{"x", rill::load_npy(path)}};
}

void save(const std::string& path, const Tensors& tensors) {
  if (ends_with(path, ".npz")) {
    rill::save_npz(path, tensors, {.compressed = path.find("compressed") != std::string::npos});
  } else if (ends_with(path, ".safetensors")) {
    rill::save_safetensors(path, tensors, {{"format", "np"}});
  } else {
    rill::save_npy(path, tensors.at("x"));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: rill-convert FROM TO\n", stderr);
    return 2;
  }
  try {
    const Tensors tensors = load(argv[1]);
    if (std::string_view(argv[2]) != "-") {
      save(argv[2], tensors);
    } else {
      for (const auto& [name, tensor] : tensors) rill::print(tensor);
    }
  } catch (const rill::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
