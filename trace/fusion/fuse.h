/// One kernel for a group of nodes: their loops share the group's axes, and what one node makes for
/// another is an expression instead of memory.
/// Invariant: each result has the bits that the nodes give one by one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <rill/kernel/program.h>
#include <rill/tensor/axes.h>
#include <rill/tensor/shape.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/member.h>

namespace rill {

/// Nodes that share loops.
struct Group {
  /// Kernels stay short to compile, and pointers fit the registers' neighbourhood.
  static constexpr std::size_t most_nodes = 96;
  static constexpr std::size_t most_operands = 40;

  Shape domain;
  Axes row;                  ///< axes of the domain walked inside a point; empty: pointwise
  std::vector<int> nodes;    ///< in program order
  std::vector<int> kept;     ///< of these, what is computed once per element and kept along the row
  std::vector<int> closing;  ///< of these, reductions over all axes but the row, and what follows
                             ///< them: they close the kernel
  std::vector<Edge> outputs;  ///< what others need
  /// Outputs that are written where another value has them, of which they are a part.
  struct Part {
    Edge output, whole;
    Shape first;  ///< where the part begins in the whole
  };
  std::vector<Part> parts;
  int operations = 0;  ///< for one element of the domain, about

  [[nodiscard]] bool closes(int node) const {
    return std::find(closing.begin(), closing.end(), node) != closing.end();
  }
};

struct FusedKernel {
  struct Buffer {
    bool output = false;
    std::size_t edge = 0;  ///< in `inputs` or in the group's `outputs`
    Dim offset = 0;        ///< of the buffer's first element, in elements
  };
  struct Parameter {
    Edge edge;  ///< of a number
    DType dtype = float32;
  };
  kernel::Program program;
  std::vector<Buffer> buffers;        ///< in the program's order
  std::vector<Edge> inputs;           ///< tensors, contiguous
  std::vector<Parameter> parameters;  ///< by number
  std::vector<Dim> sizes;             ///< by number
};

/// `members` has one entry per node of the function.
FusedKernel fuse(const Function& function, std::span<const Member> members, const Group& group);

}  // namespace rill
