// The product kernels for AVX-512: tiles of 8 rows and 3 vectors, 24 of the 32 registers.
#include <array>
#include <cstdint>
#include <utility>

#include <rill/cpu/gemm_kernels.h>

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")
#endif

#include <rill/cpu/gemm_tile.h>

namespace {

struct Floats {
  using Element = float;
  using Register = __m512;
  static constexpr int lanes = 16, max_rows = 8, max_vectors = 3;
  static Register zero() { return _mm512_setzero_ps(); }
  static Register load(const float* p) { return _mm512_loadu_ps(p); }
  static Register load_first(const float* p, std::int64_t n) {
    return _mm512_maskz_loadu_ps(first(n), p);
  }
  static void store(float* p, Register x) { _mm512_storeu_ps(p, x); }
  static void store_first(float* p, Register x, std::int64_t n) {
    _mm512_mask_storeu_ps(p, first(n), x);
  }
  static Register broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
  static Register add(Register a, Register b) { return _mm512_add_ps(a, b); }
  // The masks are whole: the unmasked forms make g++ warn of an uninitialized operand of its own.
  static float sum(Register x) {
    const __m256 half = _mm256_add_ps(_mm512_maskz_extractf32x8_ps(0xff, x, 0),
                                      _mm512_maskz_extractf32x8_ps(0xff, x, 1));
    const __m128 quarter = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
    const __m128 pair = _mm_add_ps(quarter, _mm_movehl_ps(quarter, quarter));
    return _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)));
  }
  static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1U << n) - 1); }
};

struct Doubles {
  using Element = double;
  using Register = __m512d;
  static constexpr int lanes = 8, max_rows = 8, max_vectors = 3;
  static Register zero() { return _mm512_setzero_pd(); }
  static Register load(const double* p) { return _mm512_loadu_pd(p); }
  static Register load_first(const double* p, std::int64_t n) {
    return _mm512_maskz_loadu_pd(first(n), p);
  }
  static void store(double* p, Register x) { _mm512_storeu_pd(p, x); }
  static void store_first(double* p, Register x, std::int64_t n) {
    _mm512_mask_storeu_pd(p, first(n), x);
  }
  static Register broadcast(const double* p) { return _mm512_set1_pd(*p); }
  static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_pd(a, b, c); }
  static Register add(Register a, Register b) { return _mm512_add_pd(a, b); }
  static double sum(Register x) {
    const __m256d half = _mm256_add_pd(_mm512_maskz_extractf64x4_pd(0xf, x, 0),
                                       _mm512_maskz_extractf64x4_pd(0xf, x, 1));
    const __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
    return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
  }
  static __mmask8 first(std::int64_t n) { return static_cast<__mmask8>((1U << n) - 1); }
};

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace rill::cpu {

extern constinit const GemmKernels<float> float_kernels_avx512 = kernels_of<Floats>();
extern constinit const GemmKernels<double> double_kernels_avx512 = kernels_of<Doubles>();

}  // namespace rill::cpu
#endif
