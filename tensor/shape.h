/// The sizes of a tensor, outermost first.
/// Invariant: at most `max_rank` sizes, held inline; copying allocates nothing.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <string>

#include <rill/tensor/dim.h>
#include <rill/tensor/export.h>
#include <rill/tensor/range.h>

namespace rill {

/// The largest number of axes a tensor can have.
inline constexpr int max_rank = 8;

/// `Shape{2, 3}` has rank 2 and 6 elements; `Shape{}` is a scalar's.
class RILL_API Shape {
 public:
  constexpr Shape() = default;
  /// Throws `ShapeError` for more than `max_rank` sizes.
  constexpr Shape(std::initializer_list<Dim> sizes) {
    for (Dim size : sizes) push_back(size);
  }
  /// Of a vector, an array or a span of whatever integers.
  template <ContiguousRange R>
    requires std::constructible_from<Dim, ElementOf<R>>
  constexpr explicit Shape(const R& sizes) {
    for (const auto& size : sizes) push_back(size);
  }

  [[nodiscard]] constexpr int rank() const { return rank_; }
  /// The size along `axis`; the caller keeps it in [0, rank).
  constexpr Dim operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }
  constexpr Dim& operator[](int axis) { return sizes_[static_cast<std::size_t>(axis)]; }
  [[nodiscard]] constexpr const Dim* begin() const { return sizes_.data(); }
  [[nodiscard]] constexpr const Dim* end() const { return sizes_.data() + rank_; }

  constexpr void push_back(Dim size) {
    if (rank_ == max_rank) fail_rank();
    sizes_[static_cast<std::size_t>(rank_++)] = size;
  }
  constexpr void erase(int axis) {
    for (int i = axis + 1; i < rank_; ++i) (*this)[i - 1] = (*this)[i];
    --rank_;
  }
  constexpr void insert(int axis, Dim size) {
    push_back(size);
    for (int i = rank_ - 1; i > axis; --i) (*this)[i] = (*this)[i - 1];
    (*this)[axis] = size;
  }

  /// True when no size is symbolic.
  [[nodiscard]] constexpr bool known() const {
    for (Dim size : *this) {
      if (!size.known()) return false;
    }
    return true;
  }
  /// The number of elements. Throws `ShapeError` when it overflows 2^61.
  [[nodiscard]] constexpr Dim size() const {
    Dim product = 1;
    for (Dim size : *this) {
      if (identical(size, 0)) return 0;
      product = product * size;
    }
    return product;
  }

  friend constexpr bool operator==(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (a[i] != b[i]) return false;
    }
    return true;
  }
  /// As of two sizes.
  friend constexpr bool identical(const Shape& a, const Shape& b) {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i) {
      if (!identical(a[i], b[i])) return false;
    }
    return true;
  }
  /// `[2,3]`, as it stands in error texts.
  [[nodiscard]] std::string text() const;

 private:
  [[noreturn]] static void fail_rank();

  std::array<Dim, max_rank> sizes_{};
  int rank_ = 0;
};

RILL_API std::ostream& operator<<(std::ostream& out, const Shape& shape);

/// The shape that `a` and `b` broadcast to: right-aligned, a size of 1 stretches (NumPy's rule).
/// Throws `ShapeError` where sizes differ. An unknown size meets 1 or its equal only.
RILL_API Shape broadcast(const Shape& a, const Shape& b);

}  // namespace rill
