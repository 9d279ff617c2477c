/// Walking a recording backwards: from the gradients of targets to those of sources.
/// Invariant: contributions to one gradient are added in reverse order of recording, one after the
/// other (numerics contract, rule 3); every operation on the way is a public one, so whoever
/// listens sees it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <rill/autograd/recording.h>
#include <rill/tensor/tensor.h>

namespace rill::detail {

/// Where gradients start: the gradient that flows into a slot.
struct Seed {
  std::uint32_t slot;
  Tensor gradient;
};

/// The gradients of `sources` (slots, or `Recording::none`), undefined where nothing flows. With
/// `consume`, values are let go as soon as no earlier operation needs them. Errors of an operator's
/// rule name the operator and the line where it was called, others `where`.
std::vector<Tensor> replay(Recording& recording, std::vector<Seed> seeds,
                           std::span<const std::uint32_t> sources, bool consume, Where where);

}  // namespace rill::detail
