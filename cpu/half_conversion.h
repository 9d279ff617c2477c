// Arrays of 16-bit floating-point numbers to float and back.
//
// Invariant: every level gives the values that Half and BFloat16 give one by one (NaN payloads
// aside).
#pragma once

#include <cstdint>

#include <rill/cpu/features.h>
#include <rill/tensor/half.h>

namespace rill::cpu {

/// Exact.
void widen(const Half* from, float* to, std::int64_t count, Level level);
void widen(const BFloat16* from, float* to, std::int64_t count, Level level);

/// Rounds to nearest even.
void narrow(const float* from, Half* to, std::int64_t count, Level level);
void narrow(const float* from, BFloat16* to, std::int64_t count, Level level);

}  // namespace rill::cpu
