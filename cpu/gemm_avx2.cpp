// The product kernels for AVX2 and FMA: tiles of 6 rows and 2 vectors, 12 of the 16 registers.
#include <array>
#include <cstdint>
#include <utility>

#include <rill/cpu/gemm_kernels.h>

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

#include <rill/cpu/gemm_tile.h>

namespace {

struct Floats : PlainVector<float, 32> {
  static constexpr int max_rows = 6, max_vectors = 2, max_sliding_rows = 10;
  static Register load_first(const float* p, std::int64_t n) {
    return _mm256_maskload_ps(p, first(n));
  }
  static void store_first(float* p, Register x, std::int64_t n) {
    _mm256_maskstore_ps(p, first(n), x);
  }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
  static __m256i first(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

struct Doubles : PlainVector<double, 32> {
  static constexpr int max_rows = 6, max_vectors = 2, max_sliding_rows = 10;
  static Register load_first(const double* p, std::int64_t n) {
    return _mm256_maskload_pd(p, first(n));
  }
  static void store_first(double* p, Register x, std::int64_t n) {
    _mm256_maskstore_pd(p, first(n), x);
  }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_pd(a, b, c); }
  static __m256i first(std::int64_t n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
};

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace rill::cpu {

extern constinit const GemmKernels<float> float_kernels_avx2 = kernels_of<Floats>();
extern constinit const GemmKernels<double> double_kernels_avx2 = kernels_of<Doubles>();

}  // namespace rill::cpu
#endif
