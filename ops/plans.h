/// Plans of libraries (products, convolutions, sorting), prepared once per shape and kept.
/// Invariant: the cache is bounded, and least recently used plans go first; a plan in use lives on.
#pragma once

#include <memory>
#include <span>

#include <rill/kernel/backend.h>
#include <rill/ops/attributes.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>

namespace rill {

/// The plan of a library operator for these inputs.
std::shared_ptr<const kernel::Plan> plan_for(const Op& op, const Attributes& attributes,
                                             std::span<const Spec> inputs,
                                             std::span<const Spec> outputs, Device device);

}  // namespace rill
