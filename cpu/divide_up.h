// How many pieces of one size a whole is cut into, the last of which may be smaller.
#pragma once

#include <cstdint>

namespace rill::cpu {

/// a / b rounded up, of a >= 0 and b > 0 whose sum fits.
constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace rill::cpu
