// Which instructions this processor, and this process, may use.
//
// What is generated, compiled or chosen for an instruction set (kernels, oneDNN, OpenBLAS, the
// blocks of a product) asks here and nowhere else, so that one variable, RILL_CPU, changes all of
// it. Only Highway's sort chooses for itself: its results are the same at every level.
//
// Invariant: `level()` never changes within a process, and never exceeds what the processor and
// the kernel support.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rill::cpu {

/// An instruction set that rill knows how to use, weakest first.
enum class Level : std::uint8_t {
  baseline,  ///< what every x86-64 has (SSE2); on other processors, whatever the compiler assumes
  avx2,      ///< x86-64-v3: AVX2, FMA, F16C, BMI
  avx512,    ///< x86-64-v4: AVX-512 F, BW, CD, DQ, VL
};

inline constexpr std::array levels{Level::baseline, Level::avx2, Level::avx512};

/// "baseline", "avx2" or "avx512": the spelling that RILL_CPU takes.
std::string_view name_of(Level level);

/// The name by which LLVM knows the processors of a level: "x86-64", "x86-64-v3" or "x86-64-v4".
std::string_view llvm_cpu(Level level);

/// The highest level that processor and operating system support (wide registers must be saved on a
/// task switch).
Level detected_level();

/// The level in use: the detected one, or the one that RILL_CPU names.
/// Throws ValueError if RILL_CPU names no level, or one that this machine lacks.
Level level();

/// Whether RILL_CPU chose `level()`.
bool level_is_forced();

/// The processor's own name, for example "Intel(R) Xeon(R) Platinum 8581C CPU @ 2.10GHz"; "unknown"
/// where it has none.
std::string brand();

/// The instruction set extensions that matter to numerical code and are usable here, for example
/// {"sse4.2", "avx", ...}.
std::vector<std::string_view> feature_names();

}  // namespace rill::cpu
