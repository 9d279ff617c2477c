// The product kernels for processors without fused multiply-add, and for those that are no x86-64:
// 128-bit vectors in the compilers' own notation.
#include <cstring>

#include <rill/cpu/gemm_kernels.h>
#include <rill/cpu/gemm_tile.h>
#include <rill/tensor/error.h>

namespace {

template <class T>
struct Vector : PlainVector<T, 16> {
  using typename PlainVector<T, 16>::Register;
  static constexpr int max_rows = 4, max_vectors = 2, max_sliding_rows = 8;
  static Register load_first(const T* p, std::int64_t n) {
    Register x{};
    std::memcpy(&x, p, static_cast<std::size_t>(n) * sizeof(T));
    return x;
  }
  static void store_first(T* p, Register x, std::int64_t n) {
    std::memcpy(p, &x, static_cast<std::size_t>(n) * sizeof(T));
  }
  static Register fma(Register a, Register b, Register c) { return a * b + c; }
};

}  // namespace

namespace rill::cpu {

constexpr GemmKernels<float> float_kernels_baseline = kernels_of<Vector<float>>();
constexpr GemmKernels<double> double_kernels_baseline = kernels_of<Vector<double>>();

#if defined(__x86_64__)
extern const GemmKernels<float> float_kernels_avx2, float_kernels_avx512;
extern const GemmKernels<double> double_kernels_avx2, double_kernels_avx512;

template <>
const GemmKernels<float>& gemm_kernels(Level level) {
  switch (level) {
    case Level::baseline:
      return float_kernels_baseline;
    case Level::avx2:
      return float_kernels_avx2;
    case Level::avx512:
      return float_kernels_avx512;
  }
  throw InternalError("gemm_kernels: not a level");
}
template <>
const GemmKernels<double>& gemm_kernels(Level level) {
  switch (level) {
    case Level::baseline:
      return double_kernels_baseline;
    case Level::avx2:
      return double_kernels_avx2;
    case Level::avx512:
      return double_kernels_avx512;
  }
  throw InternalError("gemm_kernels: not a level");
}
#else
template <>
const GemmKernels<float>& gemm_kernels(Level) {
  return float_kernels_baseline;
}
template <>
const GemmKernels<double>& gemm_kernels(Level) {
  return double_kernels_baseline;
}
#endif

}  // namespace rill::cpu
