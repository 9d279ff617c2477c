#include <rill/cpu/features.h>

#include <cstring>

#include <rill/cpu/environment.h>
#include <rill/tensor/error.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rill::cpu {
namespace {

struct Feature {
  std::string_view name;
  bool usable;
};

#if defined(__x86_64__)

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx,
                    &r.edx);  // leaves zeros where the leaf does not exist
  return r;
}

constexpr bool bit(unsigned word, int index) { return ((word >> index) & 1U) != 0; }

/// Which register states the operating system saves on a task switch (the register XCR0).
unsigned saved_states(const Registers& basic) {
  constexpr int osxsave = 27;
  if (!bit(basic.ecx, osxsave)) return 0;
  unsigned low = 0;
  unsigned high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

std::vector<Feature> detect() {
  const Registers basic = cpuid(1);
  const Registers extended = cpuid(7, 0);
  const Registers extended1 = cpuid(7, 1);
  const Registers amd = cpuid(0x80000001);
  const unsigned states = saved_states(basic);
  const bool ymm = (states & 0x6U) == 0x6U;  // SSE and AVX
  const bool zmm =
      ymm && (states & 0xe0U) == 0xe0U;  // mask registers and both halves of the wide file
  const bool tile = (states & 0x60000U) == 0x60000U;  // tile configuration and data
  return {
      {"sse2", bit(basic.edx, 26)},
      {"sse3", bit(basic.ecx, 0)},
      {"ssse3", bit(basic.ecx, 9)},
      {"sse4.1", bit(basic.ecx, 19)},
      {"sse4.2", bit(basic.ecx, 20)},
      {"popcnt", bit(basic.ecx, 23)},
      {"movbe", bit(basic.ecx, 22)},
      {"lzcnt", bit(amd.ecx, 5)},
      {"bmi", bit(extended.ebx, 3)},
      {"bmi2", bit(extended.ebx, 8)},
      {"avx", ymm && bit(basic.ecx, 28)},
      {"f16c", ymm && bit(basic.ecx, 29)},
      {"fma", ymm && bit(basic.ecx, 12)},
      {"avx2", ymm && bit(extended.ebx, 5)},
      {"avx512f", zmm && bit(extended.ebx, 16)},
      {"avx512bw", zmm && bit(extended.ebx, 30)},
      {"avx512cd", zmm && bit(extended.ebx, 28)},
      {"avx512dq", zmm && bit(extended.ebx, 17)},
      {"avx512vl", zmm && bit(extended.ebx, 31)},
      {"avx512vnni", zmm && bit(extended.ecx, 11)},
      {"avx512bf16", zmm && bit(extended1.eax, 5)},
      {"avx512fp16", zmm && bit(extended.edx, 23)},
      {"amx-tile", tile && bit(extended.edx, 24)},
      {"amx-bf16", tile && bit(extended.edx, 22)},
      {"amx-int8", tile && bit(extended.edx, 25)},
  };
}

std::string read_brand() {
  if (cpuid(0x80000000).eax < 0x80000004) return "unknown";
  std::string text(48, '\0');
  for (unsigned part = 0; part < 3; ++part) {
    const Registers r = cpuid(0x80000002 + part);
    std::memcpy(text.data() + part * 16, &r, sizeof r);
  }
  text.resize(std::strlen(text.c_str()));
  const auto first = text.find_first_not_of(' ');
  const auto last = text.find_last_not_of(' ');
  return first == std::string::npos ? "unknown" : text.substr(first, last - first + 1);
}

#else

std::vector<Feature> detect() { return {}; }
std::string read_brand() { return "unknown"; }

#endif

const std::vector<Feature>& features() {
  static const auto& detected = *new std::vector<Feature>(detect());  // also while the process ends
  return detected;
}

bool has_all(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    bool found = false;
    for (const Feature& feature : features())
      found = found || (feature.name == name && feature.usable);
    if (!found) return false;
  }
  return true;
}

Level detect_level() {
  if (!has_all({"sse4.2", "popcnt", "movbe", "lzcnt", "bmi", "bmi2", "avx", "f16c", "fma", "avx2"}))
    return Level::baseline;
  if (!has_all({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"})) return Level::avx2;
  return Level::avx512;
}

Level choose_level() {
  const Level best = detected_level();
  const auto wanted = environment::cpu_level();
  if (!wanted) return best;
  if (*wanted > best) {
    throw ValueError("RILL_CPU=" + std::string(name_of(*wanted)) + ": this machine (" + brand() +
                     ") supports no more than \"" + std::string(name_of(best)) +
                     "\"; unset RILL_CPU to use that");
  }
  return *wanted;
}

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::baseline:
      return "baseline";
    case Level::avx2:
      return "avx2";
    case Level::avx512:
      return "avx512";
  }
  throw InternalError("name_of: not a level: " + std::to_string(static_cast<int>(level)));
}

std::string_view llvm_cpu(Level level) {
  switch (level) {
    case Level::baseline:
      return "x86-64";
    case Level::avx2:
      return "x86-64-v3";
    case Level::avx512:
      return "x86-64-v4";
  }
  throw InternalError("llvm_cpu: not a level: " + std::to_string(static_cast<int>(level)));
}

Level detected_level() {
  static const Level detected = detect_level();
  return detected;
}

Level level() {
  static const Level chosen = choose_level();
  return chosen;
}

bool level_is_forced() { return environment::cpu_level().has_value(); }

std::string brand() { return read_brand(); }

std::vector<std::string_view> feature_names() {
  std::vector<std::string_view> names;
  for (const Feature& feature : features()) {
    if (feature.usable) names.push_back(feature.name);
  }
  return names;
}

}  // namespace rill::cpu
