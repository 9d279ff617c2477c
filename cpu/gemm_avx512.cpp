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

struct NarrowFloats : PlainVector<float, 32> {
  static constexpr int max_rows = 8, max_vectors = 1, max_sliding_rows = 14;
  static Register load_first(const float* p, std::int64_t n) {
    return _mm256_maskz_loadu_ps(first(n), p);
  }
  static void store_first(float* p, Register x, std::int64_t n) {
    _mm256_mask_storeu_ps(p, first(n), x);
  }
  static Register fma(Register a, Register b, Register c) { return _mm256_fmadd_ps(a, b, c); }
  static __mmask8 first(std::int64_t n) { return static_cast<__mmask8>((1U << n) - 1); }
};

struct Floats : PlainVector<float, 64> {
  using Narrow = NarrowFloats;
  static constexpr int max_rows = 8, max_vectors = 3, max_sliding_rows = 14;
  static Register load_first(const float* p, std::int64_t n) {
    return _mm512_maskz_loadu_ps(first(n), p);
  }
  static void store_first(float* p, Register x, std::int64_t n) {
    _mm512_mask_storeu_ps(p, first(n), x);
  }
  static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_ps(a, b, c); }
  static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1U << n) - 1); }
};

struct Doubles : PlainVector<double, 64> {
  static constexpr int max_rows = 8, max_vectors = 3, max_sliding_rows = 14;
  static Register load_first(const double* p, std::int64_t n) {
    return _mm512_maskz_loadu_pd(first(n), p);
  }
  static void store_first(double* p, Register x, std::int64_t n) {
    _mm512_mask_storeu_pd(p, first(n), x);
  }
  static Register fma(Register a, Register b, Register c) { return _mm512_fmadd_pd(a, b, c); }
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
