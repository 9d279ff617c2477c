// By what a scope remembers a value.
#pragma once

#include <cstdint>

namespace rill::cpu::llvm_emitter {

enum class Key : std::uint8_t {
  value,       ///< of an expression
  lane_zero,   ///< of an expression, in lane 0
  splat,       ///< of an expression, the same in every lane
  active,      ///< which lanes are in use
  buffer,      ///< where it begins
  extent,      ///< of an axis
  pointer,     ///< of an access, its first terms
  after_rows,  ///< of scratch
  closing,     ///< bytes of closing accumulators before those of a fold
};

/// `point` tells apart what several points, whose loops are one, know by the same name.
constexpr std::uint64_t key_of(Key kind, std::uint32_t id, std::uint32_t part = 0,
                               unsigned point = 0) {
  return std::uint64_t{point} << 60U | std::uint64_t{static_cast<std::uint8_t>(kind)} << 56U |
         std::uint64_t{part} << 32U | id;
}

}  // namespace rill::cpu::llvm_emitter
