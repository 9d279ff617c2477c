// usage: rill-convert FROM TO -- reads tensors from one file and writes them to another; the
// endings .npy, .npz and .safetensors say how. A single tensor is named x.  rill-convert FROM -
// prints them.  rill-convert --run MODEL FROM TO -- runs a graph on the tensors of an npz file, by
// their names, and writes its results by theirs.

#include <rill/tensor/error.h>
#include <rill/tensor/npy.h>
#include <rill/tensor/npz.h>
#include <rill/tensor/print.h>
#include <rill/tensor/safetensors.h>
#include <rill/trace/function.h>
#include <rill/trace/graph.h>

#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <vector>

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

void run(const std::string& model, const std::string& from, const std::string& to) {
  const rill::Graph graph = rill::Graph::load(model);
  const auto function = graph.functions().at(0);
  const Tensors given = rill::load_npz(from);
  std::vector<rill::Tensor> inputs;
  for (const int input : function->inputs)
    inputs.push_back(given.at(function->nodes[static_cast<std::size_t>(input)].name));
  const std::vector<rill::Tensor> results = graph.call(inputs);
  Tensors named;
  for (std::size_t k = 0; k < results.size(); ++k) named[function->outputs[k].name] = results[k];
  rill::save_npz(to, named);
}

}  // namespace

int main(int argc, char** argv) {
  const bool runs = argc == 5 && std::string_view(argv[1]) == "--run";
  if (argc != 3 && !runs) {
    std::fputs("usage: rill-convert FROM TO, or rill-convert --run MODEL FROM TO\n", stderr);
    return 2;
  }
  try {
    if (runs) {
      run(argv[2], argv[3], argv[4]);
      return 0;
    }
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
