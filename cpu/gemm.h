// Products of float and double matrices, cut into tiles and computed by the thread pool.
//
// Invariant: the order in which the terms of an element are added is a function of the shape and
// the level alone, never of threads, tiles or memory layout: p = 0, 1, ... in one chain, unless
// the shape asks for several (long sums of few elements, and the lanes of a dot product), which
// are merged by a binary tree.
#pragma once

#include <cstddef>
#include <cstdint>

#include <rill/cpu/features.h>
#include <rill/cpu/gemm_kernels.h>
#include <rill/kernel/backend.h>

namespace rill::cpu {

/// c[batch,m,n] = a[batch,m,k] b[batch,k,n]. Each matrix is contiguous; where `transpose_a` is set,
/// a's matrices are stored as [k,m], and b's as [n,k]. A batch stride is the distance of two
/// matrices in elements; 0 means that all are the same.
struct GemmShape {
  std::int64_t batch = 1;
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  std::int64_t a_stride = 0, b_stride = 0;

  friend bool operator==(const GemmShape&, const GemmShape&) = default;
};

/// A prepared product. T is float or double.
template <class T>
class Gemm {
 public:
  Gemm(const GemmShape& shape, Level level);

  /// Scratch memory that `run` needs, in bytes.
  [[nodiscard]] std::size_t workspace() const;

  /// How the terms of an element are added, which is all that its bits depend on.
  struct Order {
    std::int64_t terms = 0;
    std::int64_t splits = 1;
    bool lanes = false;  ///< of a dot product; else one chain per split
    friend bool operator==(const Order&, const Order&) = default;
  };
  [[nodiscard]] Order order() const {
    return {.terms = shape_.k, .splits = splits_, .lanes = method_ == Method::dots};
  }

  /// Whether elements are finished long before the last one is, or so few that it makes no
  /// difference.
  [[nodiscard]] bool takes_epilogue() const;

  /// Computes c, whose matrices are contiguous, and the epilogue over its elements, if there is
  /// one. c overlaps neither input. Allocates nothing.
  void run(const T* a, const T* b, T* c, void* workspace,
           const kernel::Epilogue* epilogue = nullptr) const;

 private:
  enum class Method : std::uint8_t {
    tiles,  // the general case
    small,  // tiles that the calling thread computes at once
    dots,   // rows of a matrix times a vector, both contiguous
    rows,   // a vector times a matrix
  };
  /// Tiles that one thread computes one after the other.
  struct Block;

  [[nodiscard]] std::int64_t packed_elements() const;
  void pack(const T* b, T* packed) const;
  void run_tiles(const T* a, const T* b, const T* packed, T* c, T* partial,
                 const kernel::Epilogue* epilogue) const;
  void run_small(const T* a, const T* b, T* c) const;
  void run_dots(const T* a, const T* b, T* c, T* partial) const;
  void run_rows(const T* a, const T* b, T* c, T* partial) const;
  void compute(const Block& block, const T* a, const T* b, const T* packed, T* c) const;
  void finish(const Block& block, std::int64_t matrix, const kernel::Epilogue& epilogue) const;

  GemmShape shape_;
  GemmKernels<T> kernels_;
  Method method_ = Method::tiles;
  bool packs_b_ = false;
  std::int64_t row_panels_ = 0;
  std::int64_t column_panels_ = 0;
  std::int64_t chunks_ = 1;  // of column panels
  std::int64_t splits_ = 1;  // of the terms, each summed by itself
};

extern template class Gemm<float>;
extern template class Gemm<double>;

}  // namespace rill::cpu
