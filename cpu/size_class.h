// The block sizes that the allocator hands out.
//
// A freed block serves any later request of its class, so few classes mean much reuse and many
// mean little waste. Small blocks are multiples of 64 bytes; larger ones have four sizes per
// doubling, each with a little room on top, because a tensor of 2^k bytes asks for its header too
// and would else land in the next class.
//
// Invariant: a class is a pure function of the size asked for, so no block needs a header of its
// own.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace rill::cpu {

inline constexpr std::size_t block_alignment = 64;
inline constexpr std::size_t header_room = 256;
inline constexpr std::size_t small_block = 4096 + block_alignment;  ///< the largest small block
inline constexpr std::size_t large_block = std::size_t{2}
                                           << 20U;  ///< from here on a block is mapped by itself
inline constexpr std::size_t small_classes = small_block / block_alignment + 1;
inline constexpr std::size_t size_classes = small_classes + 1 + 4 * 50;
/// The largest size that has a class, far beyond any machine's memory.
inline constexpr std::size_t largest_block = (std::size_t{1} << 62U) + header_room;

/// The class of a request, for bytes <= largest_block. Class 0 serves requests of no bytes.
constexpr std::size_t class_of(std::size_t bytes) {
  if (bytes <= small_block) return (bytes + block_alignment - 1) / block_alignment;
  if (bytes <= small_block + header_room) return small_classes;
  const std::size_t last = bytes - header_room - 1;
  const auto doubling = static_cast<unsigned>(std::bit_width(last)) - 1;  // at least 12
  const std::size_t quarter = (last >> (doubling - 2)) & 3U;
  return small_classes + 1 + (doubling - 12) * 4 + quarter;
}

/// The size of a class's blocks.
constexpr std::size_t block_bytes(std::size_t size_class) {
  if (size_class == 0) return block_alignment;
  if (size_class < small_classes) return size_class * block_alignment;
  if (size_class == small_classes) return small_block + header_room;
  const std::size_t step = size_class - small_classes - 1;
  const std::size_t doubling = step / 4 + 12;
  return ((4 + step % 4 + 1) << (doubling - 2)) + header_room;
}

}  // namespace rill::cpu
