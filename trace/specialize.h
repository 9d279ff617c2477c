/// A function of unknown sizes, for given ones.
/// Invariant: the result is what recording with tensors of these sizes gives, or there is an error.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/trace/function.h>

namespace rill {

/// Unknown sizes by name.
using SizeValues = std::unordered_map<std::string, std::int64_t>;

/// What the unknown sizes of the inputs are for these shapes; nothing when they do not fit, or when
/// sizes are equal that the function took to be different.
std::optional<SizeValues> sizes_of(const Function& function, std::span<const Tensor* const> inputs);
/// The same for any values of a function, described by `specs`, whatever it took to be different.
std::optional<SizeValues> sizes_of(std::span<const Spec* const> specs,
                                   std::span<const Tensor* const> values);

/// The first pair that was found different and is equal for these sizes, or cannot be computed;
/// null where there is none.
const DifferentSizes::Pair* mistaken_pair(std::span<const DifferentSizes::Pair> different,
                                          const SizeValues& sizes);
/// What the unknown sizes in a pair are.
SizeValues sizes_in(const DifferentSizes::Pair& pair, const SizeValues& sizes);
/// The shape with these sizes in place of unknown ones.
Shape with_sizes(const Shape& shape, const SizeValues& sizes);

/// The first of the sizes that are equal and that the function took to be different, for people: `n
/// (axis 0 of x) is 1`; nothing where there are none.
std::optional<std::string> mistaken_size(const Function& function, const SizeValues& sizes);

/// Every rule runs again: throws what the eager call throws, and `ShapeError` naming two sizes that
/// are not equal and the operator that needs them to be. Of nodes that are not `needed`, sizes may
/// stay unknown; without a mark per node all are.
Function specialized(const Function& function, const SizeValues& sizes, Where where = {},
                     const std::vector<bool>& needed = {});

}  // namespace rill
