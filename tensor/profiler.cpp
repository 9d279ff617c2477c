#include <rill/tensor/profiler.h>

#include <cstdio>

#include <rill/tensor/atomic_file.h>
#include <rill/tensor/error.h>
#include <rill/tensor/timeline.h>
#include <rill/tensor/timeline_file.h>

namespace rill {

struct Profiler::File {
  AtomicFile file;
};

Profiler::Profiler(const std::string& path, Where where)
    : file_(new File{.file = {path, "Profiler", where}}) {
  if (!detail::Timeline::start()) {
    throw ValueError("Profiler: another one is at work: '" + path + "' is not written" +
                     where.suffix());
  }
}

Profiler::~Profiler() {
  try {
    finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "rill: %s\n", error.what());
  }
}

void Profiler::finish() {
  if (file_ == nullptr) return;
  const auto spans = detail::Timeline::stop();
  const auto finished = std::move(file_);
  finished->file.write(detail::timeline_text(spans));
  finished->file.commit();
}

}  // namespace rill
