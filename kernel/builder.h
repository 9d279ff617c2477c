/// Writes kernel programs: expressions as C++ values, loops and stores as calls.
/// Invariant: every expression is hash-consed, so equal expressions are one; what the builder makes
/// passes `check`.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <rill/kernel/program.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>

namespace rill::kernel {

class Builder;

/// An expression of the program under construction.
///
///     Value y = fma(x, x, constant(x, 1.0));
///     Value z = select(x < 0.0, -y, y);
class RILL_API Value {
 public:
  Value() = default;
  Value(Builder& builder, Id id) : builder_(&builder), id_(id) {}

  [[nodiscard]] Builder& builder() const { return *builder_; }
  [[nodiscard]] Id id() const { return id_; }
  [[nodiscard]] DType dtype() const;
  /// False for a default-constructed one. There is no conversion to bool: `if (a < b)` would not
  /// ask at run time.
  [[nodiscard]] bool defined() const { return builder_ != nullptr; }

 private:
  Builder* builder_ = nullptr;
  Id id_ = none;
};

template <class T>
concept Number = std::integral<T> || std::floating_point<T>;

/// A constant of the type of `like`: rounded for floats, wrapped for integers.
RILL_API Value constant(const Value& like, double number);
/// A constant of the type of `like`, by its bits.
RILL_API Value constant_bits(const Value& like, std::uint64_t bits);

namespace detail {
RILL_API Value unary(Code code, const Value& a);
RILL_API Value binary(Code code, const Value& a, const Value& b);
RILL_API Value compare(Code code, const Value& a, const Value& b);
template <Number T>
Value number(const Value& like, T value) {
  if constexpr (std::integral<T>) {
    if (!is_float(like.dtype()))
      return constant_bits(like, static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }
  return constant(like, static_cast<double>(value));
}
template <class A, class B>
concept Operands = (std::same_as<A, Value> && (std::same_as<B, Value> || Number<B>)) ||
                   (Number<A> && std::same_as<B, Value>);
template <class A, class B>
Value apply(Value (*operation)(Code, const Value&, const Value&), Code code, const A& a,
            const B& b) {
  if constexpr (!std::same_as<A, Value>)
    return operation(code, number(b, a), b);
  else if constexpr (!std::same_as<B, Value>)
    return operation(code, a, number(a, b));
  else
    return operation(code, a, b);
}
}  // namespace detail

// Both operands have one type; a number takes the other's. Integers divide and take remainders by
// floor.
template <class A, class B>
  requires detail::Operands<A, B>
Value operator+(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::add, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator-(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::subtract, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator*(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::multiply, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator/(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::divide, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator%(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::modulo, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator&(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::bit_and, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator|(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::bit_or, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator^(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::bit_xor, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator<<(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::shift_left, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator>>(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::shift_right, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator==(const A& a, const B& b) {
  return detail::apply(detail::compare, Code::equal, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator!=(const A& a, const B& b) {
  return detail::apply(detail::compare, Code::not_equal, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator<(const A& a, const B& b) {
  return detail::apply(detail::compare, Code::less, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator<=(const A& a, const B& b) {
  return detail::apply(detail::compare, Code::less_equal, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator>(const A& a, const B& b) {
  return b < a;
}
template <class A, class B>
  requires detail::Operands<A, B>
Value operator>=(const A& a, const B& b) {
  return b <= a;
}

RILL_API Value operator-(const Value& a);
/// Of integers all bits; of bools the logical not.
RILL_API Value operator~(const Value& a);
inline Value operator!(const Value& a) { return ~a; }
inline Value operator&&(const Value& a, const Value& b) { return a & b; }
inline Value operator||(const Value& a, const Value& b) { return a | b; }

template <class A, class B>
  requires detail::Operands<A, B>
Value minimum(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::minimum, a, b);
}
template <class A, class B>
  requires detail::Operands<A, B>
Value maximum(const A& a, const B& b) {
  return detail::apply(detail::binary, Code::maximum, a, b);
}

/// a * b + c, rounded once. Floats only.
RILL_API Value fma(const Value& a, const Value& b, const Value& c);
RILL_API Value select(const Value& condition, const Value& yes, const Value& no);
template <Number T>
Value select(const Value& condition, T yes, const Value& no) {
  return select(condition, detail::number(no, yes), no);
}
template <Number T>
Value select(const Value& condition, const Value& yes, T no) {
  return select(condition, yes, detail::number(yes, no));
}
RILL_API Value cast(const Value& a, DType dtype);
RILL_API Value bitcast(const Value& a, DType dtype);
RILL_API Value abs(const Value& a);
RILL_API Value sqrt(const Value& a);
RILL_API Value floor(const Value& a);
RILL_API Value ceil(const Value& a);
RILL_API Value trunc(const Value& a);
/// To nearest, ties to even.
RILL_API Value round_even(const Value& a);
/// The magnitude of `a` with the sign of `b`.
RILL_API Value copysign(const Value& a, const Value& b);

/// How a fold takes an element and how two partial results join. The functions get and give one
/// value per accumulator.
struct Folding {
  Fold::Kind kind = Fold::Kind::reduce;
  std::vector<Value> init;
  std::function<std::vector<Value>(std::span<const Value> accumulators)> step;
  std::function<std::vector<Value>(std::span<const Value> left, std::span<const Value> right)>
      merge;
};

/// Builds one program. Not movable while values of it live.
class RILL_API Builder {
 public:
  Builder() = default;
  /// For a launch whose scalars and sizes have their numbers already; `make` names them.
  Builder(std::vector<DType> parameters, Id sizes);
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  // ---- Leaves ---------------------------------------------------------------------------------
  Value constant(DType dtype, double number);
  Value constant_bits(DType dtype, std::uint64_t bits);
  Value integer(std::int64_t number) {
    return constant_bits(DType::int64, static_cast<std::uint64_t>(number));
  }
  /// The next scalar of a launch.
  Value parameter(DType dtype);
  /// The next int64 of a launch.
  Value size();

  // ---- Loops and memory -----------------------------------------------------------------------
  /// A new loop variable over [0, extent).
  Id axis(const Value& extent);
  Value index(Id axis);
  Id buffer(DType dtype, Buffer::Space space, std::span<const Value> extents,
            std::span<const Value> strides, Facts facts = {});
  /// A buffer local to one point of the outer axes, contiguous.
  Id row(DType dtype, std::span<const Value> extents);
  Value load(Id buffer, std::span<const Value> index);
  /// Where `guard` is false: `otherwise`, and no access.
  Value load(Id buffer, std::span<const Value> index, const Value& guard, const Value& otherwise);

  // ---- Stages ---------------------------------------------------------------------------------
  void outer(std::span<const Id> axes);
  /// Opens a stage over further axes; folds, checks and stores go to the last one opened. The first
  /// of them opens one without axes if none is.
  void stage(std::span<const Id> axes);
  /// Opens a closing stage. No other kind is opened after it.
  void closing(std::span<const Id> axes);
  /// Returns the results, one per accumulator; of a scan the prefixes.
  std::vector<Value> fold(std::span<const Id> axes, const Folding& folding);
  void check(const Value& ok, std::uint16_t error, std::span<const Value> shown);
  void store(Id buffer, std::span<const Value> index, const Value& value,
             Store::Mode mode = Store::Mode::set, bool unique = true, const Value& guard = {});

  /// True when `value` changes along `axis`.
  [[nodiscard]] bool depends(const Value& value, Id axis) const;
  [[nodiscard]] const Program& program() const { return program_; }
  /// The finished program, with what nothing uses left out, renumbered in order of use.
  [[nodiscard]] Program finish() const;

  /// For the functions of `Value`.
  Value make(const Expr& expr);

 private:
  struct ExprHash {
    std::size_t operator()(const Expr& expr) const;
  };

  Range list(std::span<const Id> ids);
  Range list(std::span<const Value> values);
  void append(Range& range, Id id);
  Id access(const Access& access);
  Stage& last_stage();
  /// What the expression equals without being computed, if anything: constants folded, integer
  /// identities.
  std::optional<Id> simplified(const Expr& expr);

  Program program_;
  std::unordered_map<Expr, Id, ExprHash> known_;
  std::unordered_map<Id, std::vector<Id>> accesses_of_;  ///< of each buffer
};

}  // namespace rill::kernel
