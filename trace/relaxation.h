/// Which sizes of a recording become unknown, so that it takes other tensors too.
/// Invariant: dtypes, ranks and the sizes in which both agree stay as they are.
#pragma once

#include <cstddef>
#include <span>

#include <rill/trace/function.h>
#include <rill/trace/signatures.h>

namespace rill {

const Spec& input_spec(const Function& record, std::size_t input);

/// Whether the inputs have these dtypes and ranks.
bool alike(const Function& record, std::span<const TensorSpec> inputs);
/// Whether they are alike, the same sizes are unknown, and the others equal.
bool as_open(const Function& record, std::span<const TensorSpec> inputs);
/// Makes the sizes unknown in which inputs that are alike differ from the recording's.
void open_differences(const Function& record, std::span<TensorSpec> inputs);

}  // namespace rill
