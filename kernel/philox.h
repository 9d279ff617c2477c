/// Philox4x32-10, the counter-based generator behind every random operator: Salmon, Moraes, Dror
/// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. Invariant: four words are a
/// pure function of (seed, element, draw), so a draw is the same whatever computes it, in whatever
/// order (numerics contract, rule 7).
#pragma once

#include <array>
#include <cstdint>

#include <rill/kernel/builder.h>
#include <rill/tensor/export.h>

namespace rill::kernel {

/// Four uint32 words from the key `seed` and the counter (`element`, `draw`), all three uint64.
///
///     auto words = philox(seed, cast(b.index(i), uint64), draw);
///     Value u = uniform_float32(words[0]);
RILL_API std::array<Value, 4> philox(const Value& seed, const Value& element, const Value& draw);
/// The same on the host.
RILL_API std::array<std::uint32_t, 4> philox(std::uint64_t seed, std::uint64_t element,
                                             std::uint64_t draw);

/// float32 in [0, 1), from the upper 24 bits of a uint32 word: every value is a multiple of 2^-24.
RILL_API Value uniform_float32(const Value& word);
/// float64 in [0, 1), from 53 bits of two words, `high` the more significant: every value is a
/// multiple of 2^-53.
RILL_API Value uniform_float64(const Value& high, const Value& low);

/// Two independent standard normal float32 values, by Box and Muller: r cos t and r sin t, r =
/// sqrt(-2 log u), t = 2 pi v, where u in (0, 1] comes from all of the word `radius` (so r
/// reaches 6.7) and v in [0, 1) from the upper 24 bits of `angle`.
RILL_API std::array<Value, 2> normal_float32(const Value& radius, const Value& angle);
/// The same in float64 from four words: u from the first two (r reaches 8.7), v from the last two.
RILL_API std::array<Value, 2> normal_float64(const std::array<Value, 4>& words);

}  // namespace rill::kernel
