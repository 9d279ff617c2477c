/// `check`: a condition that the program asserts. Invariant: a trace asserts it too, in its place:
/// what stands before a check that fails has happened, what stands behind it has not.
#pragma once

#include <string_view>

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>

namespace rill {

/// Throws `ValueError` with the message unless every element of `ok` (bool, any shape) is true; no
/// elements are all true. Throws `DTypeError` for another dtype. Listeners hear of it before the
/// elements are looked at, and of nothing else.
///
///     check(isfinite(loss), "the loss is finite");
RILL_API void check(const Operand& ok, std::string_view message);

}  // namespace rill
