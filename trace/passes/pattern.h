/// `Pattern`: the text of a rewrite rule as a tree of operators, values and numbers.
/// Invariant: every operator that a pattern names exists, and takes no attributes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <rill/ops/op.h>
#include <rill/tensor/scalar.h>

namespace rill {

///     parse_pattern("a * -b");              // multiply(a, negative(b))
///     parse_pattern("maximum(x, x) / 2");   // divide(maximum(x, x), 2)
struct Pattern {
  enum class Kind : std::uint8_t {
    op,      ///< an operator on patterns
    value,   ///< any operand, the same one wherever the letter stands: a letter but n, m and p
    number,  ///< a number, or a tensor whose elements are all the same one: n and m; p is a power
             ///< of two
    literal  ///< this very number, with this sign of zero
  };
  Kind kind = Kind::value;
  char name = 0;  ///< value, number: the letter
  Scalar literal;
  const Op* op = nullptr;
  std::vector<Pattern> operands;

  /// Made of numbers and literals only: a number itself where it replaces something.
  [[nodiscard]] bool is_number() const;
};

/// `+ - * /`, a minus in front, calls of operators by name, parentheses. Throws `InternalError` for
/// what is not understood.
Pattern parse_pattern(std::string_view text);

}  // namespace rill
