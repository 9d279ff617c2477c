/// `Member`: a node of a function as loops: what fusion looks at.
/// Invariant: depends on dtypes, shapes and attributes only.
#pragma once

#include <memory>
#include <vector>

#include <rill/ops/lowered.h>
#include <rill/tensor/axes.h>
#include <rill/tensor/shape.h>
#include <rill/trace/function.h>

namespace rill {

struct Member {
  std::shared_ptr<const Lowered> lowered;  ///< null: no loops, but a library, a view of state ...
  Shape domain;                            ///< what the loops walk over
  Axes row;              ///< axes of the domain that are walked inside a point; empty: pointwise
  bool places = false;   ///< each result element is written once, at its point
  bool checks = false;   ///< may fail
  bool windows = false;  ///< has loops besides those of its domain
  bool scans = false;
  int operations = 0;              ///< per point, about
  std::vector<int> starts;         ///< of each result, what it holds before: as `Spec::start`
  std::vector<int> domain_axis;    ///< of each axis of the program, -1 for a loop of its own
  std::vector<int> launch_buffer;  ///< of each buffer of the program, -1 for rows
  std::vector<int> store_of;       ///< of each result, its store; -1 without one
};

Member member_of(const Function& function, int node);

}  // namespace rill
