#include <rill/cpu/half_conversion.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rill::cpu {
namespace {

#if defined(__x86_64__)

// All levels above the baseline have F16C; both return how many elements they have converted.

__attribute__((target("avx,f16c"))) std::int64_t widen_by_8(const Half* from, float* to,
                                                            std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    _mm256_storeu_ps(to + i,
                     _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i))));
  }
  return i;
}

__attribute__((target("avx,f16c"))) std::int64_t narrow_by_8(const float* from, Half* to,
                                                             std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m128i halves =
        _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), halves);
  }
  return i;
}

#else

std::int64_t widen_by_8(const Half*, float*, std::int64_t) { return 0; }
std::int64_t narrow_by_8(const float*, Half*, std::int64_t) { return 0; }

#endif

}  // namespace

void widen(const Half* from, float* to, std::int64_t count, Level level) {
  std::int64_t i = level == Level::baseline ? 0 : widen_by_8(from, to, count);
  for (; i < count; ++i) to[i] = from[i];
}

void widen(const BFloat16* from, float* to, std::int64_t count, Level) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

void narrow(const float* from, Half* to, std::int64_t count, Level level) {
  std::int64_t i = level == Level::baseline ? 0 : narrow_by_8(from, to, count);
  for (; i < count; ++i) to[i] = Half(from[i]);
}

void narrow(const float* from, BFloat16* to, std::int64_t count, Level) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = BFloat16(from[i]);
}

}  // namespace rill::cpu
