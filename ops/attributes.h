/// The attributes of an operator: an aggregate that lists its fields once; hash, equality,
/// printing, JSON and ONNX names come from that list. Invariant: attribute types are trivially
/// copyable aggregates; `Attributes` refers to one, or keeps a copy.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include <rill/tensor/axes.h>
#include <rill/tensor/dtype.h>
#include <rill/tensor/error.h>
#include <rill/tensor/export.h>
#include <rill/tensor/field.h>
#include <rill/tensor/shape.h>

namespace rill {

/// One attribute's value on its way to and from text.
using AttributeValue = std::variant<bool, std::int64_t, double, DType, Axes, Shape>;

/// An aggregate that can be an operator's attributes.
template <class A>
concept AttributeAggregate = std::is_trivially_copyable_v<A> &&
                             std::is_default_constructible_v<A> && requires { A::fields(); };

/// What the library knows of an attribute type.
struct AttributeType {
  struct Entry {
    std::string_view name;
    AttributeValue (*get)(const void* attributes);
    void (*set)(void* attributes, const AttributeValue& value);
  };
  std::size_t size;
  std::shared_ptr<void> (*make)();
  std::shared_ptr<const void> (*copy)(const void* attributes);
  bool (*equal)(const void* a, const void* b);
  std::uint64_t (*hash)(const void* attributes);
  std::span<const Entry> fields;
};

namespace detail {

constexpr std::uint64_t hash_combine(std::uint64_t seed, std::uint64_t value) {
  return (seed ^ value) * 0x9e3779b97f4a7c15ULL ^ (seed >> 29U);
}

/// Equal for equal fields. Calls are looked up by it, so it makes no `AttributeValue`.
template <class T>
std::uint64_t hash_field(const T& field) {
  if constexpr (std::same_as<T, Axes>) {
    std::uint64_t seed = 11;
    for (int axis : field) seed = hash_combine(seed, static_cast<std::uint64_t>(axis));
    return seed;
  } else if constexpr (std::same_as<T, Shape>) {
    std::uint64_t seed = 13;
    for (Dim size : field) seed = hash_combine(seed, static_cast<std::uint64_t>(size.bits()));
    return seed;
  } else if constexpr (std::floating_point<T>) {
    return std::bit_cast<std::uint64_t>(static_cast<double>(field) + 0.0);  // -0 equals 0
  } else {
    return static_cast<std::uint64_t>(field);
  }
}

/// The equality for which `hash_field` is the hash; of sizes, that of what they are called.
template <class T>
bool equal_field(const T& a, const T& b) {
  if constexpr (std::same_as<T, Shape>)
    return identical(a, b);
  else
    return a == b;
}

template <class T>
AttributeValue to_value(const T& field) {
  if constexpr (std::is_enum_v<T> && !std::same_as<T, DType>)
    return static_cast<std::int64_t>(field);
  else if constexpr (std::integral<T> && !std::same_as<T, bool>)
    return static_cast<std::int64_t>(field);
  else
    return field;
}
template <class T>
void from_value(T& field, const AttributeValue& value) {
  if constexpr (std::is_enum_v<T> && !std::same_as<T, DType>)
    field = static_cast<T>(std::get<std::int64_t>(value));
  else if constexpr (std::integral<T> && !std::same_as<T, bool>)
    field = static_cast<T>(std::get<std::int64_t>(value));
  else
    field = std::get<T>(value);
}

template <class A, std::size_t I>
AttributeValue get_field(const void* attributes) {
  return to_value(static_cast<const A*>(attributes)->*(std::get<I>(A::fields()).member));
}
template <class A, std::size_t I>
void set_field(void* attributes, const AttributeValue& value) {
  from_value(static_cast<A*>(attributes)->*(std::get<I>(A::fields()).member), value);
}

template <class A>
struct AttributeTypeOf {
  static constexpr std::size_t count = std::tuple_size_v<decltype(A::fields())>;
  template <std::size_t... I>
  static constexpr auto entries(std::index_sequence<I...>) {
    return std::array<AttributeType::Entry, count>{
        AttributeType::Entry{std::get<I>(A::fields()).name, &get_field<A, I>, &set_field<A, I>}...};
  }
  static constexpr auto fields = entries(std::make_index_sequence<count>{});
  static bool equal(const void* a, const void* b) {
    return std::apply(
        [&](auto... f) {
          return (equal_field(static_cast<const A*>(a)->*(f.member),
                              static_cast<const A*>(b)->*(f.member)) &&
                  ...);
        },
        A::fields());
  }
  static std::uint64_t hash(const void* a) {
    std::uint64_t seed = count;
    std::apply(
        [&](auto... f) {
          ((seed = hash_combine(seed, hash_field(static_cast<const A*>(a)->*(f.member)))), ...);
        },
        A::fields());
    return seed;
  }
  static constexpr AttributeType type{
      sizeof(A),
      []() -> std::shared_ptr<void> { return std::make_shared<A>(); },
      [](const void* a) -> std::shared_ptr<const void> {
        return std::make_shared<A>(*static_cast<const A*>(a));
      },
      &equal,
      &hash,
      fields};
};

}  // namespace detail

template <AttributeAggregate A>
inline constexpr const AttributeType* attribute_type = &detail::AttributeTypeOf<A>::type;

/// Attributes of whatever type, or none.
class RILL_API Attributes {
 public:
  Attributes() = default;
  /// Refers to `attributes`, which must outlive it; see `kept`.
  template <AttributeAggregate A>
  Attributes(const A& attributes)  // NOLINT(google-explicit-constructor): calls are written with
                                   // aggregates
      : type_(attribute_type<A>), value_(&attributes) {}
  /// Default-constructed attributes of `type`, filled by `set`.
  static Attributes of(const AttributeType* type);

  [[nodiscard]] const AttributeType* type() const { return type_; }
  /// The aggregate. Throws `InternalError` when it is another.
  template <AttributeAggregate A>
  [[nodiscard]] const A& as() const {
    // Compared by size and names: a type's address may differ between a program and the library.
    if (type_ != attribute_type<A> && !same_type(attribute_type<A>)) fail_type();
    return *static_cast<const A*>(value_);
  }
  /// A copy that owns what it refers to.
  [[nodiscard]] Attributes kept() const;
  void set(std::string_view field, const AttributeValue& value);

  friend bool operator==(const Attributes& a, const Attributes& b) {
    return a.type_ == b.type_ && (a.type_ == nullptr || a.type_->equal(a.value_, b.value_));
  }
  [[nodiscard]] std::uint64_t hash() const { return type_ == nullptr ? 0 : type_->hash(value_); }
  /// `axes=[0], keepdims=true`.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const void* value() const { return value_; }

 private:
  [[nodiscard]] bool same_type(const AttributeType* other) const;
  [[noreturn]] static void fail_type();

  const AttributeType* type_ = nullptr;
  const void* value_ = nullptr;
  std::shared_ptr<const void> owner_;
};

}  // namespace rill
