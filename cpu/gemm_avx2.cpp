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

struct Floats {
  using Element = float;
  using Register = __m256;
  static constexpr int lanes = 8, max_rows = 6, max_vectors = 2;
  static Register zero() { return _mm256_setzero_ps(); }
  static Register load(const float* p) { return _mm256_loadu_ps(p); }
  static Register load_first(const float* p, std::int64_t n) {
    return _mm256_maskload_ps(p, first(n));
  }
  static void store(float* p, Register x) { _mm256_storeu_ps(p, x); }
  static void store_first(float* p, Register x, std::int64_t n) {
    _mm256_maskstore_ps(p, first(n), x);
  }
  static Register broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
  static Register add(Register a, Register b) { return _mm256_add_ps(a, b); }
  static float sum(Register x) {
    const __m128 half = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
  static __m256i first(std::int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
};

struct Doubles {
  using Element = double;
  using Register = __m256d;
  static constexpr int lanes = 4, max_rows = 6, max_vectors = 2;
  static Register zero() { return _mm256_setzero_pd(); }
  static Register load(const double* p) { return _mm256_loadu_pd(p); }
  static Register load_first(const double* p, std::int64_t n) {
    return _mm256_maskload_pd(p, first(n));
  }
  static void store(double* p, Register x) { _mm256_storeu_pd(p, x); }
  static void store_first(double* p, Register x, std::int64_t n) {
    _mm256_maskstore_pd(p, first(n), x);
  }
  static Register broadcast(const double* p) { return _mm256_broadcast_sd(p); }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_pd(a, b, c); }
  static Register add(Register a, Register b) { return _mm256_add_pd(a, b); }
  static double sum(Register x) {
    const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
  }
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
