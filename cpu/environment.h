// The environment variables that steer rill, read and checked in one place.
//
// A misspelt value is a mistake that the user wants to hear of, so nothing is guessed: a value is
// either understood or a ValueError that names the variable, the value and the rule. A variable
// that is unset or empty counts as absent.
//
// Invariant: reading never changes the environment, and every variable of rill's own is listed
// below and, for users, in docs/environment.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <rill/cpu/features.h>

namespace rill::cpu::environment {

/// RILL_THREADS: how many threads compute, 1 to 1024. Default: the processors available to the
/// process.
std::optional<int> threads();

/// RILL_CPU: the instruction set to use, "baseline", "avx2" or "avx512". Default: the best that the
/// machine has.
std::optional<Level> cpu_level();

/// RILL_CACHE_DIR: the folder of compiled kernels. Default: `rill` in the user's cache folder,
/// which is XDG_CACHE_HOME or else `.cache` in HOME.
std::optional<std::string> cache_dir();

/// RILL_MEMORY_LIMIT: the most bytes that tensors may take, for example "512M" or "4G". Default:
/// the machine's memory.
std::optional<std::size_t> memory_limit();

/// RILL_BOUNDS: 1 makes generated code check every access and the allocator guard every block.
/// Default: 0.
bool bounds();

/// RILL_LLVM_MODULE: the file of the module that compiles kernels; where there is no such file,
/// kernels are interpreted. Default: librill-llvm.so beside the library.
std::optional<std::string> llvm_module();

/// RILL_ONNX_MODULE: the file of the module that reads and writes ONNX. Default: librill-onnx.so
/// beside the library.
std::optional<std::string> onnx_module();

/// RILL_LOG: what to tell on the error stream: `kernels` tells of kernels that are interpreted for
/// they cannot be compiled, `passes` what was made of each traced function. Several are separated
/// by commas. Default: nothing.
bool logs(std::string_view topic);

/// Throws for the first variable that has a bad value, or names a level that this machine lacks.
/// The first tensor that takes memory asks, so that a mistake is heard of at once and not when the
/// variable happens to be needed.
void check();

// ---- The rules, as functions of a variable's name and its text ----------------------------------

/// The text of a variable; absent if it is unset or empty.
std::optional<std::string> text(const char* variable);

/// A decimal integer within [least, most], for example parse_integer("RILL_THREADS", "8", 1, 1024)
/// == 8.
std::int64_t parse_integer(std::string_view variable, std::string_view value, std::int64_t least,
                           std::int64_t most);

/// A positive number of bytes, with K, M, G or T for powers of 1024:
/// parse_bytes("RILL_MEMORY_LIMIT", "2K") == 2048.
std::size_t parse_bytes(std::string_view variable, std::string_view value);

/// "0" or "1".
bool parse_flag(std::string_view variable, std::string_view value);

/// The position of the value among the allowed ones: parse_choice("RILL_CPU", "avx2", {...}) == 1.
std::size_t parse_choice(std::string_view variable, std::string_view value,
                         std::span<const std::string_view> allowed);

}  // namespace rill::cpu::environment
