/// The rewrite rules of arithmetic, as two tables: exact ones, and those that `fast_math` adds.
/// Invariant: an exact rule gives the same bits for every element there is; the tests try every
/// value of the half types.
///
/// A rule reads as it is written: letters are operands, n and m are numbers, p is a power of two
/// whose reciprocal is exact (`trace/passes/pattern.h`). It applies where the result keeps its
/// dtype and shape, and nothing on the way is converted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <rill/tensor/dtype.h>

namespace rill {

struct AlgebraRule {
  /// Of the result.
  enum Dtypes : std::uint8_t {
    floats = 1,
    signed_integers = 2,
    unsigned_integers = 4,
    booleans = 8,
    integers = signed_integers | unsigned_integers,
    with_sign = floats | signed_integers,
    numbers = floats | integers,
    any = numbers | booleans,
  };
  std::string_view from;
  std::string_view to;
  Dtypes dtypes = floats;

  [[nodiscard]] bool takes(DType dtype) const {
    const Dtypes kind = is_float(dtype)      ? floats
                        : dtype == bool_     ? booleans
                        : is_unsigned(dtype) ? unsigned_integers
                                             : signed_integers;
    return (dtypes & kind) != 0;
  }
};

std::span<const AlgebraRule> exact_rules();
std::span<const AlgebraRule> fast_math_rules();

}  // namespace rill
