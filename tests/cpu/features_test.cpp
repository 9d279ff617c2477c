#include "tests/catch.h"

#include <rill/cpu/features.h>
#include <rill/tensor/error.h>

#include <algorithm>

using namespace rill::cpu;

TEST_CASE("the level in use is one that the machine supports", "[cpu][features]") {
  CHECK(level() <= detected_level());
}

TEST_CASE("levels have the names that RILL_CPU takes and that LLVM knows", "[cpu][features]") {
  CHECK(name_of(Level::baseline) == "baseline");
  CHECK(name_of(Level::avx2) == "avx2");
  CHECK(name_of(Level::avx512) == "avx512");
  CHECK(llvm_cpu(Level::baseline) == "x86-64");
  CHECK(llvm_cpu(Level::avx2) == "x86-64-v3");
  CHECK(llvm_cpu(Level::avx512) == "x86-64-v4");
}

TEST_CASE("the detected level agrees with the compiler's own detection", "[cpu][features]") {
#if defined(__x86_64__)
  CHECK((detected_level() >= Level::avx2) == (__builtin_cpu_supports("avx2") != 0));
  CHECK((detected_level() >= Level::avx512) == (__builtin_cpu_supports("avx512vl") != 0));
  const auto names = feature_names();
  CHECK(std::count(names.begin(), names.end(), "sse2") == 1);
  CHECK(std::count(names.begin(), names.end(), "fma") ==
        (__builtin_cpu_supports("fma") != 0 ? 1 : 0));
#else
  CHECK(detected_level() == Level::baseline);
#endif
}

TEST_CASE("the processor has a name", "[cpu][features]") { CHECK_FALSE(brand().empty()); }
