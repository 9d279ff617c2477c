/// Random programs over tensors, for tests that run one program in several ways.
/// Invariant: the program and its operands depend on the seed alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <rill/rill.h>

namespace rill {

/// What the program of this seed takes.
std::vector<Tensor> random_inputs(std::uint64_t seed);
/// The two variables that it reads and assigns, as they are at first.
std::vector<Variable> random_state(std::uint64_t seed);
/// The program: some dozen public operations of all kinds, random draws among them.
std::vector<Tensor> random_graph(std::uint64_t seed, std::span<const Tensor> inputs,
                                 std::span<const Variable> state);

}  // namespace rill
