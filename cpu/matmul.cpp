#include <rill/cpu/matmul.h>

#include <algorithm>
#include <type_traits>

#include <rill/cpu/half_conversion.h>
#include <rill/cpu/thread_pool.h>
#include <rill/tensor/error.h>

namespace rill::cpu {
namespace {

constexpr std::int64_t conversion_grain = 16384;
constexpr std::int64_t integer_grain = 4096;  // multiplications

GemmShape contiguous(const kernel::MatmulShape& shape) {
  GemmShape gemm{.batch = shape.batch,
                 .m = shape.m,
                 .n = shape.n,
                 .k = shape.k,
                 .transpose_a = shape.transpose_a,
                 .transpose_b = shape.transpose_b,
                 .a_stride = shape.broadcast_a ? 0 : shape.m * shape.k,
                 .b_stride = shape.broadcast_b ? 0 : shape.k * shape.n};
  if (shape.broadcast_b && !shape.broadcast_a && !shape.transpose_a) {
    // One large product instead of many that share b.
    gemm.m *= gemm.batch;
    gemm.batch = 1;
  }
  return gemm;
}

std::int64_t elements_of_a(const GemmShape& shape) {
  return (shape.a_stride == 0 ? std::min<std::int64_t>(shape.batch, 1) : shape.batch) * shape.m *
         shape.k;
}
std::int64_t elements_of_b(const GemmShape& shape) {
  return (shape.b_stride == 0 ? std::min<std::int64_t>(shape.batch, 1) : shape.batch) * shape.k *
         shape.n;
}
std::int64_t elements_of_c(const GemmShape& shape) { return shape.batch * shape.m * shape.n; }

/// Keeps the next array on a cache line of its own.
std::int64_t aligned(std::int64_t floats) { return (floats + 15) / 16 * 16; }

}  // namespace

Matmul::Matmul(const kernel::MatmulShape& shape, Level level)
    : shape_(contiguous(shape)), dtype_(shape.dtype), level_(level) {
  if (dtype_ == DType::float64) {
    double_.emplace(shape_, level);
  } else if (is_float(dtype_)) {
    single_.emplace(shape_, level);
  }
}

std::size_t Matmul::workspace() const {
  if (double_) return double_->workspace();
  if (!single_) return 0;
  if (!is_half(dtype_)) return single_->workspace();
  const std::int64_t floats = aligned(elements_of_a(shape_)) + aligned(elements_of_b(shape_)) +
                              aligned(elements_of_c(shape_));
  return static_cast<std::size_t>(floats) * sizeof(float) + single_->workspace();
}

bool Matmul::same_bits_as(const Plan& other) const {
  const auto* const product = dynamic_cast<const Matmul*>(&other);
  if (product == nullptr || product->dtype_ != dtype_ || product->level_ != level_) return false;
  if (double_) return double_->order() == product->double_->order();
  return !single_ || single_->order() == product->single_->order();  // integers wrap in any order
}

void Matmul::execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                     std::byte* workspace) const {
  run(inputs, outputs, workspace, nullptr);
}

bool Matmul::takes_epilogue() const {
  if (is_half(dtype_)) return false;
  return double_ ? double_->takes_epilogue() : single_ && single_->takes_epilogue();
}

void Matmul::execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                     std::byte* workspace, const kernel::Epilogue& epilogue) const {
  if (!takes_epilogue()) throw InternalError("Matmul: takes no epilogue");
  run(inputs, outputs, workspace, &epilogue);
}

void Matmul::run(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
                 std::byte* workspace, const kernel::Epilogue* epilogue) const {
  visit(dtype_, [&](auto zero) {
    using T = decltype(zero);
    const auto* const a = reinterpret_cast<const T*>(inputs[0]);
    const auto* const b = reinterpret_cast<const T*>(inputs[1]);
    auto* const c = reinterpret_cast<T*>(outputs[0]);
    if constexpr (std::is_same_v<T, float>) {
      single_->run(a, b, c, workspace, epilogue);
    } else if constexpr (std::is_same_v<T, double>) {
      double_->run(a, b, c, workspace, epilogue);
    } else if constexpr (std::is_integral_v<T>) {
      execute_integer(a, b, c);
    } else {
      execute_half(a, b, c, reinterpret_cast<float*>(workspace));
    }
  });
}

template <class T>
void Matmul::execute_half(const T* a, const T* b, T* c, float* workspace) const {
  float* const wide_a = workspace;
  float* const wide_b = wide_a + aligned(elements_of_a(shape_));
  float* const wide_c = wide_b + aligned(elements_of_b(shape_));
  parallel_for(elements_of_a(shape_), conversion_grain, [&](std::int64_t begin, std::int64_t end) {
    widen(a + begin, wide_a + begin, end - begin, level_);
  });
  parallel_for(elements_of_b(shape_), conversion_grain, [&](std::int64_t begin, std::int64_t end) {
    widen(b + begin, wide_b + begin, end - begin, level_);
  });
  single_->run(wide_a, wide_b, wide_c, wide_c + aligned(elements_of_c(shape_)));
  parallel_for(elements_of_c(shape_), conversion_grain, [&](std::int64_t begin, std::int64_t end) {
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
