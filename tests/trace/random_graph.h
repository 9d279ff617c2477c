/// Random programs over tensors, for tests that run one program in several ways.
/// Invariant: a program and its operands depend on the seed alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <rill/rill.h>

namespace rill {

/// What the program of this seed takes.
std::vector<Tensor> random_inputs(std::uint64_t seed);
/// The two variables, `a` and `b`, that it reads and assigns, as they are at first.
std::vector<Variable> random_state(std::uint64_t seed);

/// Public operations of all kinds, random draws and assignments among them. Each makes one value of
/// those before it: the inputs come first.
struct RandomGraph {
  struct Operation {
    std::size_t step;  ///< its number in the table of random_graph.cpp
    std::size_t x, y;  ///< values; `y` where the step has two operands
    int axis;          ///< of `x`
  };
  std::uint64_t seed = 0;
  std::vector<Operation> operations;
  std::vector<std::size_t> results;  ///< values

  [[nodiscard]] std::vector<Tensor> run(std::span<const Tensor> inputs,
                                        std::span<const Variable> state) const;
  /// The program as C++.
  [[nodiscard]] std::string text() const;
  /// Without its operation `i`: its operand stands for what it made.
  [[nodiscard]] RandomGraph without(std::size_t i) const;
};

RandomGraph random_graph(std::uint64_t seed);

}  // namespace rill
