/// What a device must be able to do: make a kernel program runnable, and plan the operators that
/// libraries do better. Invariant: every piece of work has two halves. Preparing looks at shapes
/// and dtypes, may compile and allocate; executing is given pointers and allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <rill/kernel/program.h>
#include <rill/tensor/device.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>

namespace rill::kernel {

/// What the sizes of a launch say, worked out once for all launches of these sizes.
struct Measure {
  std::int64_t points = 0;  ///< of the outer axes
  std::size_t scratch = 0;  ///< bytes for rows and accumulators
  bool by_caller = false;   ///< too little work for more than the calling thread
};

/// What one run of a kernel works on: buffers in the program's order, rows left out; sizes and
/// parameters by number.
struct Operands {
  std::byte* const* buffers = nullptr;
  const std::int64_t* sizes = nullptr;
  const std::uint64_t* parameters = nullptr;
};

/// A kernel program, ready to run on any sizes. Safe to execute from several threads at once.
class RILL_API Executable {
 public:
  Executable() = default;
  Executable(const Executable&) = delete;
  Executable& operator=(const Executable&) = delete;
  virtual ~Executable() = default;

  /// Runs all of it. `buffers` are the first elements in the program's order, rows left out;
  /// `sizes` and `parameters` are by number. Returns the earliest failed check, or none.
  virtual Failure execute(std::byte* const* buffers, const std::int64_t* sizes,
                          const std::uint64_t* parameters) const = 0;

  /// For `execute` of many launches of the same sizes.
  [[nodiscard]] virtual Measure measure(const std::int64_t* sizes) const = 0;
  /// The same as without a measure, sooner.
  virtual Failure execute(const Measure& measure, std::byte* const* buffers,
                          const std::int64_t* sizes, const std::uint64_t* parameters) const = 0;

  /// Many launches as one piece of work, none of which reads what another writes. Returns a failed
  /// check of the first launch that has one, or none.
  virtual Failure execute(std::span<const Operands> launches) const;

  /// Generated code that the calling thread may run by itself over [0, points) when the program has
  /// neither rows nor checks, by `run_direct`; null where there is none.
  [[nodiscard]] virtual KernelFunction direct() const { return nullptr; }
};

[[noreturn]] RILL_API void fail_bounds();
/// Of a program without checks: nothing else can fail, and that only where accesses are checked.
/// Throws `InternalError`.
inline void require_inside(const Failure& failure) {
  if (failure.error != 0) fail_bounds();
}

/// Runs what `Executable::direct` gave over some of the points. Throws `InternalError` for an
/// access outside a buffer, where those are checked.
inline void run_direct(KernelFunction run, const Operands& operands, std::int64_t begin,
                       std::int64_t end) {
  Failure failure;
  const KernelArguments arguments{operands.buffers, operands.sizes, operands.parameters,
                                  nullptr,          nullptr,        &failure};
  run(&arguments, begin, end);
  require_inside(failure);
}

/// A pointwise kernel over the elements of a plan's result, in their order: it is run on each part
/// of the result as soon as the part is there, while caches hold it. What it computes is what it
/// computes afterwards.
struct Epilogue {
  KernelFunction run = nullptr;  ///< an executable's `direct`
  Operands operands;

  void operator()(std::int64_t begin, std::int64_t end) const {
    run_direct(run, operands, begin, end);
  }
};

/// A library's operator, prepared for given shapes.
class RILL_API Plan {
 public:
  Plan() = default;
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  virtual ~Plan() = default;

  /// Bytes of scratch that `execute` needs, 64-byte aligned.
  [[nodiscard]] virtual std::size_t workspace() const { return 0; }
  /// Gives every element the bits that `other` gives it, though operands may be stored otherwise: a
  /// transposed matrix as it was before. False where nobody knows.
  [[nodiscard]] virtual bool same_bits_as(const Plan& other) const { return &other == this; }
  /// Inputs and outputs are contiguous.
  virtual void execute(std::span<const std::byte* const> inputs,
                       std::span<std::byte* const> outputs, std::byte* workspace) const = 0;

  /// Whether the result comes in parts, so that there is something to gain from an epilogue.
  [[nodiscard]] virtual bool takes_epilogue() const { return false; }
  /// `execute`, and the epilogue over the elements of output 0. It may write to that output, and to
  /// nothing else that the plan reads or writes. Throws `InternalError` unless `takes_epilogue()`.
  virtual void execute(std::span<const std::byte* const> inputs,
                       std::span<std::byte* const> outputs, std::byte* workspace,
                       const Epilogue& epilogue) const;
};

/// `batch` products of (m, k) by (k, n), row-major; a transposed operand is stored (k, m) or (n,
/// k).
struct MatmulShape {
  DType dtype = DType::float32;
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool broadcast_a = false, broadcast_b = false;  ///< one matrix for the whole batch
  friend bool operator==(const MatmulShape&, const MatmulShape&) = default;
};

/// A two-dimensional convolution: input (n, h, w, c), weights (kernel_h, kernel_w, c / groups,
/// out_c), output (n, out_h, out_w, out_c).
struct ConvolutionShape {
  DType dtype = DType::float32;
  std::int64_t n = 0, h = 0, w = 0, c = 0, out_h = 0, out_w = 0, out_c = 0, kernel_h = 0,
               kernel_w = 0;
  std::array<std::int64_t, 2> stride{1, 1}, dilation{1, 1}, pad_before{}, pad_after{};
  std::int64_t groups = 1;
  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};
enum class ConvolutionPass : std::uint8_t {
  forward,          ///< input, weights -> output
  input_gradient,   ///< output gradient, weights -> input gradient
  weight_gradient,  ///< input, output gradient -> weight gradient
};

/// Sorts the last axis of (rows, columns): ascending or descending, stable, NaN last.
struct ArgsortShape {
  DType dtype = DType::float32;
  std::int64_t rows = 0, columns = 0;
  bool descending = false;
  friend bool operator==(const ArgsortShape&, const ArgsortShape&) = default;
};

class RILL_API Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual std::shared_ptr<const Executable> prepare(const Program& program) = 0;
  virtual std::unique_ptr<const Plan> matmul(const MatmulShape& shape) = 0;
  virtual std::unique_ptr<const Plan> convolution(const ConvolutionShape& shape,
                                                  ConvolutionPass pass) = 0;
  /// int64 positions of the sorted elements.
  virtual std::unique_ptr<const Plan> argsort(const ArgsortShape& shape) = 0;
};

/// The device's backend. Throws `DeviceError` where there is none.
RILL_API Backend& backend(Device device);

}  // namespace rill::kernel
