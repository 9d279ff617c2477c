/// Axes of a reduction, a transposition and the like. Invariant: at most `max_rank` small numbers,
/// held inline.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <rill/tensor/export.h>
#include <rill/tensor/range.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/where.h>

namespace rill {

/// An integer type that may name an axis; not bool, not double: `sum(x, true)` is a mistake.
template <class T>
concept AxisNumber = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>;

/// One axis or a list: `sum(x, -1)`, `sum(x, {0, 1})`. Negative ones count from the end.
class RILL_API Axes {
 public:
  constexpr Axes() = default;
  template <AxisNumber T>
  constexpr Axes(T axis) {  // NOLINT(google-explicit-constructor): one axis is a list of one
    push_back(axis);
  }
  template <AxisNumber T>
  constexpr Axes(std::initializer_list<T> axes) {
    for (T axis : axes) push_back(axis);
  }
  /// Of a vector, an array or a span: axes that are known at run time only.
  template <ContiguousRange R>
    requires AxisNumber<ElementOf<R>>
  constexpr Axes(const R& axes) {  // NOLINT(google-explicit-constructor): as braces convert
    for (const auto& axis : axes) push_back(axis);
  }

  [[nodiscard]] constexpr int count() const { return count_; }
  constexpr int operator[](int i) const { return axes_[static_cast<std::size_t>(i)]; }
  [[nodiscard]] constexpr const std::int8_t* begin() const { return axes_.data(); }
  [[nodiscard]] constexpr const std::int8_t* end() const { return axes_.data() + count_; }
  template <AxisNumber T>
  constexpr void push_back(T axis) {
    if (count_ == max_rank || !std::in_range<std::int8_t>(axis)) fail();
    axes_[static_cast<std::size_t>(count_++)] = static_cast<std::int8_t>(axis);
  }
  [[nodiscard]] constexpr bool contains(int axis) const {
    for (int a : *this) {
      if (a == axis) return true;
    }
    return false;
  }
  friend constexpr bool operator==(const Axes&, const Axes&) = default;
  [[nodiscard]] std::string text() const;

 private:
  [[noreturn]] static void fail();

  std::array<std::int8_t, max_rank> axes_{};
  std::int8_t count_ = 0;
};

/// Brings `axis` into [0, rank). Throws `IndexError`: `sum: axis 3 is outside [-2, 2) for
/// float32[2,3]`.
RILL_API int normalized_axis(int axis, int rank, std::string_view operation, std::string_view given,
                             Where where);

}  // namespace rill
