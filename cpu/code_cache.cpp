#include <rill/cpu/code_cache.h>

#include <atomic>
#include <cstdio>
#include <mutex>

#include <rill/cpu/code_folder.h>
#include <rill/cpu/digest.h>
#include <rill/cpu/emitter_version.h>
#include <rill/cpu/environment.h>
#include <rill/cpu/features.h>
#include <rill/cpu/llvm_module.h>
#include <rill/cpu/recently_used.h>
#include <rill/tensor/error.h>
#include <rill/tensor/timeline.h>
#include <rill/version.h>

namespace rill::cpu {
namespace {

using Key = std::array<std::uint64_t, 2>;

/// Kernels whose code is kept in memory although nobody uses them at the moment.
constexpr std::size_t entries_kept = 4096;

struct Entry {
  std::once_flag once;
  std::shared_ptr<const Code> code;
};

struct Cache {
  std::mutex mutex;
  RecentlyUsed<std::shared_ptr<Entry>> entries{entries_kept};
  std::atomic<std::uint64_t> found_in_memory = 0;
  std::atomic<std::uint64_t> found_on_disk = 0;
  std::atomic<std::uint64_t> compiled = 0;
  std::atomic<std::uint64_t> refused = 0;
  std::atomic<std::uint64_t> interpreted = 0;
  std::atomic<bool> not_executable = false;  // nothing is loaded or compiled from then on
};

Cache& cache() {
  static Cache& one = *new Cache;  // used by threads that outlive static destruction
  return one;
}

Key key_of(const std::array<std::uint64_t, 2>& fingerprint, const kernel::Schedule& schedule) {
  Digest digest;
  digest.add(RILL_VERSION);
  digest.add(emitter_version());
  digest.add(fingerprint[0]);
  digest.add(fingerprint[1]);
  digest.add(static_cast<std::uint64_t>(level()));
  digest.add(static_cast<std::uint64_t>(schedule.map));
  digest.add(std::uint64_t{schedule.vector_axis});
  digest.add(std::uint64_t{schedule.interleave});
  digest.add(std::uint64_t{schedule.nontemporal});
  digest.add(std::uint64_t{schedule.prefetches});
  digest.add(std::uint64_t{schedule.bounds_checks});
  return digest.value();
}

std::shared_ptr<const Code> made_ready(const CompiledObject& object) {
  return std::make_shared<const Code>(
      Code{LoadedObject(object.elf), object.fixed_scratch, object.row_lanes});
}

/// The user's folder; says once on the error stream why it is not used, if it is not.
CodeFolder& folder() {
  static CodeFolder& one = [&]() -> CodeFolder& {
    auto& made = *new CodeFolder(
        CodeFolder::default_path());  // used by threads that outlive static destruction
    if (!made.usable() && !made.path().empty()) {
      std::fprintf(stderr, "rill: compiled kernels are not kept in %s: %s\n", made.path().c_str(),
                   made.trouble().c_str());
    }
    return made;
  }();
  return one;
}

std::shared_ptr<const Code> from_disk(const Key& key) {
  const auto object = folder().read(key);
  if (!object) return nullptr;
  try {
    auto code = made_ready(*object);
    cache().found_on_disk.fetch_add(1, std::memory_order_relaxed);
    return code;
  } catch (const FormatError&) {
    cache().refused.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
}

/// Null with the reason in `error`.
std::shared_ptr<const Code> compiled(const Key& key, const kernel::Program& program,
                                     const kernel::Schedule& schedule, std::string& error) {
  CompiledObject object;
  const detail::Stopwatch watch;
  if (!compile(program, schedule, level(), object, error)) return nullptr;
  if (watch.runs()) watch.end("compile", "compile a kernel");
  cache().compiled.fetch_add(1, std::memory_order_relaxed);
  auto code = made_ready(object);
  folder().write(key, object);
  return code;
}

std::shared_ptr<const Code> found_or_compiled(const Key& key, const kernel::Program& program,
                                              const kernel::Schedule& schedule) {
  std::string error = "the system lets no memory become executable";
  try {
    if (!cache().not_executable) {
      auto code = from_disk(key);
      if (!code) code = compiled(key, program, schedule, error);
      if (code) return code;
    }
  } catch (const NotExecutable& refusal) {
    error = refusal.what();
    if (!cache().not_executable.exchange(true))
      std::fprintf(stderr, "rill: kernels are interpreted: %s\n", error.c_str());
  }
  cache().interpreted.fetch_add(1, std::memory_order_relaxed);
  if (environment::logs("kernels")) {
    std::fprintf(stderr, "rill: a kernel is interpreted, for it cannot be compiled: %s\n%s\n",
                 error.c_str(), kernel::text(program).c_str());
  }
  return nullptr;
}

}  // namespace

std::shared_ptr<const Code> code_for(const kernel::Program& program,
                                     const std::array<std::uint64_t, 2>& fingerprint,
                                     const kernel::Schedule& schedule) {
  Cache& all = cache();
  const Key key = key_of(fingerprint, schedule);
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(all.mutex);
    if (const auto* known = all.entries.find(key)) {
      entry = *known;
      all.found_in_memory.fetch_add(1, std::memory_order_relaxed);
    } else {
      entry = all.entries.keep(key, std::make_shared<Entry>());
    }
  }
  std::call_once(entry->once, [&] { entry->code = found_or_compiled(key, program, schedule); });
  return entry->code;
}

CodeCacheStatistics code_cache_statistics() {
  const Cache& all = cache();
  return {all.found_in_memory, all.found_on_disk, all.compiled, all.refused + folder().refused(),
          all.interpreted};
}

}  // namespace rill::cpu
