/// A program cut into lists of expressions, for an interpreter that computes one expression at a
/// time for many points: what is computed once per launch, once per point of a stage, once per
/// element of a fold. Invariant: a list holds operands before what uses them, and nothing that a
/// list around it holds already.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/program.h>

namespace rill::kernel {

/// Lists of expressions to compute, in order.
using Tape = std::vector<Id>;

struct FoldTape {
  Id fold;
  Tape before;   ///< what init and step need of the stage's points
  Tape element;  ///< what changes with the elements
  Tape merge;
  Tape invariants;                              ///< the stage's values that `element` reads
  std::array<std::vector<Id>, 2> accumulators;  ///< the leaves that stand for them: left, right
  bool swaps = false;  ///< a step or merge is an accumulator itself, so results must be set aside
                       ///< before they are kept
};

struct StageTape {
  std::vector<FoldTape> folds;
  Tape after;             ///< what checks and stores need
  Tape each;              ///< after a scan: what changes with its elements
  Tape start;             ///< of a closing stage: what the inits need
  bool in_order = false;  ///< several stores may meet one element
};

/// a * b; throws `InternalError` when it overflows.
std::int64_t product_of_extents(std::int64_t a, std::int64_t b);

class Tapes {
 public:
  /// Throws `InternalError` unless the program passes `check`.
  explicit Tapes(const Program& from);

  /// Bytes of an expression's elements.
  [[nodiscard]] std::size_t width(Id expr) const { return size_of(program.exprs[expr].type); }
  /// Points of the outer axes.
  [[nodiscard]] std::int64_t points(const std::int64_t* sizes) const;

  const Program program;
  std::vector<Operation> operations;  ///< of expressions with operands
  std::vector<bool> uniform;          ///< the same at every point of a launch
  Tape once;                          ///< the uniform ones
  std::vector<bool> per_point;        ///< folds with one result per point of the outer axes
  std::vector<StageTape> stages;
  std::vector<StageTape> closing;
  bool point_by_point = false;  ///< stores of several stages or scan elements may meet one element

 private:
  [[nodiscard]] std::vector<Id> operands(Id id) const;
  [[nodiscard]] Tape needed(std::span<const Id> roots, const std::vector<bool>& done) const;
  Tape split_off(Tape& tape, Id fold, bool result) const;
  [[nodiscard]] FoldTape prepare_fold(Id id, std::vector<bool>& done) const;
  [[nodiscard]] StageTape prepare(const Stage& stage) const;
  [[nodiscard]] StageTape prepare_closing(const Stage& stage) const;

  Tape shape_;  ///< what the extents of the outer axes need
};

}  // namespace rill::kernel
