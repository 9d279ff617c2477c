// The body of the product kernels, written once over a vector type.
//
// Included by one .cpp per instruction set, after that file has switched the compiler to it;
// everything here is local to that file, so that no other code is compiled for instructions the
// machine may lack.
//
// Invariant: see <rill/cpu/gemm_kernels.h>; every path adds in the order p = 0, 1, ...
//
// A vector type V is a `PlainVector` that says how large tiles are (max_rows, max_vectors,
// max_sliding_rows) and has
// the functions load_first (the first n lanes, zeros behind), store_first, and fma; and Narrow, a
// vector type of half the lanes, where using that one for few columns pays.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <rill/cpu/gemm_kernels.h>

namespace {

using rill::cpu::GemmKernels;
using rill::cpu::SlidingTile;
using rill::cpu::Tile;
using rill::cpu::WindowTile;

/// What vectors of `bytes` bytes can do on every machine, in the compilers' own notation.
template <class T, int bytes>
struct PlainVector {
  using Element = T;
  using Register [[gnu::vector_size(bytes)]] = T;
  static constexpr int lanes = bytes / static_cast<int>(sizeof(T));
  using Memory [[gnu::vector_size(bytes), gnu::aligned(sizeof(T)), gnu::may_alias]] = T;
  static Register zero() { return Register{}; }
  static Register load(const T* p) { return *reinterpret_cast<const Memory*>(p); }
  static void store(T* p, Register x) { *reinterpret_cast<Memory*>(p) = x; }
  static Register broadcast(const T* p) { return *p - Register{}; }
  static Register add(Register a, Register b) { return a + b; }
  /// Adds the upper half of the lanes to the lower until one is left.
  static T sum(Register x) {
    if constexpr (lanes == 2) {
      return x[0] + x[1];
    } else {
      using Half = PlainVector<T, bytes / 2>;
      const T* const lower = reinterpret_cast<const T*>(&x);
      return Half::sum(Half::load(lower) + Half::load(lower + lanes / 2));
    }
  }
};

template <class V, int rows, int vectors, bool partial>
void compute_tile(const Tile<typename V::Element>& tile) {
  using Element = typename V::Element;
  using Register = typename V::Register;
  const std::int64_t last = tile.columns - (vectors - 1) * V::lanes;  // columns in the last vector
  const auto load = [&](const Element* p, int v) {
    if (partial && v == vectors - 1) return V::load_first(p + v * V::lanes, last);
    return V::load(p + v * V::lanes);
  };
  Register sum[rows][vectors];
  if (tile.accumulate) {
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = load(tile.c + r * tile.c_row, v);
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = V::zero();
    }
  }
  std::int64_t row_offset[rows];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) row_offset[r] = r * tile.a_row;
  const Element* a = tile.a;
  const Element* b = tile.b;
  for (std::int64_t p = 0; p < tile.depth; ++p) {
    Register line[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) line[v] = load(b, v);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const Register factor = V::broadcast(a + row_offset[r]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) sum[r][v] = V::fma(factor, line[v], sum[r][v]);
    }
    a += tile.a_depth;
    b += tile.b_depth;
  }
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
    Element* const c = tile.c + r * tile.c_row;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      if (partial && v == vectors - 1) {
        V::store_first(c + v * V::lanes, sum[r][v], last);
      } else {
        V::store(c + v * V::lanes, sum[r][v]);
      }
    }
  }
}

/// Stores the first `columns` of `rows` rows. Where one row follows the other in memory, most are
/// stored as whole vectors, whose ends the next row overwrites: masked stores are slow.
template <class V, int rows, int vectors>
[[gnu::always_inline]] inline void store_rows(const typename V::Register (&sum)[rows][vectors],
                                              typename V::Element* c, std::int64_t c_row,
                                              std::int64_t columns) {
  const std::int64_t room = c_row == columns ? rows * columns - V::lanes : -1;
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) {
      const std::int64_t column = v * V::lanes;
      const std::int64_t at = r * c_row + column;
      if (at <= room || column + V::lanes <= columns) {
        V::store(c + at, sum[r][v]);
      } else {
        V::store_first(c + at, sum[r][v], columns - column);
      }
    }
  }
}

template <class V, int rows, int vectors, bool partial>
void compute_windows(const WindowTile<typename V::Element>& tile) {
  using Element = typename V::Element;
  using Register = typename V::Register;
  const std::int64_t last = tile.columns - (vectors - 1) * V::lanes;  // columns in the last vector
  Register sum[rows][vectors];
  std::int64_t start[rows];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
    start[r] = tile.starts[r];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) sum[r][v] = V::zero();
  }
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const Element* a = tile.a + run * tile.a_run;
    const Element* b = tile.b + run * tile.b_run;
    for (std::int64_t p = 0; p < tile.depth; ++p) {
      Register line[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) {
        line[v] = partial && v == vectors - 1 ? V::load_first(b + v * V::lanes, last)
                                              : V::load(b + v * V::lanes);
      }
#pragma GCC unroll 16
      for (int r = 0; r < rows; ++r) {
        const Register factor = V::broadcast(a + start[r]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sum[r][v] = V::fma(factor, line[v], sum[r][v]);
      }
      a += tile.a_depth;
      b += tile.b_depth;
    }
  }
  store_rows<V, rows, vectors>(sum, tile.c, tile.c_row, tile.columns);
}

/// Adds `taps` taps to all rows: an element of a is read once and meets every tap that lies over
/// it.
template <class V, int rows, int taps>
[[gnu::always_inline]] inline void slide(typename V::Register (&sum)[rows][1],
                                         const SlidingTile<typename V::Element>& tile,
                                         const typename V::Element* a,
                                         const typename V::Element* b) {
  for (std::int64_t p = 0; p < tile.depth; ++p) {
    typename V::Register line[taps];
#pragma GCC unroll 4
    for (int t = 0; t < taps; ++t) line[t] = V::load_first(b + t * tile.b_tap, tile.columns);
    const typename V::Element* x = a;
#pragma GCC unroll 20
    for (int q = 0; q < rows + taps - 1; ++q) {
      const typename V::Register factor = V::broadcast(x);
#pragma GCC unroll 4
      for (int t = 0; t < taps; ++t) {
        const int r = q - t;
        if (r >= 0 && r < rows) sum[r][0] = V::fma(factor, line[t], sum[r][0]);
      }
      x += tile.a_step;
    }
    ++a;
    b += tile.b_depth;
  }
}

template <class V, int rows>
void compute_sliding(const SlidingTile<typename V::Element>& tile) {
  typename V::Register sum[rows][1];
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) sum[r][0] = V::zero();
  for (std::int64_t run = 0; run < tile.runs; ++run) {
    const typename V::Element* a = tile.a + run * tile.a_run;
    const typename V::Element* b = tile.b + run * tile.b_run;
    std::int64_t left = tile.taps;
    for (; left >= 3; left -= 3) {
      slide<V, rows, 3>(sum, tile, a, b);
      a += 3 * tile.a_step;
      b += 3 * tile.b_tap;
    }
    if (left == 2) slide<V, rows, 2>(sum, tile, a, b);
    if (left == 1) slide<V, rows, 1>(sum, tile, a, b);
  }
  store_rows<V, rows, 1>(sum, tile.c, tile.c_row, tile.columns);
}

/// Indexed by rows - 1, vectors - 1 and whether the last vector is partial.
template <class V, std::size_t... index>
constexpr auto tile_functions(std::index_sequence<index...>) {
  return std::array<void (*)(const Tile<typename V::Element>&), sizeof...(index)>{
      compute_tile < V, index / (2 * V::max_vectors) + 1, index / 2 % V::max_vectors + 1,
      index % 2 != 0 > ...};
}

template <class V, std::size_t... index>
constexpr auto window_functions(std::index_sequence<index...>) {
  return std::array<void (*)(const WindowTile<typename V::Element>&), sizeof...(index)>{
      compute_windows < V, index / (2 * V::max_vectors) + 1, index / 2 % V::max_vectors + 1,
      index % 2 != 0 > ...};
}

template <class V>
constexpr auto all_tiles = std::make_index_sequence<2 * V::max_vectors * V::max_rows>{};

template <class V>
std::size_t index_of(std::int64_t rows, std::int64_t columns) {
  const std::int64_t vectors = (columns + V::lanes - 1) / V::lanes;
  const bool partial = columns % V::lanes != 0;
  return static_cast<std::size_t>(((rows - 1) * V::max_vectors + vectors - 1) * 2 + partial);
}

template <class V>
void tile(const Tile<typename V::Element>& tile) {
  static constexpr auto functions = tile_functions<V>(all_tiles<V>);
  functions[index_of<V>(tile.rows, tile.columns)](tile);
}

template <class V, std::size_t... index>
constexpr auto sliding_functions(std::index_sequence<index...>) {
  return std::array<void (*)(const SlidingTile<typename V::Element>&), sizeof...(index)>{
      compute_sliding<V, index + 1>...};
}

template <class V>
void sliding(const SlidingTile<typename V::Element>& tile) {
  if constexpr (requires { typename V::Narrow; }) {
    if (tile.columns <= V::Narrow::lanes) return sliding<typename V::Narrow>(tile);
  }
  static constexpr auto functions =
      sliding_functions<V>(std::make_index_sequence<V::max_sliding_rows>{});
  functions[static_cast<std::size_t>(tile.rows - 1)](tile);
}

/// Rows of few elements are computed in vectors of half the lanes where V has such: a processor
/// computes up to twice as many of these at a time.
template <class V>
void windows(const WindowTile<typename V::Element>& tile) {
  if constexpr (requires { typename V::Narrow; }) {
    if (tile.columns <= V::Narrow::lanes) return windows<typename V::Narrow>(tile);
  }
  static constexpr auto functions = window_functions<V>(all_tiles<V>);
  functions[index_of<V>(tile.rows, tile.columns)](tile);
}

/// Adds `terms` rows of b to y. Whole rows pass by, as memory is fastest in few long streams.
template <class V, int terms>
void add_rows(std::int64_t columns, const typename V::Element* x, const typename V::Element* b,
              std::int64_t b_depth, typename V::Element* y, bool accumulate) {
  typename V::Register factor[terms];
#pragma GCC unroll 8
  for (int t = 0; t < terms; ++t) factor[t] = V::broadcast(x + t);
  std::int64_t j = 0;
  for (; j + V::lanes <= columns; j += V::lanes) {
    auto sum = accumulate ? V::load(y + j) : V::zero();
#pragma GCC unroll 8
    for (int t = 0; t < terms; ++t) sum = V::fma(factor[t], V::load(b + t * b_depth + j), sum);
    V::store(y + j, sum);
  }
  if (j == columns) return;
  auto sum = accumulate ? V::load_first(y + j, columns - j) : V::zero();
#pragma GCC unroll 8
  for (int t = 0; t < terms; ++t)
    sum = V::fma(factor[t], V::load_first(b + t * b_depth + j, columns - j), sum);
  V::store_first(y + j, sum, columns - j);
}

template <class V>
void row(std::int64_t columns, std::int64_t depth, const typename V::Element* x,
         const typename V::Element* b, std::int64_t b_depth, typename V::Element* y) {
  std::int64_t p = 0;
  for (; p + 8 <= depth; p += 8) add_rows<V, 8>(columns, x + p, b + p * b_depth, b_depth, y, p > 0);
  for (; p < depth; ++p) add_rows<V, 1>(columns, x + p, b + p * b_depth, b_depth, y, p > 0);
}

/// One row after the other: measured, that is faster than several at once, as each is one stream.
template <class V>
void dots(std::int64_t rows, std::int64_t depth, const typename V::Element* a, std::int64_t a_row,
          const typename V::Element* x, typename V::Element* y) {
  constexpr int partial_sums = 256 / static_cast<int>(sizeof(typename V::Element));
  constexpr int vectors = partial_sums / V::lanes;
  for (std::int64_t i = 0; i < rows; ++i, a += a_row) {
    typename V::Register sum[vectors];
#pragma GCC unroll 32
    for (int v = 0; v < vectors; ++v) sum[v] = V::zero();
    std::int64_t p = 0;
    for (; p + partial_sums <= depth; p += partial_sums) {
#pragma GCC unroll 32
      for (int v = 0; v < vectors; ++v) {
        const std::int64_t at = p + v * V::lanes;
        sum[v] = V::fma(V::load(a + at), V::load(x + at), sum[v]);
      }
    }
#pragma GCC unroll 32
    for (int v = 0; v < vectors; ++v) {
      if (p >= depth) break;
      const std::int64_t left = depth - p < V::lanes ? depth - p : V::lanes;
      sum[v] = V::fma(V::load_first(a + p, left), V::load_first(x + p, left), sum[v]);
      p += V::lanes;
    }
#pragma GCC unroll 8
    for (int width = vectors / 2; width > 0; width /= 2) {
#pragma GCC unroll 16
      for (int v = 0; v < width; ++v) sum[v] = V::add(sum[v], sum[v + width]);
    }
    y[i] = V::sum(sum[0]);
  }
}

template <class V>
constexpr GemmKernels<typename V::Element> kernels_of() {
  return {V::max_rows,         V::lanes,   V::max_vectors, tile<V>, windows<V>,
          V::max_sliding_rows, sliding<V>, row<V>,         dots<V>};
}

}  // namespace
