/// An operator's inputs by number.
/// Invariant: a number beyond them is the user's `ValueError`: a graph from a file may give an
/// operator fewer inputs than it looks at.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill {

/// `inputs[k]`. Throws `ValueError`: `takes more than 1 input`.
template <class T>
const T& input_of(std::span<const T> inputs, int k) {
  if (k < 0 || static_cast<std::size_t>(k) >= inputs.size()) {
    throw detail::UnnamedError<ValueError>("takes more than " + std::to_string(inputs.size()) +
                                           (inputs.size() == 1 ? " input" : " inputs"));
  }
  return inputs[static_cast<std::size_t>(k)];
}

}  // namespace rill
