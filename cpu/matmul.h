// Matrix products of every dtype, prepared once and executed many times.
//
// Floating-point products use rill's own kernels (<rill/cpu/gemm.h>): they are as fast as oneDNN's
// and OpenBLAS's for large matrices, several times faster for small ones, need no set-up of some 30
// ms at the first call, and their bits do not depend on how the work is cut. Invariant: the result
// is a function of shape, dtype, level and operands; half types accumulate in float32 and round
// once, integers wrap.
#pragma once

#include <rill/cpu/gemm.h>
#include <rill/tensor/dtype.h>

#include <cstddef>
#include <optional>

namespace rill::cpu {

/// A prepared product of the shape and dtype.
///
///     const Matmul product({.m = 2, .n = 3, .k = 4}, float32);
///     Scratch scratch(product.workspace());
///     product.execute(a, b, c, scratch.data());
class Matmul {
 public:
  /// The shape's sizes are not negative and their products fit 63 bits.
  Matmul(const MatmulShape& shape, DType dtype, Level level = cpu::level());

  /// Scratch memory that `execute` needs, in bytes, aligned to 64.
  [[nodiscard]] std::size_t workspace() const;

  /// c = a b. Allocates nothing; may be called by several threads at once, each with a workspace of
  /// its own. c overlaps neither input.
  void execute(const void* a, const void* b, void* c, void* workspace) const;

 private:
  template <class T>
  void execute_half(const T* a, const T* b, T* c, float* workspace) const;
  template <class T>
  void execute_integer(const T* a, const T* b, T* c) const;

  [[nodiscard]] std::int64_t wide_elements_of_a() const;
  [[nodiscard]] std::int64_t wide_elements_of_b() const;
  [[nodiscard]] std::int64_t wide_elements_of_c() const;

  MatmulShape shape_;
  DType dtype_;
  Level level_;
  std::optional<Gemm<float>> single_;  // for half types too
  std::optional<Gemm<double>> double_;
};

}  // namespace rill::cpu
