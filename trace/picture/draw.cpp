// `Graph::draw`: which picture a path asks for.
#include <filesystem>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/trace/graph.h>
#include <rill/trace/picture/dot.h>
#include <rill/trace/picture/graphviz.h>
#include <rill/trace/picture/page.h>
#include <rill/trace/picture/scene.h>

namespace rill {
namespace {

std::string picture_of(const std::string& path, std::span<const picture::Scene> scenes,
                       const DrawOptions& options, Where where) {
  const std::filesystem::path name(path);
  const std::string end = name.extension().string();
  if (end == ".html") return picture::page(name.stem().string(), scenes);
  std::string text = picture::dot(scenes, options.planned);
  if (end == ".dot") return text;
  return picture::rendered(text, end.substr(1), where);
}

}  // namespace

void Graph::draw(const std::string& path, const DrawOptions& options, Where where) const {
  const std::string end = std::filesystem::path(path).extension().string();
  if (end != ".html" && end != ".svg" && end != ".png" && end != ".pdf" && end != ".dot") {
    throw ValueError("draw: '" + path + "' must end in .html, .svg, .png, .pdf or .dot" +
                     where.suffix());
  }
  if (functions_.empty()) {
    throw TraceError("draw: nothing has been recorded yet: call the traced function first" +
                     where.suffix());
  }
  const picture::Timings timings =
      options.profile.empty() ? picture::Timings() : picture::Timings(options.profile, where);
  AtomicFile file(path, "draw", where);
  file.write(picture_of(path, picture::scenes(functions_, timings), options, where));
  file.commit();
}

}  // namespace rill
