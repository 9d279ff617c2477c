/// What makes a function be recorded again and again, for people who wonder why it is slow.
/// Invariant: says nothing before there is a pattern.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <rill/tensor/tensor.h>
#include <rill/trace/function.h>
#include <rill/trace/structure.h>

namespace rill {

/// What a function was recorded for before.
struct Recorded {
  const Function& function;
  const detail::LeafNames& names;
};

/// The argument that differs from those of the recordings `before`, the last of which comes first,
/// and what to do about it; nothing while the recording that follows, the `number`th, need not
/// worry anybody. `relaxes`: sizes that differ become unknown by themselves.
std::optional<std::string> retracing_cause(std::span<const Recorded> before, int number,
                                           const detail::LeafNames& now,
                                           std::span<const Tensor* const> tensors, bool relaxes);

}  // namespace rill
