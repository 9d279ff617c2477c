// Matrix products of every dtype, prepared once and executed many times.
//
// Floating-point products use rill's own kernels (<rill/cpu/gemm.h>): they are as fast as oneDNN's
// and OpenBLAS's for large matrices, several times faster for small ones, need no set-up of some
// 30 ms at the first call, and their bits do not depend on how the work is cut.
//
// Invariant: the result is a function of shape, dtype, level and operands; half types accumulate
// in float32 and round once, integers wrap.
#pragma once

#include <cstddef>
#include <optional>

#include <rill/cpu/features.h>
#include <rill/cpu/gemm.h>
#include <rill/kernel/backend.h>

namespace rill::cpu {

/// A prepared product.
///
///     const Matmul product({.dtype = float32, .m = 2, .n = 3, .k = 4});
///     product.execute({{a, b}}, {{c}}, workspace);
class Matmul final : public kernel::Plan {
 public:
  /// The shape's sizes are not negative, and those of each operand fit 63 bits.
  explicit Matmul(const kernel::MatmulShape& shape, Level level = cpu::level());

  [[nodiscard]] std::size_t workspace() const override;

  /// Of products of the same matrices, however they are stored.
  [[nodiscard]] bool same_bits_as(const Plan& other) const override;

  /// Two inputs, one output that overlaps neither.
  void execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
               std::byte* workspace) const override;

  [[nodiscard]] bool takes_epilogue() const override;
  void execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
               std::byte* workspace, const kernel::Epilogue& epilogue) const override;

 private:
  void run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
           std::byte* workspace, const kernel::Epilogue* epilogue) const;
  template <class T>
  void execute_half(const T* a, const T* b, T* c, float* workspace) const;
  template <class T>
  void execute_integer(const T* a, const T* b, T* c) const;

  GemmShape shape_;
  DType dtype_;
  Level level_;
  std::optional<Gemm<float>> single_;  // for half types too
  std::optional<Gemm<double>> double_;
};

}  // namespace rill::cpu
