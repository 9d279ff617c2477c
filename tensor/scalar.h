/// A C++ number on its way into an operation. Invariant: weak: it takes the dtype of the tensor it
/// meets (NumPy 2).
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>

namespace rill {

/// A bool, an integer or a real number, exactly as the user wrote it.
class RILL_API Scalar {
 public:
  enum class Kind : std::uint8_t { boolean, integer, unsigned_integer, real };

  constexpr Scalar() = default;
  template <class T>
    requires std::integral<T> || std::floating_point<T> || std::same_as<T, Half> ||
             std::same_as<T, BFloat16>
  constexpr Scalar(T value) {  // NOLINT(google-explicit-constructor): numbers are operands
    if constexpr (std::same_as<T, bool>) {
      kind_ = Kind::boolean;
      integer_ = value ? 1 : 0;
    } else if constexpr (std::signed_integral<T>) {
      integer_ = value;
    } else if constexpr (std::unsigned_integral<T>) {
      kind_ = sizeof(T) == 8 ? Kind::unsigned_integer : Kind::integer;
      integer_ = static_cast<std::int64_t>(value);
    } else {
      kind_ = Kind::real;
      real_ = static_cast<double>(value);
    }
  }

  [[nodiscard]] constexpr Kind kind() const { return kind_; }
  /// The dtype that a tensor made of it has: bool, int64 (uint64 for numbers that only it holds) or
  /// float32.
  [[nodiscard]] constexpr DType dtype() const {
    switch (kind_) {
      case Kind::boolean:
        return bool_;
      case Kind::real:
        return float32;
      case Kind::unsigned_integer:
        return integer_ < 0 ? uint64 : int64;
      case Kind::integer:
        break;
    }
    return int64;
  }
  [[nodiscard]] constexpr double real() const {
    return kind_ == Kind::real ? real_
           : kind_ == Kind::unsigned_integer
               ? static_cast<double>(static_cast<std::uint64_t>(integer_))
               : static_cast<double>(integer_);
  }
  [[nodiscard]] constexpr std::int64_t integer() const { return integer_; }

  /// The dtype of this number beside a tensor of `other` (NumPy 2): `other` where its kind
  /// suffices; an integer beside bool gives int64, a real beside bool or an integer float64.
  [[nodiscard]] DType beside(DType other) const;
  /// The number as an element of `dtype` in the low bytes. Integers out of range throw
  /// `ValueError`; reals round.
  [[nodiscard]] std::uint64_t bits(DType dtype) const;
  /// `2.5`, `3`, `true`.
  [[nodiscard]] std::string text() const;

  /// The number whose element of `dtype` has these bits.
  static Scalar from_bits(DType dtype, std::uint64_t bits);

 private:
  Kind kind_ = Kind::integer;
  union {
    std::int64_t integer_ = 0;
    double real_;
  };
};

}  // namespace rill
