#include "floors.h"

#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

#include <benchmark/benchmark.h>

#include <rill/tensor/threads.h>

namespace rill::bench {
namespace {

// ---- The widest registers of the machine that this file is compiled for -----------------------

#if defined(__AVX512F__)
constexpr std::size_t width = 16;
void store_past_caches(float* to, __m512 x) { _mm512_stream_ps(to, x); }
#elif defined(__AVX2__) && defined(__FMA__)
constexpr std::size_t width = 8;
void store_past_caches(float* to, __m256 x) { _mm256_stream_ps(to, x); }
#else
constexpr std::size_t width = 4;
void store_past_caches(float* to, __m128 x) { _mm_stream_ps(to, x); }
#endif
/// In the compilers' own notation; sums and products of vectors are written with + and *, and are
/// contracted to fused ones where there are any.
using Vector [[gnu::vector_size(width * sizeof(float)), gnu::may_alias]] = float;
Vector fill(float x) { return x - Vector{}; }
Vector load(const float* from) { return *reinterpret_cast<const Vector*>(from); }
void store(float* to, Vector x) { *reinterpret_cast<Vector*>(to) = x; }

// ---- Memory -----------------------------------------------------------------------------------

/// Numbers from 1 to 2, in huge pages where the system grants them. Not zeros: those travel faster
/// on some machines, by up to two times.
class Pages {
 public:
  explicit Pages(std::size_t bytes) : bytes_(std::max<std::size_t>(bytes, 1)) {
    void* const block =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) throw std::bad_alloc();
    madvise(block, bytes_, MADV_HUGEPAGE);
    floats_ = static_cast<float*>(block);
    std::uint32_t state = 1;
    std::generate_n(floats_, bytes / sizeof(float), [&] {
      state = state * 1664525 + 1013904223;
      return std::bit_cast<float>(0x3f800000U | state >> 9U);
    });
  }
  ~Pages() { munmap(floats_, bytes_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] float* floats() const { return floats_; }

 private:
  std::size_t bytes_;
  float* floats_ = nullptr;
};

/// What a pass goes over, counted in vectors.
struct Streams {
  Streams(std::size_t bytes_read, std::size_t bytes_written)
      : read(bytes_read / sizeof(Vector)),
        written(bytes_written / sizeof(Vector)),
        input(bytes_read),
        output(bytes_written) {}

  std::size_t read, written;
  Pages input, output;
};

/// Neighbouring vectors. Threads take such shares one after the other, so that one which is held up
/// does not hold up the rest.
struct Share {
  std::size_t first, last;
};
constexpr std::size_t share_size = 1024;  // tens of kilobytes

std::int64_t shares(std::size_t count) {
  return static_cast<std::int64_t>((count + share_size - 1) / share_size);
}

Share share_of(std::size_t count, std::int64_t number) {
  const std::size_t first = static_cast<std::size_t>(number) * share_size;
  return {first, std::min(first + share_size, count)};
}

void read(const float* from, Share share) {
  Vector sums[] = {fill(0), fill(0), fill(0), fill(0)};
  std::size_t i = share.first;
  for (; i + 4 <= share.last; i += 4) {
    for (std::size_t k = 0; k < 4; ++k) sums[k] += load(from + (i + k) * width);
  }
  for (; i < share.last; ++i) sums[0] += load(from + i * width);
  benchmark::DoNotOptimize(sums);
}

/// Writes each vector as the sum of `inputs` others, which lie `distance` vectors apart.
template <int inputs, bool past_caches>
void write(const float* from, std::size_t distance, float* to, Share share) {
  for (std::size_t i = share.first; i < share.last; ++i) {
    Vector sum = fill(inputs == 0 ? 1.5F : 0);
    for (std::size_t k = 0; k < inputs; ++k) sum += load(from + (k * distance + i) * width);
    if constexpr (past_caches)
      store_past_caches(to + i * width, sum);
    else
      store(to + i * width, sum);
  }
  if constexpr (past_caches) _mm_sfence();
}

/// One pass over everything. Inputs that are left over once every output has the same number of
/// them are only read.
template <bool past_caches>
void pass(const Streams& streams) {
  const float* const from = streams.input.floats();
  float* const to = streams.output.floats();
  const std::size_t written = streams.written;
  const std::size_t inputs = written == 0 ? 0 : std::min<std::size_t>(streams.read / written, 4);
  const std::size_t left = streams.read - inputs * written;
#pragma omp parallel num_threads(threads())
  {
#pragma omp for schedule(dynamic) nowait
    for (std::int64_t i = 0; i < shares(written); ++i) {
      const Share share = share_of(written, i);
      switch (inputs) {
        case 0:
          write<0, past_caches>(from, written, to, share);
          break;
        case 1:
          write<1, past_caches>(from, written, to, share);
          break;
        case 2:
          write<2, past_caches>(from, written, to, share);
          break;
        case 3:
          write<3, past_caches>(from, written, to, share);
          break;
        default:
          write<4, past_caches>(from, written, to, share);
          break;
      }
    }
#pragma omp for schedule(dynamic) nowait
    for (std::int64_t i = 0; i < shares(left); ++i) {
      read(from + inputs * written * width, share_of(left, i));
    }
  }
}

// ---- Arithmetic -------------------------------------------------------------------------------

constexpr std::size_t chains = 12;  // more than latency times ports, and they fit 16 registers

void multiply_add_in_registers(std::size_t steps) {
  Vector values[chains];
  for (std::size_t k = 0; k < chains; ++k) values[k] = fill(static_cast<float>(k));
  const Vector factor = fill(0.999F);
  const Vector term = fill(0.001F);
  for (std::size_t i = 0; i < steps; ++i) {
#pragma GCC unroll 12
    for (Vector& value : values) value = value * factor + term;
  }
  benchmark::DoNotOptimize(values);
}

}  // namespace

std::vector<Floor> streaming(std::size_t bytes_read, std::size_t bytes_written) {
  const auto streams = std::make_shared<const Streams>(bytes_read, bytes_written);
  std::vector<Floor> floors{{.name = "streaming", .run = [=] { pass<false>(*streams); }}};
  if (bytes_written != 0) {
    floors.push_back({.name = "streaming, non-temporal", .run = [=] { pass<true>(*streams); }});
  }
  return floors;
}

Floor multiply_adds(double operations) {
  constexpr std::size_t steps = 1 << 20;  // milliseconds, beside which starting the team is nothing
  const double done = 2.0 * static_cast<double>(steps * chains * width) * threads();
  return {.name = "multiply-adds at peak",
          .run =
              [] {
#pragma omp parallel num_threads(threads())
                multiply_add_in_registers(steps);
              },
          .times = done / operations};
}

Floor small_results(int results) {
  constexpr int repeats = 1000;
  return {.name = results == 1 ? "malloc, add, free" : "malloc, add, free, twice",
          .run =
              [=] {
                const __m128 a = _mm_set1_ps(1);
                __m128 b = _mm_set1_ps(2);
                for (int i = 0; i < repeats * results; ++i) {
                  void* block = std::malloc(sizeof(__m128));
                  benchmark::DoNotOptimize(b);
                  if (block != nullptr) _mm_store_ps(static_cast<float*>(block), _mm_add_ps(a, b));
                  benchmark::DoNotOptimize(block);
                  benchmark::ClobberMemory();
                  std::free(block);
                }
              },
          .times = repeats};
}

}  // namespace rill::bench
