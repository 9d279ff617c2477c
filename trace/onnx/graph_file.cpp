#include <rill/trace/onnx/graph_file.h>

#include <cstdint>
#include <utility>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/unnamed.h>
#include <rill/trace/onnx/export.h>
#include <rill/trace/onnx/import.h>
#include <rill/trace/onnx/module.h>

namespace rill::onnx {

bool is_model(std::string_view path) { return path.ends_with(".onnx"); }

void save(const Function& function, const std::string& path, Where where) try {
  const Model model = exported(function);
  AtomicFile file(path, "save", where);
  write(model, [&](std::string_view bytes) { file.write(bytes); });
  file.commit();
} catch (const detail::Unnamed& error) {
  error.rethrow("save", where);
}

std::shared_ptr<const Function> load(std::string content, const std::string& path) {
  const std::uint64_t bytes = content.size();
  Model model = read(content, path);
  std::string().swap(content);
  return imported(std::move(model), path, bytes);
}

}  // namespace rill::onnx
