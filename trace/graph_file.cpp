// Graphs in files: the text, and the weights beside it; or ONNX.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/input_file.h>
#include <rill/tensor/safetensors.h>
#include <rill/tensor/unnamed.h>
#include <rill/tensor/user_call.h>
#include <rill/tensor/write_safetensors.h>
#include <rill/trace/graph.h>
#include <rill/trace/json.h>
#include <rill/trace/onnx/graph_file.h>
#include <rill/trace/prepared.h>

namespace rill {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t large = std::int64_t{1} << 20;  // bytes

std::int64_t bytes_of(const Tensor& tensor) {
  return tensor.size() * static_cast<std::int64_t>(size_of(tensor.dtype()));
}

/// Tensors that happened to be captured make a file grow without being named in it.
void warn_of_constants(const std::map<std::string, Tensor>& weights, const std::string& file) {
  std::int64_t bytes = 0;
  const std::pair<const std::string, Tensor>* largest = nullptr;
  for (const auto& entry : weights) {
    if (!entry.first.starts_with("constant/")) continue;
    bytes += bytes_of(entry.second);
    if (largest == nullptr || bytes_of(entry.second) > bytes_of(largest->second)) largest = &entry;
  }
  if (bytes < large) return;
  const std::string text = "rill: save: " + std::to_string(bytes >> 20U) + " MiB of " + file +
                           " are captured tensors, the largest of them '" + largest->first + "', " +
                           largest->second.type_text() +
                           ": make it an argument or a Variable unless it is meant to be fixed\n";
  std::fputs(text.c_str(), stderr);
}

/// The file of this name in the graph's folder. Never outside it, whatever the text says and
/// wherever links lead; a graph that is itself a link has its weights beside what it links to.
std::string weights_path(const std::string& graph, const std::string& name) {
  const auto refuse = [&](const std::string& rule) {
    throw detail::UnnamedError<FormatError>(graph + ".weights: " + rule + ": '" + name + "'");
  };
  if (fs::path(name).filename() != fs::path(name) || name == "." || name == ".." ||
      name.find('\0') != std::string::npos)
    refuse("names a file outside the graph's folder");
  const fs::path path = fs::path(graph).parent_path() / name;
  std::error_code error;
  const fs::path real = fs::canonical(path, error);
  if (error) return path.string();  // who opens it says what is wrong
  const auto folder_of = [&](const fs::path& file) {
    return fs::canonical(file.has_parent_path() ? file.parent_path() : fs::path("."), error);
  };
  if (real.parent_path() != folder_of(graph) &&
      real.parent_path() != fs::canonical(graph, error).parent_path())
    refuse("is a link that leads outside the graph's folder");
  return path.string();
}

}  // namespace

void Graph::save(const std::string& path, Where where) const {
  const detail::UserCall scope("save", where);
  if (functions_.empty()) {
    throw TraceError("save: nothing has been recorded yet: call the traced function first" +
                     where.suffix());
  }
  if (onnx::is_model(path)) {
    if (functions_.size() > 1) {
      throw TraceError("save: '" + path + "': the function has " +
                       std::to_string(functions_.size()) +
                       " signatures, and a file of ONNX holds one graph: save a function that was "
                       "traced once, for unknown sizes where there are several" +
                       where.suffix());
    }
    return onnx::save(*functions_[0]->record(), path, where);
  }
  fs::path beside(path);
  beside.replace_extension(".safetensors");
  if (beside == fs::path(path)) {
    throw ValueError("save: '" + path + "' is the name of the weights' file: call it .json" +
                     where.suffix());
  }
  std::map<std::string, Tensor> weights;
  const std::string json = text(beside.filename().string(), &weights);
  warn_of_constants(weights, beside.filename().string());
  // Both are complete before either takes the place of an old one.
  AtomicFile file(path, "save", where);
  file.write(json);
  if (!weights.empty()) {
    AtomicFile weights_file(beside.string(), "save", where);
    detail::write_safetensors(weights_file, weights, {}, where);
    weights_file.commit();
  }
  file.commit();
}

Graph Graph::load(const std::string& path, Where where) try {
  const InputFile file(path, "load", where);
  std::string text(file.size(), '\0');
  file.read(0, text.data(), text.size());
  if (onnx::is_model(path)) {
    return Graph({std::make_shared<Prepared>(onnx::load(std::move(text), path))});
  }
  const JsonGraph json(text, path);
  std::map<std::string, Tensor> weights;
  if (const std::string name = json.weights_file(); !name.empty()) {
    const detail::UserCall scope("load", where);
    weights = load_safetensors(weights_path(path, name));
  }
  std::vector<std::shared_ptr<Prepared>> functions;
  for (auto& function : json.functions(weights))
    functions.push_back(std::make_shared<Prepared>(std::move(function)));
  return Graph(std::move(functions));
} catch (const detail::Unnamed& error) {
  error.rethrow("load", where);
}

}  // namespace rill
