// The innermost loops of matrix products, one set per instruction set.
//
// Small products spend their time in a library's calls, packing and threading decisions rather than
// in its arithmetic, and large ones are cut by rill anyway, so rill has loops of its own.
//
// Invariant: c[i,j] starts from 0 (or from its old value) and takes fma(a[i,p], b[p,j], c[i,j])
// for p = 0, 1, ... in this order, whatever the tile. So a product's bits depend neither on how it
// is cut into tiles nor, where there is a fused multiply-add, on the instruction set. (The
// baseline has none and rounds product and sum.)
#pragma once

#include <cstdint>

#include <rill/cpu/features.h>

namespace rill::cpu {

/// c[rows,columns] = a[rows,depth] b[depth,columns], or c += a b. Strides are in elements; the last
/// axis of b and c is contiguous.
template <class T>
struct Tile {
  std::int64_t rows, columns, depth;
  const T* a;
  std::int64_t a_row, a_depth;
  const T* b;
  std::int64_t b_depth;
  T* c;
  std::int64_t c_row;
  bool accumulate;
};

/// c[rows,columns] = a b, where a's rows are windows that overlap in memory: row r begins at
/// a + starts[r]. A row consists of `runs` runs of `depth` elements, which is also how b's rows are
/// numbered. The last axis of b and c is contiguous.
template <class T>
struct WindowTile {
  std::int64_t rows, columns, runs, depth;
  const T* a;
  const std::int64_t* starts;
  std::int64_t a_run, a_depth;
  const T* b;
  std::int64_t b_run, b_depth;
  T* c;
  std::int64_t c_row;
};

/// c[rows,columns] = a b, where each row of a begins one step after the row above, and consists of
/// elements of the rows' steps in turn: row r's tap t is `depth` elements at a + (r + t) * a_step.
/// So rows share most of what they read. There are `runs` of such taps; b has a row per tap and
/// element. All columns fit into one vector.
template <class T>
struct SlidingTile {
  std::int64_t rows, columns, runs, taps, depth;
  const T* a;
  std::int64_t a_run, a_step;
  const T* b;
  std::int64_t b_run, b_tap, b_depth;
  T* c;
  std::int64_t c_row;
};

/// What one instruction set offers.
template <class T>
struct GemmKernels {
  std::int64_t rows;     ///< of the largest tile
  std::int64_t lanes;    ///< columns per vector
  std::int64_t vectors;  ///< per row of the largest tile

  /// Computes a tile of at most `rows` x `vectors * lanes`.
  void (*tile)(const Tile<T>& tile);

  /// The same of windows. The order is that of `tile`, run after run.
  void (*windows)(const WindowTile<T>& tile);

  /// The same of windows that slide, with at most `sliding_rows` x `lanes`. Run after run adds
  /// three taps at a time (the last time, the rest), element by element, tap after tap.
  std::int64_t sliding_rows;
  void (*sliding)(const SlidingTile<T>& tile);

  /// y[j] = sum over p of x[p] b[p,j], for all `columns`; x and b's rows are contiguous. The order
  /// is that of `tile`.
  void (*row)(std::int64_t columns, std::int64_t depth, const T* x, const T* b,
              std::int64_t b_depth, T* y);

  /// y[i] = sum over p of a[i,p] x[p], where a's rows and x are contiguous: element p is added to
  /// lane p mod L of L = 256 / sizeof(T) partial sums, which are merged by a binary tree.
  void (*dots)(std::int64_t rows, std::int64_t depth, const T* a, std::int64_t a_row, const T* x,
               T* y);
};

/// The kernels of a level, for float and double.
template <class T>
const GemmKernels<T>& gemm_kernels(Level level);

}  // namespace rill::cpu
