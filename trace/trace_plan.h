/// `TracePlan`: a function made ready for known sizes: a flat list of steps over numbered places in
/// memory. Invariant: plain data; whoever runs the steps in order has run the function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/fuse.h>

namespace rill {

/// Of a value whose sizes are known.
inline std::size_t bytes_of(const Spec& spec) {
  return static_cast<std::size_t>(spec.shape.size().value()) * size_of(spec.dtype);
}

/// Where a value is while a function runs.
struct Place {
  enum class Kind : std::uint8_t {
    argument,  ///< the caller's
    constant,  ///< of the function
    owned,     ///< a tensor made during the run: a result, or what leaves the arena
    arena,     ///< at `offset` of the run's own block
    variable,  ///< a variable's: what it holds, or will hold, all the time
    part,      ///< at `offset` of an owned place
  };
  Kind kind = Kind::owned;
  std::size_t number = 0;  ///< argument, constant, owned or variable: which; part: the place
  std::size_t offset = 0;  ///< arena and part: in bytes
};

/// A kernel on one set of operands.
struct Launch {
  struct Buffer {
    std::size_t place;
    std::ptrdiff_t offset;  ///< of its first element, in bytes
  };
  struct Start {  ///< what an output holds before the kernel writes to it
    std::size_t place;
    std::size_t bytes;
    std::ptrdiff_t from;  ///< a place, or -1: zeros
  };
  std::vector<Buffer> buffers;
  std::vector<std::int64_t> sizes;
  std::vector<std::uint64_t> parameters;
  std::ptrdiff_t given = -1;  ///< where its parameters begin among those that calls give, or -1
  kernel::Measure measure;
  std::vector<Start> starts;
  std::size_t group;  ///< whose kernel it is
};

/// Groups that differ in operands and sizes only run as one piece of work.
struct KernelStep {
  std::shared_ptr<const kernel::Executable> executable;
  std::vector<Launch> launches;
};

struct LibraryStep {
  std::shared_ptr<const kernel::Plan> plan;
  int node;
  std::vector<std::size_t> inputs;                    ///< places
  std::vector<std::size_t> outputs;                   ///< places
  std::size_t workspace;                              ///< a place
  std::optional<KernelStep> epilogue = std::nullopt;  ///< one launch, over output 0
  bool needed = true;                                 ///< its result, by others than the epilogue
};

/// The value of a variable that is assigned later, or was before.
struct ReadStep {
  std::size_t variable;
  std::size_t place;
};
struct AssignStep {
  std::size_t variable;
  std::size_t place;  ///< of the value; the variable's own where a kernel wrote over the old one
  int node;
};

/// Anything else, as it is done eagerly.
struct NodeStep {
  int node;
};

using Step = std::variant<KernelStep, LibraryStep, ReadStep, AssignStep, NodeStep>;

/// Several neighbouring steps that run side by side, on as many threads as there are.
struct Stage {
  std::size_t first = 0;  ///< step
  std::size_t steps = 2;
  std::size_t grain = 1;          ///< how many steps are worth another thread
  std::vector<std::size_t> made;  ///< owned places that its steps write to
};

/// The parameters of kernels that take numbers among the arguments: `values` with the arguments'
/// bits in the places of `numbers`.
struct GivenParameters {
  struct Number {
    std::size_t at;
    std::size_t argument;
    DType dtype;
  };
  std::vector<std::uint64_t> values;
  std::vector<Number> numbers;
};

/// A variable that the function reads or assigns. A call holds it all the time: shared, or
/// exclusively where it assigns.
struct VariableUse {
  Variable variable;
  bool assigned = false;
  bool in_place = false;  ///< assigned by a kernel that writes over the old value
};

/// What a call returns. Values that differed when the function was recorded have ids that differ,
/// wherever passes have found them to be equal.
struct PlanResult {
  enum class Kind : std::uint8_t {
    place,     ///< what stands at a place
    apart,     ///< the same under an id of its own
    argument,  ///< the caller's tensor itself
    again,     ///< an earlier result
  };
  Kind kind = Kind::place;
  std::size_t number = 0;  ///< of the place, argument or result
};

/// What makes a stage, in seconds as `trace/step_cost.h` estimates them.
struct StageLimits {
  double step = 4e-6;    ///< a step that takes longer is cut up for all threads by itself
  double others = 3e-6;  ///< at least, of all its steps but the longest
  double piece = 1e-6;   ///< what is given to a thread at once
};

struct TracePlan {
  std::shared_ptr<const Function> function;
  std::vector<Group> groups;
  std::vector<Step> steps;
  std::vector<Stage> stages;  ///< in the order of the steps, of which most are in none
  std::vector<Place> places;
  std::vector<std::vector<std::ptrdiff_t>> place_of;  ///< by node and result; -1: nowhere
  std::vector<PlanResult> results;
  std::vector<Spec> owned;             ///< by number
  std::vector<Tensor> constants;       ///< by number
  std::vector<VariableUse> variables;  ///< by number: in the order of their ids
  GivenParameters given;
  std::size_t arena = 0;  ///< bytes of values that live during a run

  [[nodiscard]] const Node& node(int number) const {
    return function->nodes[static_cast<std::size_t>(number)];
  }
  [[nodiscard]] const Spec& spec(const Edge& edge) const {
    return node(edge.node).results[static_cast<std::size_t>(edge.result)];
  }
};

}  // namespace rill
