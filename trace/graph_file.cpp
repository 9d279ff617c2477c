// Graphs in files: the text, and the weights beside it.
#include <filesystem>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/safetensors.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>
#include <rill/trace/graph.h>
#include <rill/trace/json.h>
#include <rill/trace/prepared.h>

namespace rill {

namespace fs = std::filesystem;

void Graph::save(const std::string& path, Where where) const {
  const detail::UserCall scope("save", where);
  if (functions_.empty()) {
    throw TraceError("save: nothing has been recorded yet: call the traced function first" +
                     where.suffix());
  }
  fs::path weights_path(path);
  weights_path.replace_extension(".safetensors");
  std::map<std::string, Tensor> weights;
  const std::string json = text(weights_path.filename().string(), &weights);
  // Weights first: a text never stands beside weights that it does not fit for longer than it takes
  // to rename.
  if (!weights.empty()) save_safetensors(weights_path.string(), weights, {}, where);
  AtomicFile file(path, "save", where);
  file.write(json);
  file.commit();
}

Graph Graph::load(const std::string& path, Where where) try {
  const InputFile file(path, "load", where);
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  const JsonGraph json(text, path);
  std::map<std::string, Tensor> weights;
  if (const std::string name = json.weights_file(); !name.empty()) {
    // Never outside the graph's folder, whatever the text says.
    if (fs::path(name).filename() != fs::path(name)) {
      throw detail::UnnamedError<FormatError>(
          path + ".weights: names a file outside the graph's folder: '" + name + "'");
    }
    const detail::UserCall scope("load", where);
    weights = load_safetensors((fs::path(path).parent_path() / name).string());
  }
  std::vector<std::shared_ptr<Prepared>> functions;
  for (auto& function : json.functions(weights))
    functions.push_back(std::make_shared<Prepared>(std::move(function)));
  return Graph(std::move(functions));
} catch (const detail::Unnamed& error) {
  error.rethrow("load", where);
}

}  // namespace rill
