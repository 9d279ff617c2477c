/// The reference interpreter, prepared once and run often: what emitters are compared with, and
/// what runs where no emitter is. Invariant: it computes what `program.h` says, bit for bit; how
/// many points it takes at a time changes nothing. Every access is checked: one outside its buffer
/// is reported as `Failure::bounds` and touches nothing.
#pragma once

#include <cstdint>
#include <memory>

#include <rill/kernel/program.h>
#include <rill/tensor/export.h>

namespace rill::kernel {

class Tapes;

/// A program made ready for interpretation. Safe to run from several threads at once.
class RILL_API Interpreter {
 public:
  /// Throws `InternalError` unless the program passes `check`.
  explicit Interpreter(const Program& program);

  /// Points of the outer axes: the product of their extents. Throws `InternalError` when it exceeds
  /// 63 bits.
  [[nodiscard]] std::int64_t points(const std::int64_t* sizes) const;

  /// Runs the points [begin, end), numbered in row-major order. Only `buffers`, `sizes`,
  /// `parameters` and `failure` of the arguments are used. A program with stores that are not
  /// unique, or with closing stages, must run in one piece.
  void run(const KernelArguments& arguments, std::int64_t begin, std::int64_t end) const;

 private:
  class Run;
  std::shared_ptr<const Tapes> tapes_;
};

}  // namespace rill::kernel
