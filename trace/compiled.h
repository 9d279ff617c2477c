/// `Compiled`: a function made ready: a flat list of steps over numbered places in memory.
/// Invariant: running it gives the bits that the function's nodes give one by one, and leaves the
/// same state behind, also when it fails.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <rill/kernel/backend.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/function.h>
#include <rill/trace/fusion/fuse.h>

namespace rill {

/// Where a value is while a function runs.
struct Place {
  enum class Kind : std::uint8_t {
    argument,  ///< the caller's
    constant,  ///< of the function
    owned,     ///< a tensor made during the run: a result, or what leaves the arena
    arena,     ///< at `offset` of the run's own block
  };
  Kind kind = Kind::owned;
  std::size_t number = 0;  ///< argument, constant or owned: which
  std::size_t offset = 0;  ///< arena: in bytes
};

class Compiled {
 public:
  explicit Compiled(std::shared_ptr<const Function> function);
  [[nodiscard]] std::vector<Tensor> run(std::span<const Tensor> arguments) const;

  /// Bytes of values that live only during a run.
  [[nodiscard]] std::size_t arena_bytes() const { return arena_; }
  [[nodiscard]] std::span<const Group> groups() const { return groups_; }
  /// One line per step: what runs at once.
  [[nodiscard]] std::string text() const;

 private:
  class Compilation;
  class Run;
  struct Workspace;

  /// A kernel on one set of operands.
  struct Launch {
    struct Buffer {
      std::size_t place;
      std::ptrdiff_t offset;  // in bytes
    };
    std::vector<Buffer> buffers;
    std::vector<std::int64_t> sizes;
    std::vector<std::uint64_t> parameters;
    kernel::Measure measure;
    struct Start {  // what an output holds before the kernel writes to it
      std::size_t place;
      std::size_t bytes;
      std::ptrdiff_t from;  // a place, or -1: zeros
    };
    std::vector<Start> starts;
    std::size_t group;
  };
  /// Groups that differ in operands and sizes only run as one piece of work.
  struct KernelStep {
    std::shared_ptr<const kernel::Executable> executable;
    std::vector<Launch> launches;
  };
  struct LibraryStep {
    std::shared_ptr<const kernel::Plan> plan;
    std::vector<std::size_t> inputs;
    std::vector<std::size_t> outputs;
    std::size_t workspace;  // a place
  };
  struct NodeStep {  // anything else, as it is done eagerly
    int node;
  };
  using Step = std::variant<KernelStep, LibraryStep, NodeStep>;

  std::shared_ptr<const Function> function_;
  std::vector<Group> groups_;
  std::vector<Step> steps_;
  std::vector<Place> places_;
  std::vector<std::vector<std::ptrdiff_t>> place_of_;  // by node and result; -1: nowhere
  std::vector<Spec> owned_;                            // by number
  std::vector<Tensor> constants_;
  std::size_t arena_ = 0;
};

}  // namespace rill
