#include <rill/cpu/half_conversion.h>
#include <rill/cpu/matmul.h>
#include <rill/cpu/thread_pool.h>

#include <algorithm>
#include <type_traits>

namespace rill::cpu {
namespace {

constexpr std::int64_t conversion_grain = 16384;
constexpr std::int64_t integer_grain = 4096;  // multiplications

/// One large product instead of many that share b.
MatmulShape merged(MatmulShape shape) {
  if (shape.batch > 1 && shape.b_stride == 0 && !shape.transpose_a &&
      shape.a_stride == shape.m * shape.k) {
    shape.m *= shape.batch;
    shape.batch = 1;
  }
  return shape;
}

/// The matrices of one operand, `stride` apart; one if they are all the same.
std::int64_t matrices(std::int64_t batch, std::int64_t stride) {
  return stride == 0 ? std::min<std::int64_t>(batch, 1) : batch;
}

/// Keeps the next array on a cache line of its own.
std::int64_t aligned(std::int64_t floats) { return (floats + 15) / 16 * 16; }

template <class T>
void widen_matrices(const T* from, std::int64_t count, std::int64_t size, std::int64_t stride,
                    float* to, Level level) {
  for (std::int64_t matrix = 0; matrix < count; ++matrix) {
    parallel_for(size, conversion_grain, [&](std::int64_t begin, std::int64_t end) {
      widen(from + matrix * stride + begin, to + matrix * size + begin, end - begin, level);
    });
  }
}

}  // namespace

Matmul::Matmul(const MatmulShape& shape, DType dtype, Level level)
    : shape_(merged(shape)), dtype_(dtype), level_(level) {
  if (dtype == DType::float64) double_.emplace(shape_, level);
  if (dtype == DType::float32) single_.emplace(shape_, level);
  if (is_half(dtype)) {
    MatmulShape packed = shape_;
    if (packed.a_stride != 0) packed.a_stride = packed.m * packed.k;
    if (packed.b_stride != 0) packed.b_stride = packed.k * packed.n;
    single_.emplace(packed, level);
  }
}

std::size_t Matmul::workspace() const {
  if (double_) return double_->workspace();
  if (!single_) return 0;
  if (!is_half(dtype_)) return single_->workspace();
  return static_cast<std::size_t>(wide_elements_of_a() + wide_elements_of_b() +
                                  wide_elements_of_c()) *
             sizeof(float) +
         single_->workspace();
}

void Matmul::execute(const void* a, const void* b, void* c, void* workspace) const {
  visit(dtype_, [&](auto zero) {
    using T = decltype(zero);
    const auto* const left = static_cast<const T*>(a);
    const auto* const right = static_cast<const T*>(b);
    auto* const result = static_cast<T*>(c);
    if constexpr (std::is_same_v<T, float>) {
      single_->run(left, right, result, workspace);
    } else if constexpr (std::is_same_v<T, double>) {
      double_->run(left, right, result, workspace);
    } else if constexpr (std::is_integral_v<T>) {
      execute_integer(left, right, result);
    } else {
      execute_half(left, right, result, static_cast<float*>(workspace));
    }
  });
}

std::int64_t Matmul::wide_elements_of_a() const {
  return aligned(matrices(shape_.batch, shape_.a_stride) * shape_.m * shape_.k);
}
std::int64_t Matmul::wide_elements_of_b() const {
  return aligned(matrices(shape_.batch, shape_.b_stride) * shape_.k * shape_.n);
}
std::int64_t Matmul::wide_elements_of_c() const {
  return aligned(shape_.batch * shape_.m * shape_.n);
}

template <class T>
void Matmul::execute_half(const T* a, const T* b, T* c, float* workspace) const {
  float* const wide_a = workspace;
  float* const wide_b = wide_a + wide_elements_of_a();
  float* const wide_c = wide_b + wide_elements_of_b();
  widen_matrices(a, matrices(shape_.batch, shape_.a_stride), shape_.m * shape_.k, shape_.a_stride,
                 wide_a, level_);
  widen_matrices(b, matrices(shape_.batch, shape_.b_stride), shape_.k * shape_.n, shape_.b_stride,
                 wide_b, level_);
  single_->run(wide_a, wide_b, wide_c, wide_c + wide_elements_of_c());
  parallel_for(shape_.batch * shape_.m * shape_.n, conversion_grain,
               [&](std::int64_t begin, std::int64_t end) {
                 narrow(wide_c + begin, c + begin, end - begin, level_);
               });
}

template <class T>
void Matmul::execute_integer(const T* a, const T* b, T* c) const {
  // Unsigned arithmetic wraps; bool multiplies by "and" and adds by "or".
  using Wide = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  const auto multiply_add = [](T x, T y, T sum) {
    if constexpr (std::is_same_v<T, bool>)
      return sum || (x && y);
    else
      return static_cast<T>(static_cast<Wide>(x) * static_cast<Wide>(y) + static_cast<Wide>(sum));
  };
  const std::int64_t m = shape_.m;
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  const std::int64_t grain = integer_grain / std::max<std::int64_t>(n * k, 1) + 1;
  parallel_for(shape_.batch * m, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t i = row % m;
      const T* const left = a + row / m * shape_.a_stride + (shape_.transpose_a ? i : i * k);
      const std::int64_t left_step = shape_.transpose_a ? m : 1;
      const T* const right = b + row / m * shape_.b_stride;
      T* const to = c + row * n;
      std::fill_n(to, n, T{});
      if (shape_.transpose_b) {
        for (std::int64_t j = 0; j < n; ++j) {
          for (std::int64_t p = 0; p < k; ++p)
            to[j] = multiply_add(left[p * left_step], right[j * k + p], to[j]);
        }
      } else {
        for (std::int64_t p = 0; p < k; ++p) {
          const T factor = left[p * left_step];
          for (std::int64_t j = 0; j < n; ++j)
            to[j] = multiply_add(factor, right[p * n + j], to[j]);
        }
      }
    }
  });
}

}  // namespace rill::cpu
