/// What stands between the parentheses of `x(...)` and `x.at(...)`.
/// Invariant: an `Index` is a small value that borrows nothing but the tensors it copies.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <utility>

#include <rill/tensor/axes.h>
#include <rill/tensor/dim.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// Where a slice begins or ends: a number, of which negative ones count from the end and those
/// beyond the axis mean its end; or a size that is not known yet, which counts from the front.
class Bound {
 public:
  template <AxisNumber T>
  constexpr Bound(T number)  // NOLINT(google-explicit-constructor): slices are written with numbers
      : at_(std::cmp_less(number, -farthest)     ? -farthest
            : std::cmp_greater(number, farthest) ? farthest
                                                 : static_cast<std::int64_t>(number)) {}
  constexpr Bound(Dim size) : at_(size) {}  // NOLINT(google-explicit-constructor): and with sizes

  [[nodiscard]] constexpr Dim at() const { return at_; }
  friend constexpr bool operator==(const Bound&, const Bound&) = default;

 private:
  static constexpr std::int64_t farthest = std::int64_t{1} << 60;  // longer than every axis
  Dim at_;
};

/// A range of an axis, as Python's `first:last:step`. `slice()` is the whole axis.
struct Slice {
  std::optional<Bound> first;
  std::optional<Bound> last;
  std::int64_t step = 1;
};
constexpr Slice slice() { return {}; }
/// Elements [first, last) with a step; negative numbers count from the end, a negative step walks
/// backwards.
constexpr Slice slice(std::optional<Bound> first, std::optional<Bound> last,
                      std::int64_t step = 1) {
  return {first, last, step};
}

struct NewAxis {};
struct Ellipsis {};
/// Inserts an axis of size 1.
inline constexpr NewAxis newaxis{};
/// Stands for as many whole axes as the other indices leave.
inline constexpr Ellipsis ellipsis{};

/// One index.
class RILL_API Index {
 public:
  enum class Kind : std::uint8_t { number, size, slice, new_axis, others, tensor };

  // NOLINTBEGIN(google-explicit-constructor): whatever can be an index converts
  template <AxisNumber T>
  constexpr Index(T number) : number_(static_cast<std::int64_t>(number)) {}
  /// A size that is not known yet counts from the front, and is looked at once it is known.
  Index(Dim at)
      : kind_(at.known() ? Kind::number : Kind::size),
        number_(at.known() ? at.value() : 0),
        size_(at) {}
  Index(const Slice& range) : kind_(Kind::slice), slice_(range) {}
  Index(NewAxis) : kind_(Kind::new_axis) {}
  Index(Ellipsis) : kind_(Kind::others) {}
  Index(Tensor indices) : kind_(Kind::tensor), tensor_(std::move(indices)) {}
  template <TensorLike T>
  Index(const T& source) : kind_(Kind::tensor), tensor_(source) {}
  /// `x({0, 2})` is `x(slice(0, 2))`; three numbers add a step. Throws `IndexError` for another
  /// count.
  template <AxisNumber T>
  Index(std::initializer_list<T> range, Where where = Where::here())
      : kind_(Kind::slice), slice_(from_list(range.begin(), range.size(), where)) {}
  /// The same with sizes: `x({1, batch})`. Throws `IndexError` too for a step that is not known.
  Index(std::initializer_list<Dim> range, Where where = Where::here())
      : kind_(Kind::slice), slice_(from_list(range.begin(), range.size(), where)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] std::int64_t number() const { return number_; }
  [[nodiscard]] Dim size() const { return size_; }
  [[nodiscard]] const Slice& range() const { return slice_; }
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }

 private:
  template <class T>
  static Slice from_list(const T* numbers, std::size_t count, Where where) {
    if (count < 2 || count > 3) fail_count(count, where);
    return {numbers[0], numbers[1], count == 3 ? step_of(numbers[2], where) : 1};
  }
  template <AxisNumber T>
  static std::int64_t step_of(T step, Where) {
    return static_cast<std::int64_t>(step);
  }
  static std::int64_t step_of(Dim step, Where where);
  [[noreturn]] static void fail_count(std::size_t count, Where where);

  Kind kind_ = Kind::number;
  std::int64_t number_ = 0;
  Dim size_;
  Slice slice_;
  Tensor tensor_;
};

/// What `x.at(...)` returns: a place in a tensor that can be assigned to, and nothing else. The
/// index is resolved inside the assignment, so that no view holds the buffer and forces a copy.
class RILL_API Slot {
 public:
  Slot(const Slot&) = delete;
  /// Not from a place: read what is to be copied, `x.at(0) = y(1)`.
  void operator=(const Slot&) = delete;
  void operator=(const Operand& value) &&;
  void operator+=(const Operand& value) &&;
  void operator-=(const Operand& value) &&;
  void operator*=(const Operand& value) &&;
  void operator/=(const Operand& value) &&;
  void operator%=(const Operand& value) &&;
  void operator&=(const Operand& value) &&;
  void operator|=(const Operand& value) &&;
  void operator^=(const Operand& value) &&;
  void operator<<=(const Operand& value) &&;
  void operator>>=(const Operand& value) &&;

 private:
  friend class Tensor;
  Slot(Tensor& target, const std::array<const Index*, max_rank>& indices, Where where)
      : target_(target), indices_(indices), where_(where) {}

  Tensor& target_;
  std::array<const Index*, max_rank> indices_;
  Where where_;
};

}  // namespace rill
