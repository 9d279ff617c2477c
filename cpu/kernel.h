// A kernel program made runnable on the CPU.
//
// What can be decided from the program alone (which axis becomes vector lanes) is decided once;
// what depends on sizes (one thread or several, a long reduction in blocks, who owns which part of
// a scatter's destination) at each launch. None of it changes a result. Invariant: an object is
// immutable to its users; code for each way to run it is compiled when that is first needed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <rill/cpu/code_cache.h>
#include <rill/kernel/backend.h>
#include <rill/kernel/dependence.h>
#include <rill/kernel/interpret.h>
#include <rill/kernel/program.h>
#include <rill/kernel/schedule.h>

namespace rill::cpu {

class Kernel {
 public:
  /// The kernel of a program. Programs that are equal give one kernel. Throws `InternalError`
  /// unless the program passes `kernel::check`.
  static std::shared_ptr<const Kernel> prepare(const kernel::Program& program);

  explicit Kernel(kernel::Program program);

  /// Runs all points of the outer axes, on as many threads as are worth it. Safe from several
  /// threads at once.
  kernel::Failure execute(std::byte* const* buffers, const std::int64_t* sizes,
                          const std::uint64_t* parameters) const;

  /// What launches of these sizes come to. The code that they run is compiled by then, if their
  /// buffers begin at multiples of 64 bytes.
  [[nodiscard]] kernel::Measure measure(const std::int64_t* sizes) const;
  /// `execute`, with what `measure` said of the sizes.
  kernel::Failure execute(const kernel::Measure& measure, std::byte* const* buffers,
                          const std::int64_t* sizes, const std::uint64_t* parameters) const;

  /// Many launches as one piece of work, none of which reads what another writes.
  kernel::Failure execute(std::span<const kernel::Operands> launches) const;

  /// Generated code that the calling thread may run by itself over [0, points), without scratch;
  /// null where the program has rows, checks, folds or closing stages, or where there is no
  /// emitter.
  [[nodiscard]] kernel::KernelFunction direct() const;

  [[nodiscard]] const kernel::Program& program() const { return program_; }

 private:
  /// One way to run the program.
  struct Variant {
    kernel::Schedule schedule;
    std::once_flag once;
    std::shared_ptr<const Code> code;
  };
  /// Work below this stays on the calling thread; a piece for another thread is about as large.
  static constexpr double piece_nanoseconds = 4000;

  /// Of sizes: what they come to, and where the buffers are, if that is known already.
  struct Launch {
    Launch(const Kernel& kernel, const std::int64_t* launch_sizes)
        : sizes(launch_sizes),
          points(kernel.product(kernel.program_.list(kernel.program_.outer), launch_sizes)),
          per_point(kernel.nanoseconds_per_point(launch_sizes)),
          work(per_point * static_cast<double>(points)) {}

    std::byte* const* buffers = nullptr;
    const std::int64_t* sizes;
    const std::uint64_t* parameters = nullptr;
    std::int64_t points;
    double per_point;  ///< nanoseconds
    double work;       ///< nanoseconds

    /// Too little for more than the calling thread.
    [[nodiscard]] bool by_caller() const { return work < 2 * piece_nanoseconds; }
  };
  /// What calls of the generated code count, and how much of it makes a piece for a thread.
  struct Parts {
    std::int64_t count;
    std::int64_t grain;
  };
  using Strides = std::vector<std::pair<kernel::Id, std::int64_t>>;

  const Code* code(Variant& variant) const;
  Variant& best_variant(const Launch& launch) const;
  const Kernel* specialised(const Launch& launch) const;
  bool bypasses_caches(const Launch& launch) const;
  bool read_far(std::span<const kernel::Id> loads, const std::int64_t* sizes) const;
  bool takes_turns(const std::int64_t* sizes) const;
  std::int64_t value(kernel::Id expr, const std::int64_t* sizes) const;
  std::int64_t product(std::span<const kernel::Id> axes, const std::int64_t* sizes) const;
  double nanoseconds_per_point(const std::int64_t* sizes) const;
  std::size_t scratch_bytes(const Code& code, const std::int64_t* sizes) const;
  void interpret(std::byte* const* buffers, const std::int64_t* sizes,
                 const std::uint64_t* parameters, kernel::Failure& failure) const;
  /// The earlier of two failures.
  static void join(kernel::Failure& all, const kernel::Failure& one);

  // ---- kernel_parts.cpp -----------------------------------------------------------------------
  [[nodiscard]] std::size_t closing_bytes(const std::int64_t* sizes) const;
  void run_split(const Launch& launch, const Code& code, kernel::Failure& failure) const;
  void run_chunks(const Launch& launch, const Code& code, kernel::Failure& failure) const;
  void run_parts(const Launch& launch, const Code& code, Parts parts, std::size_t partial_bytes,
                 std::int64_t finished, kernel::Failure& failure) const;

  kernel::Program program_;
  std::array<std::uint64_t, 2> fingerprint_{};
  std::vector<kernel::Cost> costs_;
  bool splits_ = false;
  bool closes_ = false;
  bool shared_stores_ = false;
  bool may_be_owned_ = false;
  bool outer_lanes_ = false;
  bool pointwise_ = false;
  mutable std::once_flag interpreted_;
  mutable std::optional<kernel::Interpreter> interpreter_;  ///< where there is no emitter
  std::vector<kernel::Id> stride_sizes_;  ///< numbers of the sizes that are strides
  bool tiles_ = false;
  bool interleaves_ = false;
  /// Of rows that are worth asking for early where the caches do not hold them.
  std::vector<kernel::Id> prefetched_loads_;
  std::vector<kernel::Id> prefetched_loads_owned_;
  mutable Variant points_;
  mutable Variant points_bypassing_;  ///< with stores that bypass the caches
  mutable Variant points_prefetching_;
  mutable Variant points_prefetching_bypassing_;
  mutable Variant points_interleaved_;  ///< with reductions of several points in one loop
  mutable Variant split_;
  mutable Variant owned_;
  mutable Variant owned_prefetching_;
  mutable Variant tiled_;
  mutable Variant tiled_bypassing_;
  mutable std::mutex mutex_;
  mutable std::vector<std::pair<Strides, std::shared_ptr<const Kernel>>> specialised_;
};

}  // namespace rill::cpu
