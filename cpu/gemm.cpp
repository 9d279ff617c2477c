#include <rill/cpu/gemm.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <rill/cpu/divide_up.h>
#include <rill/cpu/gemm_kernels.h>
#include <rill/cpu/thread_pool.h>
#include <rill/tensor/float_environment.h>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace rill::cpu {
namespace {

constexpr std::int64_t depth_block = 256;      // terms per pass over c
constexpr std::int64_t most_rows = 8;          // of any level's tile
constexpr std::int64_t chunk_bytes = 1048576;  // of b, kept in the second cache while rows pass by
constexpr std::int64_t row_strip = 1024;       // columns of a vector-matrix product per unit
constexpr std::int64_t direct_b_bytes =
    32768;                                   // b is read where it lies if the first cache holds it
constexpr std::int64_t direct_b_rows = 128;  // ... or if few rows of a read it
constexpr std::int64_t few_rows = 4;         // better multiplied as vectors
constexpr std::int64_t panels_worth_packing = 4;  // of b, for a panel of a
constexpr std::int64_t enough_units = 64;         // for any number of threads
constexpr std::int64_t split_terms = 4096;        // per chain, where there are few elements
constexpr std::int64_t most_splits = 16;
constexpr double flops_worth_a_thread = 1e5;     // about 1 us
constexpr std::int64_t epilogue_bytes = 131072;  // of c, that are still near when it is computed
constexpr std::int64_t epilogue_rows = 64;   // ... but rows enough for passing over b once for them
constexpr std::int64_t few_elements = 4096;  // for an epilogue on the calling thread

/// b[columns,depth] to packed[depth,columns].
void transpose(const float* from, std::int64_t stride, std::int64_t columns, std::int64_t depth,
               float* to) {
  std::int64_t j = 0;
#if defined(__SSE2__)
  for (; j + 4 <= columns; j += 4) {
    std::int64_t p = 0;
    for (; p + 4 <= depth; p += 4) {
      __m128 r0 = _mm_loadu_ps(from + j * stride + p);
      __m128 r1 = _mm_loadu_ps(from + (j + 1) * stride + p);
      __m128 r2 = _mm_loadu_ps(from + (j + 2) * stride + p);
      __m128 r3 = _mm_loadu_ps(from + (j + 3) * stride + p);
      _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
      _mm_storeu_ps(to + p * columns + j, r0);
      _mm_storeu_ps(to + (p + 1) * columns + j, r1);
      _mm_storeu_ps(to + (p + 2) * columns + j, r2);
      _mm_storeu_ps(to + (p + 3) * columns + j, r3);
    }
    for (; p < depth; ++p) {
      for (std::int64_t i = j; i < j + 4; ++i) to[p * columns + i] = from[i * stride + p];
    }
  }
#endif
  for (; j < columns; ++j) {
    for (std::int64_t p = 0; p < depth; ++p) to[p * columns + j] = from[j * stride + p];
  }
}

void transpose(const double* from, std::int64_t stride, std::int64_t columns, std::int64_t depth,
               double* to) {
  constexpr std::int64_t block = 8;
  for (std::int64_t p = 0; p < depth; p += block) {
    const std::int64_t last = std::min(p + block, depth);
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t q = p; q < last; ++q) to[q * columns + j] = from[j * stride + q];
    }
  }
}

/// The begin of part `part` when `units` are cut into `parts` that differ by at most one.
std::int64_t part_begin(std::int64_t units, std::int64_t parts, std::int64_t part) {
  return units * part / parts;
}

/// Merges buffer 0 with `count - 1` further ones, `elements` apart, by a binary tree.
template <class T>
void merge(T* first, T* others, std::int64_t elements, std::int64_t count) {
  const auto buffer = [&](std::int64_t i) { return i == 0 ? first : others + (i - 1) * elements; };
  while (count > 1) {
    const std::int64_t half = (count + 1) / 2;
    for (std::int64_t i = 0; i + half < count; ++i) {
      T* const to = buffer(i);
      const T* const from = buffer(i + half);
      for (std::int64_t e = 0; e < elements; ++e) to[e] += from[e];
    }
    count = half;
  }
}

/// How many consecutive units make a piece worth another thread's while.
std::int64_t grain_of(double flops_per_unit) {
  return static_cast<std::int64_t>(flops_worth_a_thread / std::max(flops_per_unit, 1.0)) + 1;
}

}  // namespace

template <class T>
struct Gemm<T>::Block {
  std::int64_t row_panel_begin, row_panel_end;
  std::int64_t column_panel_begin, column_panel_end;
  std::int64_t term_begin, term_end;
};

template <class T>
Gemm<T>::Gemm(const GemmShape& shape, Level level)
    : shape_(shape), kernels_(gemm_kernels<T>(level)) {
  const std::int64_t m = shape.m;
  const std::int64_t n = shape.n;
  const std::int64_t k = shape.k;
  const std::int64_t batch = shape.batch;
  const bool a_rows_contiguous = !shape.transpose_a || m == 1;
  if ((n == 1 || (shape.transpose_b && m <= few_rows)) && a_rows_contiguous) {
    method_ = Method::dots;
  } else if (n == 1 || (m == 1 && !shape.transpose_b)) {
    method_ = Method::rows;
  }
  row_panels_ = divide_up(m, kernels_.rows);
  column_panels_ = divide_up(divide_up(n, kernels_.lanes), kernels_.vectors);
  const std::int64_t outputs = batch * row_panels_ * column_panels_;
  if (outputs < most_splits && k >= 2 * split_terms)
    splits_ = std::min(most_splits, k / split_terms);
  if (method_ != Method::tiles) return;
  const bool small_b = k * n * static_cast<std::int64_t>(sizeof(T)) <= direct_b_bytes;
  packs_b_ = shape.transpose_b || (!small_b && m > direct_b_rows);
  const std::int64_t chunk_panels = chunk_bytes / (depth_block * kernels_.vectors * kernels_.lanes *
                                                   static_cast<std::int64_t>(sizeof(T)));
  const std::int64_t wanted =
      divide_up(enough_units, std::max<std::int64_t>(batch * splits_ * row_panels_, 1));
  chunks_ = std::min(column_panels_, std::max(divide_up(column_panels_, chunk_panels), wanted));
  const double flops = 2.0 * static_cast<double>(m * n) * static_cast<double>(k);
  if (batch == 1 && splits_ == 1 && !packs_b_ && k <= depth_block && flops < flops_worth_a_thread)
    method_ = Method::small;
}

template <class T>
std::int64_t Gemm<T>::packed_elements() const {
  return packs_b_ ? (shape_.b_stride == 0 ? 1 : shape_.batch) * shape_.k * shape_.n : 0;
}

template <class T>
std::size_t Gemm<T>::workspace() const {
  const std::int64_t partial = (splits_ - 1) * shape_.batch * shape_.m * shape_.n;
  return static_cast<std::size_t>(packed_elements() + partial) * sizeof(T);
}

template <class T>
bool Gemm<T>::takes_epilogue() const {
  return splits_ == 1 && shape_.k > 0 &&
         (method_ == Method::tiles || shape_.batch * shape_.m * shape_.n <= few_elements);
}

template <class T>
void Gemm<T>::run(const T* a, const T* b, T* c, void* workspace,
                  const kernel::Epilogue* epilogue) const {
  const std::int64_t elements = shape_.batch * shape_.m * shape_.n;
  if (elements == 0) return;
  if (shape_.k == 0) {
    std::fill_n(c, elements, T{0});
    return;
  }
  auto* const packed = static_cast<T*>(workspace);
  T* const partial = packed + packed_elements();
  switch (method_) {
    case Method::tiles:
      if (packs_b_) pack(b, packed);
      run_tiles(a, b, packed, c, partial, epilogue);
      epilogue = nullptr;  // it is done
      break;
    case Method::small:
      run_small(a, b, c);
      break;
    case Method::dots:
      run_dots(a, b, c, partial);
      break;
    case Method::rows:
      run_rows(a, b, c, partial);
      break;
  }
  if (splits_ > 1) merge(c, partial, elements, splits_);
  if (epilogue != nullptr) {
    const detail::FloatingPointGuard guard;
    (*epilogue)(0, elements);
  }
}

// The packed form of b: for each block of terms, for each panel of columns, [terms, columns].
template <class T>
void Gemm<T>::pack(const T* b, T* packed) const {
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  const std::int64_t depth_blocks = divide_up(k, depth_block);
  const std::int64_t matrices = packed_elements() / (k * n);
  const std::int64_t vectors = divide_up(n, kernels_.lanes);
  const std::int64_t units = matrices * depth_blocks * column_panels_;
  const double elements_per_unit =
      static_cast<double>(k * n) / static_cast<double>(depth_blocks * column_panels_);
  parallel_for(units, grain_of(elements_per_unit * 16), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t panel = unit % column_panels_;
      const std::int64_t p = unit / column_panels_ % depth_blocks * depth_block;
      const std::int64_t matrix = unit / column_panels_ / depth_blocks;
      const std::int64_t depth = std::min(depth_block, k - p);
      const std::int64_t j = part_begin(vectors, column_panels_, panel) * kernels_.lanes;
      const std::int64_t width =
          std::min(part_begin(vectors, column_panels_, panel + 1) * kernels_.lanes, n) - j;
      const T* const from = b + matrix * shape_.b_stride;
      T* const to = packed + matrix * k * n + p * n + j * depth;
      if (shape_.transpose_b) {
        transpose(from + j * k + p, k, width, depth, to);
      } else {
        for (std::int64_t q = 0; q < depth; ++q)
          std::copy_n(from + (p + q) * n + j, width, to + q * width);
      }
    }
  });
}

template <class T>
void Gemm<T>::run_tiles(const T* a, const T* b, const T* packed, T* c, T* partial,
                        const kernel::Epilogue* epilogue) const {
  const std::int64_t m = shape_.m;
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  const std::int64_t units = shape_.batch * splits_ * chunks_ * row_panels_;
  const double flops = 2.0 * static_cast<double>(m * n) * static_cast<double>(k) /
                       static_cast<double>(splits_ * chunks_ * row_panels_);
  const std::int64_t row_bytes = n / chunks_ * static_cast<std::int64_t>(sizeof(T));
  const std::int64_t panels_at_once =
      epilogue == nullptr
          ? row_panels_
          : divide_up(
                std::max(epilogue_bytes / std::max<std::int64_t>(row_bytes, 1), epilogue_rows),
                kernels_.rows);
  parallel_for(units, grain_of(flops), [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t row_panel = begin % row_panels_;
      const std::int64_t chunk = begin / row_panels_ % chunks_;
      const std::int64_t split = begin / row_panels_ / chunks_ % splits_;
      const std::int64_t matrix = begin / row_panels_ / chunks_ / splits_;
      const std::int64_t row_panel_end =
          std::min({row_panels_, row_panel + end - begin, row_panel + panels_at_once});
      const Block block{row_panel,
                        row_panel_end,
                        part_begin(column_panels_, chunks_, chunk),
                        part_begin(column_panels_, chunks_, chunk + 1),
                        part_begin(k, splits_, split),
                        part_begin(k, splits_, split + 1)};
      T* const to = split == 0 ? c : partial + (split - 1) * shape_.batch * m * n;
      compute(block, a + matrix * shape_.a_stride, b + matrix * shape_.b_stride,
              packed + (shape_.b_stride == 0 ? 0 : matrix * k * n), to + matrix * m * n);
      if (epilogue != nullptr) finish(block, matrix, *epilogue);
      begin += row_panel_end - row_panel;
    }
  });
}

/// A product of microseconds at most, without a look at how work could be divided. Which tiles
/// there are makes no difference to what they hold.
template <class T>
void Gemm<T>::run_small(const T* a, const T* b, T* c) const {
  const detail::FloatingPointGuard guard;
  const auto [batch, m, n, k, transpose_a, transpose_b, a_stride, b_stride] = shape_;
  const std::int64_t width = kernels_.vectors * kernels_.lanes;
  const std::int64_t a_row = transpose_a ? 1 : k;
  const std::int64_t a_depth = transpose_a ? m : 1;
  for (std::int64_t j = 0; j < n; j += width) {
    const std::int64_t columns = std::min(width, n - j);
    for (std::int64_t i = 0; i < m; i += kernels_.rows) {
      kernels_.tile({std::min(kernels_.rows, m - i), columns, k, a + i * a_row, a_row, a_depth,
                     b + j, n, c + i * n + j, n, false});
    }
  }
}

template <class T>
void Gemm<T>::compute(const Block& block, const T* a, const T* b, const T* packed, T* c) const {
  const std::int64_t m = shape_.m;
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  const std::int64_t vectors = divide_up(n, kernels_.lanes);
  const std::int64_t a_row = shape_.transpose_a ? 1 : k;
  const std::int64_t a_depth = shape_.transpose_a ? m : 1;
  const bool packs_a = block.column_panel_end - block.column_panel_begin >= panels_worth_packing;
  std::array<T, most_rows * depth_block> panel;  // NOLINT: written before it is read
  for (std::int64_t p = block.term_begin; p < block.term_end;) {
    // Blocks of terms end where `pack` has cut b.
    const std::int64_t cut = p / depth_block * depth_block;
    const std::int64_t cut_depth = std::min(depth_block, k - cut);
    const std::int64_t depth = std::min(block.term_end, cut + depth_block) - p;
    for (std::int64_t r = block.row_panel_begin; r < block.row_panel_end; ++r) {
      const std::int64_t i = part_begin(m, row_panels_, r);
      const std::int64_t rows = part_begin(m, row_panels_, r + 1) - i;
      const T* from = a + i * a_row + p * a_depth;
      Tile<T> tile{
          rows, 0, depth, from, a_row, a_depth, nullptr, n, nullptr, n, p > block.term_begin};
      if (packs_a) {
        if (shape_.transpose_a) {
          for (std::int64_t q = 0; q < depth; ++q)
            std::copy_n(from + q * a_depth, rows, panel.data() + q * rows);
        } else {
          transpose(from, a_row, rows, depth, panel.data());
        }
        tile.a = panel.data();
        tile.a_row = 1;
        tile.a_depth = rows;
      }
      for (std::int64_t s = block.column_panel_begin; s < block.column_panel_end; ++s) {
        const std::int64_t j = part_begin(vectors, column_panels_, s) * kernels_.lanes;
        tile.columns = std::min(part_begin(vectors, column_panels_, s + 1) * kernels_.lanes, n) - j;
        tile.b = b + p * n + j;
        if (packs_b_) {
          tile.b = packed + cut * n + j * cut_depth + (p - cut) * tile.columns;
          tile.b_depth = tile.columns;
        }
        tile.c = c + i * n + j;
        kernels_.tile(tile);
      }
    }
    p += depth;
  }
}

template <class T>
void Gemm<T>::finish(const Block& block, std::int64_t matrix,
                     const kernel::Epilogue& epilogue) const {
  const std::int64_t n = shape_.n;
  const std::int64_t vectors = divide_up(n, kernels_.lanes);
  const auto row = [&](std::int64_t panel) {
    return matrix * shape_.m + part_begin(shape_.m, row_panels_, panel);
  };
  const auto column = [&](std::int64_t panel) {
    return std::min(part_begin(vectors, column_panels_, panel) * kernels_.lanes, n);
  };
  const std::int64_t first = row(block.row_panel_begin);
  const std::int64_t last = row(block.row_panel_end);
  const std::int64_t left = column(block.column_panel_begin);
  const std::int64_t right = column(block.column_panel_end);
  if (right - left == n) return epilogue(first * n, last * n);
  for (std::int64_t i = first; i < last; ++i) epilogue(i * n + left, i * n + right);
}

template <class T>
void Gemm<T>::run_dots(const T* a, const T* b, T* c, T* partial) const {
  const std::int64_t m = shape_.m;
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  // The longer side is the matrix; each row of the other one is a vector.
  const bool a_is_matrix = n == 1;
  const std::int64_t rows = a_is_matrix ? m : n;
  const std::int64_t others = a_is_matrix ? 1 : m;
  const std::int64_t units = shape_.batch * splits_ * rows;
  parallel_for(
      units, grain_of(8.0 * static_cast<double>(k * others) / static_cast<double>(splits_)),
      [&](std::int64_t begin, std::int64_t end) {
        while (begin < end) {
          const std::int64_t row = begin % rows;
          const std::int64_t split = begin / rows % splits_;
          const std::int64_t matrix = begin / rows / splits_;
          const std::int64_t count = std::min(rows - row, end - begin);
          const std::int64_t p = part_begin(k, splits_, split);
          const std::int64_t depth = part_begin(k, splits_, split + 1) - p;
          const T* const lines =
              (a_is_matrix ? a + matrix * shape_.a_stride : b + matrix * shape_.b_stride) +
              row * k + p;
          const T* const vectors =
              (a_is_matrix ? b + matrix * shape_.b_stride : a + matrix * shape_.a_stride) + p;
          T* const to = (split == 0 ? c : partial + (split - 1) * shape_.batch * m * n) +
                        matrix * m * n + row;
          for (std::int64_t o = 0; o < others; ++o)
            kernels_.dots(count, depth, lines, k, vectors + o * k, to + o * rows);
          begin += count;
        }
      });
}

template <class T>
void Gemm<T>::run_rows(const T* a, const T* b, T* c, T* partial) const {
  const std::int64_t m = shape_.m;
  const std::int64_t n = shape_.n;
  const std::int64_t k = shape_.k;
  // Either m or n is 1; the other matrix is stored [k, columns].
  const bool a_is_vector = m == 1;
  const std::int64_t columns = a_is_vector ? n : m;
  const std::int64_t strips = divide_up(columns, row_strip);
  const std::int64_t units = shape_.batch * splits_ * strips;
  const std::int64_t width = std::min(columns, row_strip);
  parallel_for(
      units, grain_of(8.0 * static_cast<double>(k * width) / static_cast<double>(splits_)),
      [&](std::int64_t begin, std::int64_t end) {
        for (; begin < end; ++begin) {
          const std::int64_t j = begin % strips * row_strip;
          const std::int64_t split = begin / strips % splits_;
          const std::int64_t matrix = begin / strips / splits_;
          const std::int64_t p = part_begin(k, splits_, split);
          const std::int64_t depth = part_begin(k, splits_, split + 1) - p;
          const T* const lines =
              (a_is_vector ? b + matrix * shape_.b_stride : a + matrix * shape_.a_stride) +
              p * columns + j;
          const T* const vector =
              (a_is_vector ? a + matrix * shape_.a_stride : b + matrix * shape_.b_stride) + p;
          T* const to =
              (split == 0 ? c : partial + (split - 1) * shape_.batch * m * n) + matrix * m * n + j;
          kernels_.row(std::min(row_strip, columns - j), depth, vector, lines, columns, to);
        }
      });
}

template class Gemm<float>;
template class Gemm<double>;

}  // namespace rill::cpu
