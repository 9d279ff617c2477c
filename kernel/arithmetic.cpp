#include <rill/kernel/arithmetic.h>

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstring>
#include <limits>
#include <type_traits>

// Every file of the library is compiled with -ffp-contract=off; in this one a contraction would
// change the meaning of the language, so it says so itself where the compiler listens.
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

namespace rill::kernel {
namespace {

template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Float = std::floating_point<T>;
template <class T>
concept HalfType = std::same_as<T, Half> || std::same_as<T, BFloat16>;
/// What arithmetic takes.
template <class T>
concept Numeric = Integer<T> || Float<T>;

// ---- Arithmetic -------------------------------------------------------------------------------

/// Integers wrap: all of it happens modulo 2^64, and keeps the low bits.
template <Integer T>
std::uint64_t wide(T a) {
  return static_cast<std::uint64_t>(a);
}

template <Numeric T>
T add(T a, T b) {
  if constexpr (Float<T>)
    return a + b;
  else
    return static_cast<T>(wide(a) + wide(b));
}

template <Numeric T>
T subtract(T a, T b) {
  if constexpr (Float<T>)
    return a - b;
  else
    return static_cast<T>(wide(a) - wide(b));
}

template <Numeric T>
T multiply(T a, T b) {
  if constexpr (Float<T>)
    return a * b;
  else
    return static_cast<T>(wide(a) * wide(b));
}

template <Numeric T>
T divide(T a, T b) {
  if constexpr (Float<T>) {
    return a / b;
  } else {
    if (b == 0) return 0;
    if constexpr (std::unsigned_integral<T>) {
      return static_cast<T>(a / b);
    } else {
      if (b == -1) return static_cast<T>(0 - wide(a));  // the lowest by -1 wraps
      const T quotient = static_cast<T>(a / b);
      return a % b != 0 && (a < 0) != (b < 0) ? static_cast<T>(quotient - 1) : quotient;
    }
  }
}

template <Integer T>
T modulo(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::unsigned_integral<T>) {
    return static_cast<T>(a % b);
  } else {
    if (b == -1) return 0;
    const T remainder = static_cast<T>(a % b);
    return remainder != 0 && (remainder < 0) != (b < 0) ? static_cast<T>(remainder + b) : remainder;
  }
}

template <Numeric T>
T minimum(T a, T b) {
  if constexpr (Float<T>) {
    if (a != a) return a;
    if (b != b) return b;
    if (a == b) return std::signbit(a) ? a : b;
  }
  return a < b ? a : b;
}

template <Numeric T>
T maximum(T a, T b) {
  if constexpr (Float<T>) {
    if (a != a) return a;
    if (b != b) return b;
    if (a == b) return std::signbit(a) ? b : a;
  }
  return a < b ? b : a;
}

template <Numeric T>
T negate(T a) {
  if constexpr (Float<T>)
    return -a;
  else
    return static_cast<T>(0 - wide(a));
}

template <Numeric T>
T absolute(T a) {
  if constexpr (Float<T>)
    return std::fabs(a);
  else if constexpr (std::unsigned_integral<T>)
    return a;
  else
    return a < 0 ? negate(a) : a;
}

template <Integer T>
T shift_left(T a, T count) {
  constexpr T width = static_cast<T>(sizeof(T) * 8);
  if (count < 0 || count >= width) return 0;
  return static_cast<T>(wide(a) << static_cast<unsigned>(count));
}

template <Integer T>
T shift_right(T a, T count) {
  constexpr T width = static_cast<T>(sizeof(T) * 8);
  if (count < 0 || count >= width) {
    if constexpr (std::signed_integral<T>)
      return a < 0 ? T{-1} : T{0};
    else
      return 0;
  }
  return static_cast<T>(a >> static_cast<unsigned>(count));
}

// ---- Conversion -------------------------------------------------------------------------------

/// Truncates; beyond the range of `I` its nearest end, of NaN 0.
template <Integer I, Float F>
I saturated(F a) {
  using Limits = std::numeric_limits<I>;
  constexpr F lowest = static_cast<F>(Limits::min());             // 0 or a power of two: exact
  constexpr I half = Limits::max() / 2 + 1;                       // a power of two: exact
  constexpr F beyond = static_cast<F>(half) * static_cast<F>(2);  // the first that does not fit
  if (a != a) return 0;
  if (a < lowest) return Limits::min();
  if (a >= beyond) return Limits::max();
  return static_cast<I>(a);
}

/// A float whose last bit says whether anything was cut off ("round to odd"), so that rounding it
/// once more to a narrower type gives what rounding `a` itself would. Boldo and Melquiond,
/// "Emulation of FMA and correctly rounded sums", IEEE Transactions on Computers 57(4), 2008.
float rounded_to_odd(double a) {
  const float nearest = static_cast<float>(a);
  if (a != a || static_cast<double>(nearest) == a) return nearest;
  std::uint32_t bits = std::bit_cast<std::uint32_t>(nearest);
  if (std::fabs(static_cast<double>(nearest)) > std::fabs(a))
    --bits;  // towards zero; infinity becomes the largest
  return std::bit_cast<float>(bits | 1U);
}

/// An integer as a double, exactly but for bits that no half type's rounding sees: those below bit
/// 32 of a number above 2^44 become one odd bit.
template <Integer T>
double rounded_to_odd(T a) {
  if constexpr (sizeof(T) == 8) {
    constexpr T limit = T{1} << 44;
    const bool large = a >= limit || (std::signed_integral<T> && a <= static_cast<T>(-limit));
    if (large) {
      const std::uint64_t bits = wide(a);
      const std::uint64_t kept = bits & ~std::uint64_t{0xffffffff};
      return static_cast<double>(
          static_cast<T>(kept == bits ? kept : kept | std::uint64_t{1} << 32U));
    }
  }
  return static_cast<double>(a);
}

template <class To, class From>
To cast(From a) {
  if constexpr (std::same_as<To, From>)
    return a;
  else if constexpr (HalfType<From>)
    return cast<To>(static_cast<float>(a));
  else if constexpr (std::same_as<From, bool>)
    return cast<To>(static_cast<std::uint8_t>(a));
  else if constexpr (std::same_as<To, bool>)
    return a != From{0};
  else if constexpr (HalfType<To>) {
    if constexpr (std::same_as<From, float>)
      return To(a);
    else if constexpr (Integer<From>)
      return To(rounded_to_odd(rounded_to_odd(a)));
    else
      return To(rounded_to_odd(a));
  } else if constexpr (Integer<To> && Float<From>)
    return saturated<To>(a);
  else
    return static_cast<To>(a);
}

// ---- Loops over blocks ------------------------------------------------------------------------

template <class T>
const T* input(const std::byte* const* args, std::size_t i) {
  return reinterpret_cast<const T*>(args[i]);
}

template <class T, auto f>
void unary(std::byte* out, const std::byte* const* args, std::size_t count) {
  const T* a = input<T>(args, 0);
  T* to = reinterpret_cast<T*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = f(a[i]);
}

template <class T, auto f>
void binary(std::byte* out, const std::byte* const* args, std::size_t count) {
  const T* a = input<T>(args, 0);
  const T* b = input<T>(args, 1);
  T* to = reinterpret_cast<T*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = f(a[i], b[i]);
}

template <class T, auto f>
void comparison(std::byte* out, const std::byte* const* args, std::size_t count) {
  const T* a = input<T>(args, 0);
  const T* b = input<T>(args, 1);
  bool* to = reinterpret_cast<bool*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = f(a[i], b[i]);
}

template <Float T>
void fused(std::byte* out, const std::byte* const* args, std::size_t count) {
  const T* a = input<T>(args, 0);
  const T* b = input<T>(args, 1);
  const T* c = input<T>(args, 2);
  T* to = reinterpret_cast<T*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = std::fma(a[i], b[i], c[i]);
}

template <class T>
void selection(std::byte* out, const std::byte* const* args, std::size_t count) {
  const bool* condition = input<bool>(args, 0);
  const T* yes = input<T>(args, 1);
  const T* no = input<T>(args, 2);
  T* to = reinterpret_cast<T*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = condition[i] ? yes[i] : no[i];
}

template <class To, class From>
void conversion(std::byte* out, const std::byte* const* args, std::size_t count) {
  const From* a = input<From>(args, 0);
  To* to = reinterpret_cast<To*>(out);
  for (std::size_t i = 0; i < count; ++i) to[i] = cast<To>(a[i]);
}

template <class T>
void copy(std::byte* out, const std::byte* const* args, std::size_t count) {
  if (count != 0) std::memmove(out, args[0], count * sizeof(T));
}

// ---- Tables -----------------------------------------------------------------------------------

template <class T>
Operation comparison_of(Code code) {
  switch (code) {
    case Code::equal:
      return comparison<T, [](T a, T b) { return a == b; }>;
    case Code::not_equal:
      return comparison<T, [](T a, T b) { return a != b; }>;
    case Code::less:
      return comparison<T, [](T a, T b) { return a < b; }>;
    case Code::less_equal:
      return comparison<T, [](T a, T b) { return a <= b; }>;
    default:
      return nullptr;
  }
}

template <class T>
Operation bitwise_of(Code code) {
  switch (code) {
    case Code::bit_and:
      return binary<T, [](T a, T b) { return static_cast<T>(a & b); }>;
    case Code::bit_or:
      return binary<T, [](T a, T b) { return static_cast<T>(a | b); }>;
    case Code::bit_xor:
      return binary<T, [](T a, T b) { return static_cast<T>(a ^ b); }>;
    default:
      return nullptr;
  }
}

template <Integer T>
Operation integer_of(Code code) {
  switch (code) {
    case Code::modulo:
      return binary<T, modulo<T>>;
    case Code::bit_not:
      return unary<T, [](T a) { return static_cast<T>(~a); }>;
    case Code::shift_left:
      return binary<T, shift_left<T>>;
    case Code::shift_right:
      return binary<T, shift_right<T>>;
    default:
      return bitwise_of<T>(code);
  }
}

template <Float T>
Operation float_of(Code code) {
  switch (code) {
    case Code::fma:
      return fused<T>;
    case Code::sqrt:
      return unary<T, [](T a) { return std::sqrt(a); }>;
    case Code::floor:
      return unary<T, [](T a) { return std::floor(a); }>;
    case Code::ceil:
      return unary<T, [](T a) { return std::ceil(a); }>;
    case Code::trunc:
      return unary<T, [](T a) { return std::trunc(a); }>;
    case Code::round:
      return unary<T, [](T a) { return std::nearbyint(a); }>;
    default:
      return nullptr;
  }
}

/// Operations on elements of one type that give the same type.
template <class T>
Operation same_type(Code code) {
  if (code == Code::select) return selection<T>;
  if constexpr (std::same_as<T, bool>) {
    if (code == Code::bit_not) return unary<bool, [](bool a) { return !a; }>;
    return bitwise_of<bool>(code);
  } else if constexpr (Numeric<T>) {
    switch (code) {
      case Code::add:
        return binary<T, add<T>>;
      case Code::subtract:
        return binary<T, subtract<T>>;
      case Code::multiply:
        return binary<T, multiply<T>>;
      case Code::divide:
        return binary<T, divide<T>>;
      case Code::minimum:
        return binary<T, minimum<T>>;
      case Code::maximum:
        return binary<T, maximum<T>>;
      case Code::negate:
        return unary<T, negate<T>>;
      case Code::absolute:
        return unary<T, absolute<T>>;
      default:
        break;
    }
    if constexpr (Integer<T>)
      return integer_of<T>(code);
    else
      return float_of<T>(code);
  } else {
    return nullptr;
  }
}

Operation cast_of(DType from, DType to) {
  return visit(from, [&](auto a) {
    return visit(to, [&](auto b) -> Operation { return conversion<decltype(b), decltype(a)>; });
  });
}

/// Half types join in float32 and round to their own type.
template <HalfType T, float (*f)(float, float)>
T through_float(T a, T b) {
  return T(f(static_cast<float>(a), static_cast<float>(b)));
}

template <HalfType T>
Operation half_combination(Code code) {
  switch (code) {
    case Code::add:
      return binary<T, through_float<T, add<float>>>;
    case Code::multiply:
      return binary<T, through_float<T, multiply<float>>>;
    case Code::minimum:
      return binary<T, through_float<T, minimum<float>>>;
    default:
      return binary<T, through_float<T, maximum<float>>>;
  }
}

}  // namespace

Operation operation(Code code, DType operand, DType result) {
  switch (code) {
    case Code::cast:
      return cast_of(operand, result);
    case Code::bitcast:
      if (size_of(operand) != size_of(result) || operand == bool_ || result == bool_)
        return nullptr;
      return visit(operand, [](auto zero) -> Operation { return copy<decltype(zero)>; });
    case Code::equal:
    case Code::not_equal:
    case Code::less:
    case Code::less_equal:
      if (result != bool_ || is_half(operand)) return nullptr;
      return visit(operand, [&](auto zero) -> Operation {
        using T = decltype(zero);
        if constexpr (HalfType<T>)
          return nullptr;
        else
          return comparison_of<T>(code);
      });
    default:
      if (operand != result) return nullptr;
      return visit(operand, [&](auto zero) { return same_type<decltype(zero)>(code); });
  }
}

Operation combination(Store::Mode mode, DType type) {
  constexpr std::array codes = {Code::constant, Code::add, Code::multiply, Code::minimum,
                                Code::maximum};
  if (mode == Store::Mode::set || static_cast<std::size_t>(mode) >= codes.size() || type == bool_)
    return nullptr;
  const Code code = codes[static_cast<std::size_t>(mode)];
  if (type == float16) return half_combination<Half>(code);
  if (type == bfloat16) return half_combination<BFloat16>(code);
  return operation(code, type, type);
}

std::uint8_t arity(Code code) {
  switch (code) {
    case Code::constant:
    case Code::parameter:
    case Code::size:
    case Code::axis:
    case Code::load:
    case Code::accumulator:
    case Code::result:
      return 0;
    case Code::negate:
    case Code::absolute:
    case Code::sqrt:
    case Code::floor:
    case Code::ceil:
    case Code::trunc:
    case Code::round:
    case Code::bit_not:
    case Code::cast:
    case Code::bitcast:
      return 1;
    case Code::fma:
    case Code::select:
      return 3;
    default:
      return 2;
  }
}

std::string_view name(Code code) {
  constexpr std::array<std::string_view, 34> names = {
      "constant", "parameter", "size",     "axis",       "load",    "accumulator", "result",
      "add",      "subtract",  "multiply", "divide",     "modulo",  "minimum",     "maximum",
      "fma",      "negate",    "absolute", "sqrt",       "floor",   "ceil",        "trunc",
      "round",    "bit_and",   "bit_or",   "bit_xor",    "bit_not", "shift_left",  "shift_right",
      "equal",    "not_equal", "less",     "less_equal", "select",  "cast"};
  const auto number = static_cast<std::size_t>(code);
  if (number < names.size()) return names[number];
  return code == Code::bitcast ? "bitcast" : "unknown";
}

}  // namespace rill::kernel
