// oneDNN, behind one file: convolutions of a block of images.
//
// oneDNN's results depend on its number of threads, and its Winograd kernels need their own
// layout, so it is used as a maker of single-threaded kernels: rill cuts a convolution into blocks
// of images and calls one kernel per block.
//
// Invariant: every call computes on the calling thread, allocates nothing of size, and reads and
// writes plain NHWC activations; the weights' layout is the kernel's own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <rill/kernel/backend.h>

namespace rill::cpu::onednn {

/// The library's version and the instruction set it uses, for `rill info`, for example "2.6.3,
/// AVX-512 ...".
std::string information();

enum class Algorithm : std::uint8_t { direct, winograd };

/// One pass of a convolution over `shape.n` images of float32, for the level in use. Safe to use by
/// several threads at once, each with a scratch of its own.
class Convolution {
 public:
  /// Null if oneDNN has no optimised kernel for it.
  static std::unique_ptr<const Convolution> make(const kernel::ConvolutionShape& shape,
                                                 kernel::ConvolutionPass pass, Algorithm algorithm);

  Convolution(const Convolution&) = delete;
  Convolution& operator=(const Convolution&) = delete;
  ~Convolution();

  /// Bytes that the weights, or their gradient, take in the kernel's layout.
  [[nodiscard]] std::size_t weight_bytes() const;
  /// Whether both kernels have the same layout of weights.
  [[nodiscard]] bool shares_weights_with(const Convolution& other) const;
  /// Bytes that `run` needs, aligned to 64.
  [[nodiscard]] std::size_t scratch_bytes() const;

  /// Brings weights (kernel_h, kernel_w, c / groups, out_c) into the kernel's layout, and back.
  void pack_weights(const float* plain, void* packed) const;
  void unpack_weights(const void* packed, float* plain) const;

  /// Reads two of the three and writes the one that the pass computes: `input` (n, h, w, c),
  /// `packed_weights`, `output` (n, out_h, out_w, out_c).
  void run(float* input, void* packed_weights, float* output, void* scratch) const;

 private:
  struct Primitives;
  explicit Convolution(std::unique_ptr<const Primitives> primitives);

  std::unique_ptr<const Primitives> primitives_;
};

}  // namespace rill::cpu::onednn
