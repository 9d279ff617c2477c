// Sums of whole buffers, in an order that depends on their number alone.
#pragma once

#include <cstdint>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/thread_pool.h>

namespace rill::cpu {

/// Adds the buffers 1 .. count - 1 to buffer 0 by a binary tree, element by element; they lie
/// `distance` elements apart.
inline void add_buffers(float* buffers, std::int64_t distance, std::int64_t count) {
  constexpr std::int64_t grain = 16384;
  parallel_for(distance, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t left = count; left > 1;) {
      const std::int64_t half = divide_up(left, 2);
      for (std::int64_t i = 0; i + half < left; ++i) {
        float* const to = buffers + i * distance;
        const float* const from = buffers + (i + half) * distance;
        for (std::int64_t e = begin; e < end; ++e) to[e] += from[e];
      }
      left = half;
    }
  });
}

}  // namespace rill::cpu
