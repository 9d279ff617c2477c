/// Element types. Invariant: a `DType` is a plain number whose order is the one in which files and
/// hashes know it: new types are added at the end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <rill/tensor/export.h>
#include <rill/tensor/half.h>

namespace rill {

/// What a tensor's elements are.
enum class DType : std::uint8_t {
  bool_,
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float16,
  bfloat16,
  float32,
  float64,
};
using enum DType;  // rill::float32, rill::int64, rill::bool_ ...

inline constexpr int dtype_count = 13;

/// Bytes per element.
constexpr std::size_t size_of(DType dtype) {
  constexpr std::uint8_t sizes[dtype_count] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8};
  return sizes[static_cast<std::size_t>(dtype)];
}
constexpr bool is_float(DType dtype) { return dtype >= DType::float16; }
constexpr bool is_half(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }
constexpr bool is_unsigned(DType dtype) { return dtype >= DType::uint8 && dtype <= DType::uint64; }
constexpr bool is_signed_integer(DType dtype) {
  return dtype >= DType::int8 && dtype <= DType::int64;
}
/// Integers of either sign; bool is none.
constexpr bool is_integer(DType dtype) { return is_signed_integer(dtype) || is_unsigned(dtype); }

/// `float32`, `bool`: NumPy's names.
RILL_API std::string_view name(DType dtype);
/// The inverse of `name`. Throws `ValueError` for any other text.
RILL_API DType dtype_named(std::string_view name);

/// The dtype of two tensors' common elements, by NumPy 2's table (with bfloat16: float16 and
/// bfloat16 give float32).
RILL_API DType promote(DType a, DType b);

namespace detail {
template <class T>
constexpr int dtype_index() {
  if constexpr (std::same_as<T, bool>)
    return 0;
  else if constexpr (std::same_as<T, Half>)
    return 9;
  else if constexpr (std::same_as<T, BFloat16>)
    return 10;
  else if constexpr (std::same_as<T, float>)
    return 11;
  else if constexpr (std::same_as<T, double>)
    return 12;
  else if constexpr (std::same_as<T, char> || std::same_as<T, wchar_t> || !std::integral<T>)
    return -1;
  else {
    constexpr int log = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return (std::signed_integral<T> ? 1 : 5) + log;
  }
}
}  // namespace detail

/// A C++ type that is some dtype's element.
template <class T>
concept Element = detail::dtype_index<T>() >= 0;

/// The dtype whose elements are `T`.
template <Element T>
inline constexpr DType dtype_of = static_cast<DType>(detail::dtype_index<T>());

/// Calls `f` with a value-initialised element of `dtype`: `visit(x.dtype(), [&](auto zero) { using
/// T = decltype(zero); ... })`.
template <class F>
constexpr decltype(auto) visit(DType dtype, F&& f) {
  switch (dtype) {
    case DType::bool_:
      return f(bool{});
    case DType::int8:
      return f(std::int8_t{});
    case DType::int16:
      return f(std::int16_t{});
    case DType::int32:
      return f(std::int32_t{});
    case DType::int64:
      return f(std::int64_t{});
    case DType::uint8:
      return f(std::uint8_t{});
    case DType::uint16:
      return f(std::uint16_t{});
    case DType::uint32:
      return f(std::uint32_t{});
    case DType::uint64:
      return f(std::uint64_t{});
    case DType::float16:
      return f(Half{});
    case DType::bfloat16:
      return f(BFloat16{});
    case DType::float32:
      return f(float{});
    case DType::float64:
      break;
  }
  return f(double{});
}

}  // namespace rill
