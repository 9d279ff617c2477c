/// What each code of the kernel language computes, element by element. The builder folds constants
/// with it, the checker learns from it which types a code takes, and the interpreter runs it over
/// blocks of elements. Invariant: this is the one place that gives arithmetic its meaning; it is
/// compiled without contraction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <rill/kernel/program.h>

namespace rill::kernel {

/// Computes `count` elements: `out[i] = code(args[0][i], ...)`. All arrays hold elements of the
/// types asked for (a bool is a byte, 0 or 1), are aligned to them and may not overlap, except that
/// `out` may be one of `args` of its own type.
using Operation = void (*)(std::byte* out, const std::byte* const* args, std::size_t count);

/// The operation of `code` on operands of type `operand` (of a select: the two choices) that gives
/// `result`; null when the language has none. Leaves (constant, load, ...) have none.
Operation operation(Code code, DType operand, DType result);

/// How an element that a store meets joins the stored one: `add` of float16 rounds once to float16.
/// Null for `Store::Mode::set`, and for bool.
Operation combination(Store::Mode mode, DType type);

/// How many operands a code has.
std::uint8_t arity(Code code);

/// `add`, `shift_left`: the names of the enumeration.
std::string_view name(Code code);

}  // namespace rill::kernel
