// Convolutions with few channels, by rill's own product kernels.
//
// oneDNN's kernels fill vectors with channels and reach a fifth to a half of a processor's peak
// where there are few. The window of an output pixel is a row of a matrix whose rows overlap in
// memory: a convolution is the product of that matrix, which is never formed, and the weights; the
// input's gradient is such a convolution of the output's gradient with the weights turned round;
// the weights' gradient is the product of the transposed matrix and the output's gradient.
//
// Invariant: which shapes are computed here, their bands and tiles, and the order of all sums are
// functions of the shape and the level alone. Padding takes part as zeros.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <rill/cpu/features.h>
#include <rill/cpu/gemm_kernels.h>
#include <rill/kernel/backend.h>

namespace rill::cpu {

/// A prepared pass over float32. It has scratch memory for as many threads as there were when it
/// was prepared, and uses no more.
class DirectConvolution {
 public:
  /// Whether this is the better way to compute a pass of sizes that are all positive.
  static bool suits(const kernel::ConvolutionShape& shape, kernel::ConvolutionPass pass,
                    Level level);

  /// The shape suits.
  DirectConvolution(const kernel::ConvolutionShape& shape, kernel::ConvolutionPass pass,
                    Level level);

  /// Scratch memory that `run` needs, in bytes.
  [[nodiscard]] std::size_t workspace() const;

  /// Reads two of the three and writes the one that the pass computes, which overlaps neither:
  /// `input` (n, h, w, c), `weights` (kernel_h, kernel_w, c, out_c), `output` (n, out_h, out_w,
  /// out_c). The epilogue, if there is one, is over the elements of what is written; there is none
  /// for the weights' gradient.
  void run(float* input, float* weights, float* output, std::byte* workspace,
           const kernel::Epilogue* epilogue = nullptr) const;

 private:
  /// Rows of taps of the weights.
  struct Taps {
    std::int64_t begin, end;
  };
  void correlate(const float* source, const float* weights, float* target, float* scratch,
                 const kernel::Epilogue* epilogue) const;
  void sum_products(const float* source, const float* gradient, float* result,
                    float* workspace) const;
  void slide(std::int64_t band, const float* a, const float* weights, float* c) const;
  void step(std::int64_t band, const float* a, const float* weights, float* c) const;
  const float* stage(const float* source, std::int64_t band, float* scratch) const;
  void multiply(const WindowTile<float>& tile) const;
  void turn(const float* weights, float* turned) const;
  [[nodiscard]] Taps taps_of(std::int64_t first_row, std::int64_t last_row) const;
  [[nodiscard]] std::int64_t first_row(std::int64_t band) const;
  [[nodiscard]] std::int64_t rows(std::int64_t band) const;
  [[nodiscard]] std::int64_t weight_elements() const;
  [[nodiscard]] std::int64_t scratch_elements() const;

  /// Of the convolution that is computed: that of the input's gradient goes from output to input.
  kernel::ConvolutionShape shape_;
  kernel::ConvolutionPass pass_;
  GemmKernels<float> kernels_;
  std::int64_t bands_ = 0;      ///< groups of rows of an image's output, computed one by one
  std::int64_t band_rows_ = 0;  ///< of all but an image's last
  std::int64_t tap_rows_ = 0;   ///< rows of the source that a window spans
  std::int64_t pitch_ = 0;      ///< elements from one row of the source to the next, as read
  std::int64_t staged_ = 0;     ///< elements of a band's source with its padding; 0: read in place
  std::int64_t blocks_ = 1;     ///< of bands, each with weight gradients of its own
  int slots_ = 1;               ///< threads that get a scratch
  std::vector<std::int64_t> starts_;  ///< of the windows of a band, or of the taps in a band
};

}  // namespace rill::cpu
