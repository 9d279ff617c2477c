#include <rill/cpu/information.h>

#include <exception>

#include <rill/cpu/allocator.h>
#include <rill/cpu/blas.h>
#include <rill/cpu/code_folder.h>
#include <rill/cpu/environment.h>
#include <rill/cpu/features.h>
#include <rill/cpu/llvm_module.h>
#include <rill/cpu/loader.h>
#include <rill/cpu/onednn.h>
#include <rill/cpu/thread_pool.h>
#include <rill/version.h>

namespace rill::cpu {
namespace {

/// What `find` returns, or why it could not: a variable with a bad value must not hide the rest.
template <class Find>
std::string attempt(Find find) {
  try {
    return find();
  } catch (const std::exception& error) {
    return error.what();
  }
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : " ") + std::string(word);
  return text;
}

std::string describe_level() {
  std::string text(name_of(level()));
  if (level_is_forced())
    return text + " (RILL_CPU; the machine has " + std::string(name_of(detected_level())) + ")";
  return text;
}

std::string describe_threads() {
  const int processors = available_processors();
  return std::to_string(threads()) + " (of " + std::to_string(processors) +
         (processors == 1 ? " processor)" : " processors)");
}

std::string describe_memory() {
  const std::size_t limit = memory_limit();
  if (limit == 0) return "no limit";
  return "limit " + std::to_string(limit >> 20U) + " MiB" +
         (environment::memory_limit() ? " (RILL_MEMORY_LIMIT)" : "");
}

std::string describe_openblas() {
  const blas::Information& found = blas::information();
  if (!found.available) return "none (" + found.fault + ")";
  return found.core + " kernels, " + found.configuration +
         (found.loaded_by_host ? " (loaded by the program)" : "");
}

std::string describe_cache() {
  const CodeFolder folder(CodeFolder::default_path());
  if (folder.usable()) return folder.path();
  return (folder.path().empty() ? std::string("none") : folder.path()) +
         " (not used: " + folder.trouble() + ")";
}

std::string describe_compiler() {
  const std::string trouble = executable_memory_trouble();
  return trouble.empty() ? llvm_module_status() : "none, kernels are interpreted (" + trouble + ")";
}

}  // namespace

std::vector<std::pair<std::string, std::string>> information() {
  return {
      {"rill", library_version()},
      {"processor", brand()},
      {"features", joined(feature_names())},
      {"level", attempt(describe_level)},
      {"threads", attempt(describe_threads)},
      {"memory", attempt(describe_memory)},
      {"code cache", attempt(describe_cache)},
      {"compiler", attempt(describe_compiler)},
      {"oneDNN", attempt(onednn::information)},
      {"OpenBLAS", attempt(describe_openblas)},
      {"bounds checks",
       attempt([] { return std::string(environment::bounds() ? "on (RILL_BOUNDS)" : "off"); })},
  };
}

}  // namespace rill::cpu
