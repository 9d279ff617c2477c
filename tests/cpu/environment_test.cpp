#include "tests/catch.h"

#include <rill/cpu/environment.h>
#include <rill/tensor/error.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <rill/ops/creation.h>

using namespace rill::cpu;

namespace {

/// Sets a variable for a scope.
class Setting {
 public:
  Setting(const char* variable, const char* value)
      : variable_(variable), found_(environment::text(variable)) {
    setenv(variable, value, 1);
  }
  ~Setting() { found_ ? setenv(variable_, found_->c_str(), 1) : unsetenv(variable_); }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* variable_;
  std::optional<std::string> found_;
};

}  // namespace

TEST_CASE("well-formed variables are read", "[cpu][environment]") {
  {
    const Setting setting("RILL_THREADS", "12");
    CHECK(environment::threads() == 12);
  }
  {
    const Setting setting("RILL_CPU", "avx2");
    CHECK(environment::cpu_level() == Level::avx2);
  }
  {
    const Setting setting("RILL_CACHE_DIR", "/some/where");
    CHECK(environment::cache_dir() == "/some/where");
  }
  {
    const Setting setting("RILL_MEMORY_LIMIT", "3M");
    CHECK(environment::memory_limit() == 3145728U);
  }
  {
    const Setting setting("RILL_BOUNDS", "1");
    CHECK(environment::bounds());
  }
  {
    const Setting setting("RILL_BOUNDS", "0");
    CHECK(!environment::bounds());
  }
  {
    const Setting setting("RILL_LOG", "kernels,kernels");
    CHECK(environment::logs("kernels"));
    CHECK_FALSE(environment::logs("other"));
  }
  {
    const Setting setting("RILL_LOG", "kernels,noise");
    CHECK_THROWS_WITH(environment::logs("kernels"),
                      "RILL_LOG=noise: must be one of kernels, passes");
  }
}

TEST_CASE("an empty variable counts as absent", "[cpu][environment]") {
  {
    const Setting setting("RILL_THREADS", "");
    CHECK(!environment::threads().has_value());
  }
  {
    const Setting setting("RILL_CPU", "");
    CHECK(!environment::cpu_level().has_value());
  }
  {
    const Setting setting("RILL_MEMORY_LIMIT", "");
    CHECK(!environment::memory_limit().has_value());
  }
  {
    const Setting setting("RILL_BOUNDS", "");
    CHECK(!environment::bounds());
  }
}

TEST_CASE("a bad value is an error that names the variable, the value and the rule",
          "[cpu][environment]") {
  using namespace Catch;
  for (const char* value : {"0", "-1", "1025", "two", "2 ", "2.0", "99999999999999999999"}) {
    CAPTURE(value);
    const Setting setting("RILL_THREADS", value);
    CHECK_THROWS_AS(environment::threads(), rill::ValueError);
    CHECK_THROWS_WITH(environment::threads(), Contains("RILL_THREADS=" + std::string(value) +
                                                       ": must be a whole number from 1 to 1024"));
  }
  {
    const Setting setting("RILL_CPU", "AVX2");
    CHECK_THROWS_AS(environment::cpu_level(), rill::ValueError);
    CHECK_THROWS_WITH(environment::cpu_level(),
                      Contains("RILL_CPU=AVX2: must be one of baseline, avx2, avx512"));
  }
  {
    const Setting setting("RILL_BOUNDS", "yes");
    CHECK_THROWS_WITH(environment::bounds(), Contains("RILL_BOUNDS=yes: must be 0 or 1"));
  }
  for (const char* value :
       {"0", "-5", "4GB", "G", "1.5G", "99999999999999999999", "99999999999G"}) {
    CAPTURE(value);
    const Setting setting("RILL_MEMORY_LIMIT", value);
    CHECK_THROWS_AS(environment::memory_limit(), rill::ValueError);
    CHECK_THROWS_WITH(environment::memory_limit(),
                      Contains("RILL_MEMORY_LIMIT=" + std::string(value)));
  }
}

TEST_CASE("makes a tensor, for the test below", "[.tensor]") {
  CHECK(rill::zeros({2}).size() == 2);
}

TEST_CASE("the first tensor of a process hears of every bad value", "[cpu][environment]") {
  // Run with a setting, the process above says this.
  const auto said_with = [](const std::string& setting) {
    const std::string command = setting + " '" +
                                std::filesystem::read_symlink("/proc/self/exe").string() +
                                "' '[.tensor]' 2>&1";
    std::string said;
    FILE* const pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    for (int letter = std::fgetc(pipe); letter != EOF; letter = std::fgetc(pipe))
      said += static_cast<char>(letter);
    CHECK((pclose(pipe) == 0) == setting.empty());
    return said;
  };
  using Catch::Contains;
  CHECK_THAT(said_with(""), Contains("All tests passed"));
  CHECK_THAT(said_with("RILL_THREADS=abc"),
             Contains("RILL_THREADS=abc: must be a whole number from 1 to 1024"));
  CHECK_THAT(said_with("RILL_CPU=best"),
             Contains("RILL_CPU=best: must be one of baseline, avx2, avx512"));
  CHECK_THAT(said_with("RILL_MEMORY_LIMIT=4GB"),
             Contains("RILL_MEMORY_LIMIT=4GB: must be a positive number of bytes"));
  CHECK_THAT(said_with("RILL_BOUNDS=yes"), Contains("RILL_BOUNDS=yes: must be 0 or 1"));
  CHECK_THAT(said_with("RILL_LOG=noise"),
             Contains("RILL_LOG=noise: must be one of kernels, passes"));
}

namespace {

std::set<std::string> found_in(const std::filesystem::path& file, const std::regex& pattern) {
  std::ifstream stream(file);
  const std::string content{std::istreambuf_iterator<char>(stream), {}};
  std::set<std::string> found;
  for (std::sregex_iterator at(content.begin(), content.end(), pattern), end; at != end; ++at)
    found.insert((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("users read of the variables that rill reads, and of no others", "[cpu][environment]") {
  const std::filesystem::path source = RILL_SOURCE_DIR;
  const std::regex literal("\"(RILL_[A-Z_]+)\"");
  const auto read = found_in(source / "cpu/environment.cpp", literal);
  CHECK(read.size() == 8);
  CHECK(found_in(source / "docs/environment.md", std::regex("\n\\| `(RILL_[A-Z_]+)` \\|")) == read);
  CHECK(found_in(source / "cpu/environment.h", std::regex("\n/// (RILL_[A-Z_]+): ")) == read);
  for (const char* folder : {"tensor", "kernel", "cpu", "ops", "autograd", "optim", "trace"}) {
    for (const auto& file : std::filesystem::recursive_directory_iterator(source / folder)) {
      if (file.path().filename() == "environment.cpp" || file.path().extension() != ".cpp")
        continue;
      INFO(file.path() << " reads a variable by itself");
      CHECK(found_in(file.path(), literal).empty());
    }
  }
}

TEST_CASE("numbers of bytes take suffixes", "[cpu][environment]") {
  CHECK(environment::parse_bytes("X", "1") == 1U);
  CHECK(environment::parse_bytes("X", "2K") == 2048U);
  CHECK(environment::parse_bytes("X", "512M") == 536870912U);
  CHECK(environment::parse_bytes("X", "4G") == 4294967296U);
  CHECK(environment::parse_bytes("X", "1T") == 1099511627776U);
}
