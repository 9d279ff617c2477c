/// A C++ number on its way into an operation. Invariant: weak: it takes the dtype of the tensor it
/// meets (NumPy 2). As an argument of a traced function it is an input of the trace: operations
/// take it, and what asks for its value while the function is recorded is told that it has none
/// yet.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>

#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>
#include <rill/tensor/where.h>

namespace rill {

namespace detail {
/// Throws `TraceError`: a value is asked for that every call gives anew.
[[noreturn]] RILL_API void refuse_value(Where where);
}  // namespace detail

/// A bool, an integer or a real number, exactly as the user wrote it.
///
///     auto less = trace([](const Tensor& x, Scalar by) { return x - by; });
///     less(ones({2}), 0.5)   // [0.5, 0.5]
///     less(ones({2}), 0.25)  // [0.75, 0.75]
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
  /// The value. Throws `TraceError` of an argument of a function that is being recorded.
  [[nodiscard]] constexpr double real(Where where = Where::here()) const {
    if (is_argument()) detail::refuse_value(where);
    return as_real();
  }
  [[nodiscard]] constexpr std::int64_t integer(Where where = Where::here()) const {
    if (is_argument()) detail::refuse_value(where);
    return integer_;
  }

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

  /// For the tracer: the number as an argument of a function that is recorded, where it stands for
  /// the weak tensor of this id; and as it was before.
  [[nodiscard]] constexpr Scalar as_argument(std::uint64_t id) const {
    Scalar made = *this;
    made.argument_ = id & ((std::uint64_t{1} << 56U) - 1);
    return made;
  }
  [[nodiscard]] constexpr Scalar as_value() const { return as_argument(0); }
  [[nodiscard]] constexpr bool is_argument() const { return argument_ != 0; }
  /// The tensor's; 0 where it is no argument.
  [[nodiscard]] constexpr std::uint64_t argument() const { return argument_; }
  /// An argument that is recorded for all values: one of them.
  static Scalar any(DType dtype);

 private:
  [[nodiscard]] constexpr double as_real() const {
    return kind_ == Kind::real ? real_
           : kind_ == Kind::unsigned_integer
               ? static_cast<double>(static_cast<std::uint64_t>(integer_))
               : static_cast<double>(integer_);
  }

  Kind kind_ : 8 = Kind::integer;
  std::uint64_t argument_ : 56 = 0;  // ids are given out one after the other
  union {
    std::int64_t integer_ = 0;
    double real_;
  };
};

}  // namespace rill
