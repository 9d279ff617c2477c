// Two-dimensional convolutions and their gradients, prepared once and executed many times.
//
// float32 goes to oneDNN, block of images by block of images, or with few channels to rill's own
// kernels; half types are computed in float32; everything else, and what neither has a kernel for,
// by plain loops.
//
// Invariant: the algorithm, the blocks and the order in which the blocks' weight gradients are
// added are functions of the shape and the level alone, so bits do not depend on threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <rill/cpu/direct_convolution.h>
#include <rill/cpu/features.h>
#include <rill/cpu/onednn.h>
#include <rill/kernel/backend.h>

namespace rill::cpu {

/// A prepared pass. Its two inputs and one output are those of `kernel::ConvolutionPass`. It has
/// scratch memory for as many threads as there were when it was prepared, and uses no more.
class Convolution final : public kernel::Plan {
 public:
  /// The sizes fit each other; groups divides c and out_c; strides and dilations are positive.
  Convolution(const kernel::ConvolutionShape& shape, kernel::ConvolutionPass pass);

  [[nodiscard]] std::size_t workspace() const override;
  void execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
               std::byte* workspace) const override;

  /// By blocks of images or of their rows.
  [[nodiscard]] bool takes_epilogue() const override;
  void execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
               std::byte* workspace, const kernel::Epilogue& epilogue) const override;

 private:
  /// The three tensors of a convolution; the pass decides which one is written.
  template <class T>
  struct Tensors {
    T* input;
    T* weights;
    T* output;
  };

  /// Cuts the work into blocks; returns whether oneDNN has kernels for them.
  bool make_kernels(onednn::Algorithm algorithm, std::int64_t images_per_block);
  template <class T>
  [[nodiscard]] Tensors<T> arrange(const std::byte* first, const std::byte* second,
                                   std::byte* result) const;
  void run_float(const Tensors<float>& tensors, std::byte* workspace,
                 const kernel::Epilogue* epilogue = nullptr) const;
  template <class T>
  void run_half(const Tensors<T>& tensors, std::byte* workspace) const;
  template <class T>
  void run_plain(const Tensors<T>& tensors) const;
  [[nodiscard]] const onednn::Convolution& kernel_of(std::int64_t block) const;
  [[nodiscard]] std::size_t float_workspace() const;

  kernel::ConvolutionShape shape_;
  kernel::ConvolutionPass pass_;
  Level level_;
  std::int64_t blocks_ = 0;
  std::int64_t images_per_block_ = 0;
  int slots_ = 1;                                           // threads that get a scratch
  std::optional<const DirectConvolution> direct_;           // none: kernel_
  std::unique_ptr<const onednn::Convolution> kernel_;       // null: plain loops
  std::unique_ptr<const onednn::Convolution> last_kernel_;  // if the last block has fewer images
};

}  // namespace rill::cpu
