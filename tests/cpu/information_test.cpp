#include "tests/catch.h"

#include <rill/cpu/information.h>
#include <rill/cpu/thread_pool.h>
#include <rill/tensor/threads.h>

#include <algorithm>
#include <cstdlib>

namespace {

std::string text_of(const std::string& heading) {
  for (const auto& [key, text] : rill::cpu::information()) {
    if (key == heading) return text;
  }
  return "";
}

}  // namespace

TEST_CASE("information names the machine and the libraries behind rill", "[cpu][information]") {
  for (const char* heading : {"rill", "processor", "level", "threads", "memory", "code cache",
                              "compiler", "oneDNN", "OpenBLAS"}) {
    CAPTURE(heading);
    CHECK_FALSE(text_of(heading).empty());
  }
  CHECK_THAT(text_of("compiler"), Catch::StartsWith("LLVM ") || Catch::StartsWith("none"));
  CHECK_THAT(text_of("threads"), Catch::StartsWith(std::to_string(rill::cpu::threads()) + " (of "));
}

TEST_CASE("information tells of a bad variable instead of failing", "[cpu][information]") {
  const char* const found = std::getenv("RILL_BOUNDS");
  const std::string before = found == nullptr ? "" : found;
  setenv("RILL_BOUNDS", "perhaps", 1);
  CHECK(text_of("bounds checks") == "RILL_BOUNDS=perhaps: must be 0 or 1");
  found == nullptr ? unsetenv("RILL_BOUNDS") : setenv("RILL_BOUNDS", before.c_str(), 1);
}

TEST_CASE("programs set the number of threads", "[cpu][thread_pool]") {
  const int found = rill::threads();
  rill::set_threads(3);
  CHECK(rill::cpu::threads() == 3);
  rill::set_threads(found);
}
