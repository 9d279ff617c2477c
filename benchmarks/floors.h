// What the machine itself can do: move bytes, multiply and add, hand out small blocks of memory.
//
// Invariant: floors use as many threads as rill does, the row's own number of bytes, and huge
// pages.
#pragma once

#include <cstddef>
#include <vector>

#include "row.h"

namespace rill::bench {

/// Reading so many bytes once and writing so many once, with plain and with non-temporal stores.
std::vector<Floor> streaming(std::size_t bytes_read, std::size_t bytes_written);

/// The time of so many floating point operations (a multiply-add is two) at the peak that a loop in
/// registers reaches, in float32.
Floor multiply_adds(double operations);

/// Four additions into each of `results` blocks from malloc, which are freed again.
Floor small_results(int results);

}  // namespace rill::bench
