/// One size of a shape: a number, or a symbolic expression over sizes that are not known yet.
/// Invariant: 8 bytes. Numbers lie in [-2^61, 2^61); every other bit pattern is an interned
/// expression in canonical form, so equal expressions have equal bits.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <rill/tensor/export.h>

namespace rill {

class Dim;
namespace detail {
/// For functions that are captured while a size is unknown (tensor/different_sizes.h).
RILL_API void found_different(Dim a, Dim b);
}  // namespace detail

/// A size. Mixes with integers; becomes one only explicitly, and only when it is known:
///
///     Dim batch("batch");
///     Shape s{batch, 28 * 28};
///     (batch * 2) / 2 == batch      // true
///     batch.known()                 // false
class RILL_API Dim {
  static constexpr std::int64_t limit = std::int64_t{1} << 61;
  template <class T>
  static constexpr std::int64_t checked(T value) {
    if constexpr (sizeof(T) == 8) {
      if (std::cmp_less(value, -limit) || std::cmp_greater_equal(value, limit)) fail_range();
    }
    return static_cast<std::int64_t>(value);
  }

 public:
  constexpr Dim() = default;
  /// A known size. Throws `ValueError` outside [-2^61, 2^61).
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr Dim(T value)  // NOLINT(google-explicit-constructor): shapes are written with numbers
      : bits_(checked(value)) {}
  /// An unknown size with a name: equal names are equal sizes. Names are letters, digits and `_`,
  /// and do not start with a digit. Throws `ValueError` for others, and for `max` and `min`.
  explicit Dim(std::string_view name);
  explicit Dim(const char* name) : Dim(std::string_view(name)) {}
  /// An unknown size that equals no other.
  static Dim fresh();

  [[nodiscard]] constexpr bool known() const { return fits(bits_); }
  /// The number. Throws `ValueError` for a symbolic size, naming it.
  [[nodiscard]] constexpr std::int64_t value() const { return known() ? bits_ : fail_unknown(); }
  constexpr explicit operator std::int64_t() const { return value(); }
  constexpr explicit operator int() const { return static_cast<int>(value()); }
  constexpr explicit operator std::size_t() const { return static_cast<std::size_t>(value()); }
  constexpr explicit operator float() const { return static_cast<float>(value()); }
  constexpr explicit operator double() const { return static_cast<double>(value()); }

  /// Same number, or same expression. Two different expressions may still turn out equal at run
  /// time: a traced function is captured again for such a call.
  friend constexpr bool operator==(Dim a, Dim b) {
    if (a.bits_ == b.bits_) return true;
    if (!a.known() || !b.known()) detail::found_different(a, b);
    return false;
  }

  /// `==` where nothing depends on the answer but time: no question of a function that is captured.
  friend constexpr bool identical(Dim a, Dim b) { return a.bits_ == b.bits_; }

  // Results outside [-2^61, 2^61) are a `ShapeError`.
  friend constexpr Dim operator+(Dim a, Dim b) {
    if (a.known() && b.known() && fits(a.bits_ + b.bits_)) return {a.bits_ + b.bits_};
    return symbolic('+', a, b);
  }
  friend constexpr Dim operator-(Dim a, Dim b) {
    if (a.known() && b.known() && fits(a.bits_ - b.bits_)) return {a.bits_ - b.bits_};
    return symbolic('-', a, b);
  }
  friend constexpr Dim operator*(Dim a, Dim b) {
    std::int64_t product = 0;
    if (a.known() && b.known() && !__builtin_mul_overflow(a.bits_, b.bits_, &product) &&
        fits(product)) {
      return {product};
    }
    return symbolic('*', a, b);
  }
  friend constexpr Dim operator-(Dim a) { return Dim(0) - a; }
  /// Rounds towards minus infinity. Throws `ValueError` for a zero divisor.
  friend Dim operator/(Dim a, Dim b) { return symbolic('/', a, b); }
  /// The remainder of `/`, with the sign of the divisor.
  friend Dim operator%(Dim a, Dim b) { return symbolic('%', a, b); }
  static Dim max(Dim a, Dim b) { return symbolic('M', a, b); }
  static Dim min(Dim a, Dim b) { return symbolic('m', a, b); }

  /// The value with every unknown replaced by what `lookup` gives for its name; unknowns it leaves
  /// out stay. A fresh unknown's name is `?1`, `?2` ...
  [[nodiscard]] Dim substitute(
      const std::function<std::optional<Dim>(std::string_view)>& lookup) const;

  /// `3`, `batch`, `2*batch+1`, `(batch+1)/2`, `max(batch, 4)`. A remainder reads
  /// `batch-2*(batch/2)`.
  [[nodiscard]] std::string text() const;
  /// The inverse of `text`, within one process; a file's fresh unknowns (`?1`) need names of their
  /// own, by `substitute`. Throws `FormatError` for anything else, and for texts of more than 1024
  /// characters.
  static Dim parse(std::string_view text);

  /// Equal for equal sizes: a hash, and what files never hold.
  [[nodiscard]] constexpr std::int64_t bits() const { return bits_; }

 private:
  static constexpr bool fits(std::int64_t value) { return value >= -limit && value < limit; }
  [[noreturn]] std::int64_t fail_unknown() const;
  [[noreturn]] static void fail_range();
  /// Also computes on numbers, and reports overflow and zero divisors.
  static Dim symbolic(char operation, Dim a, Dim b);
  friend struct DimTable;

  std::int64_t bits_ = 0;
};

/// The spelling of a size that a traced function's signature leaves open: `spec({unknown, 784},
/// float32)`. As a `Dim` it is fresh at each use.
struct Unknown {
  operator Dim() const { return Dim::fresh(); }  // NOLINT(google-explicit-constructor)
};
inline constexpr Unknown unknown{};

RILL_API std::ostream& operator<<(std::ostream& out, Dim dim);

}  // namespace rill
