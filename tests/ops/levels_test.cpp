// Generated code gives the interpreter's bits, whatever the instruction set: every row of the table
// runs in processes of its own, one per instruction set and one without the compiler, and their
// results are compared by hashes.

#include <rill/cpu/features.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "tests/catch.h"
#include "tests/ops/table.h"

namespace rill::table {
namespace {

constexpr const char* answer_file = "RILL_TEST_HASHES";

/// Of the elements' bits; any NaN counts as the same.
std::uint64_t hash_of(const Tensor& x) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const Tensor dense = x.contiguous_copy();
  visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (const T& element : dense.data<T>()) hash = (hash ^ bits_of(element)) * 0x100000001b3ULL;
  });
  return hash;
}

TEST_CASE("writes the hashes of all results, for the test below", "[.hashes]") {
  const char* path = std::getenv(answer_file);
  if (path == nullptr) return;  // run by its file's name: nobody asks
  std::ofstream answer(path);
  for (const Row& row : rows()) {
    if (!row.generated) continue;
    for (const Case& c : row.cases) {
      for (const DType dtype : {row.dtypes.front(), row.dtypes.back()}) {
        answer << title(row, c, dtype) << ": " << hash_of(c.apply(operands(c.inputs, dtype)))
               << '\n';
      }
    }
  }
}

/// What the test above writes in a process with these variables set.
std::vector<std::string> hashes_with(const std::string& variables,
                                     const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "hashes.txt";
  const std::string command = variables + " " + answer_file + "='" + path.string() + "' '" +
                              std::filesystem::read_symlink("/proc/self/exe").string() +
                              "' '[.hashes]' > /dev/null";
  REQUIRE(std::system(command.c_str()) == 0);
  std::ifstream answer(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(answer, line);) lines.push_back(line);
  REQUIRE(lines.size() > 100);
  return lines;
}

TEST_CASE("generated code gives the interpreter's bits at every instruction set") {
  std::string name = (std::filesystem::temp_directory_path() / "rill-levels-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  const std::filesystem::path folder = name;
  // No compiler, and no code that it has left behind.
  const auto interpreted = hashes_with(
      "RILL_LLVM_MODULE=/none RILL_CACHE_DIR='" + (folder / "cache").string() + "'", folder);
  for (const cpu::Level level : {cpu::Level::avx2, cpu::Level::avx512}) {
    if (level > cpu::detected_level()) continue;
    const auto compiled = hashes_with("RILL_CPU=" + std::string(cpu::name_of(level)), folder);
    REQUIRE(compiled.size() == interpreted.size());
    for (std::size_t i = 0; i < compiled.size(); ++i) {
      INFO(cpu::name_of(level) << " against the interpreter");
      CHECK(compiled[i] == interpreted[i]);
    }
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace rill::table
