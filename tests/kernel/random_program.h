// Random kernel programs with random data: what an emitter is compared with the interpreter on.
//
// Between them the programs use every code and dtype, all kinds of folds, rows, guards, checks,
// store modes, and strides of 0, 1, -1 and others. Invariant: a seed gives the same program and
// data on every machine, and no program shows the payload or sign of a NaN, which the language
// leaves open.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <rill/kernel/program.h>

namespace rill::kernel {

struct RandomProgram {
  /// What a buffer of the launch lies in.
  struct Memory {
    DType type;
    std::vector<std::byte> bytes;
    std::size_t first = 0;  ///< where the buffer's first element lies
  };
  Program program;
  std::vector<std::int64_t> sizes;
  std::vector<std::uint64_t> parameters;
  std::vector<Memory> memories;  ///< in the program's order, rows left out
  std::int64_t points = 1;       ///< of the outer axes
};

RandomProgram random_program(std::uint64_t seed);

/// Where two memories differ other than by the payload of a NaN; empty when nowhere.
std::string difference(const RandomProgram::Memory& expected, const RandomProgram::Memory& got);

}  // namespace rill::kernel
