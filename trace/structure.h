/// How the arguments and results of a traced function are made of tensors: the one walk by which
/// they are taken apart, compared and put together.
/// Invariant: a walk meets the same leaves in the same order for equal structures.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/autograd/variable.h>
#include <rill/tensor/export.h>
#include <rill/tensor/field.h>
#include <rill/tensor/scalar.h>
#include <rill/tensor/tensor.h>

namespace rill::detail {

template <class T>
concept Fixed = std::integral<T> || std::floating_point<T> || std::is_enum_v<T> ||
                std::convertible_to<const T&, std::string_view>;
template <class T>
concept ListsFields = requires { T::fields(); };
template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };
template <class T>
concept MapLike = requires(const T& t) {
  typename T::mapped_type;
  t.begin();
  t.size();
};
template <class T>
concept ListLike = requires(const T& t) {
  typename T::value_type;
  t.begin();
  t.size();
} && !std::ranges::enable_view<T>;  // whose elements would be somebody else's
template <class T>
concept OptionalLike = requires(const T& t) {
  typename T::value_type;
  t.has_value();
  *t;
};

/// Calls `visitor.tensor(t)` for tensors, `visitor.scalar(s)` for `Scalar`s, `visitor.variable(v)`
/// for variables, and `visitor.fixed(x)` for what belongs to the structure: numbers, texts, keys,
/// lengths. Parts are announced by `visitor.enter(name or number)` and `visitor.leave()`.
template <class T, class Visitor>
void walk(T& value, Visitor& visitor) {
  using U = std::remove_const_t<T>;
  const auto part = [&](const auto& name, auto& inner) {
    visitor.enter(name);
    walk(inner, visitor);
    visitor.leave();
  };
  if constexpr (std::same_as<U, Tensor>) {
    visitor.tensor(value);
  } else if constexpr (std::same_as<U, Scalar>) {
    visitor.scalar(value);
  } else if constexpr (std::same_as<U, Variable>) {
    visitor.variable(value);
  } else if constexpr (Fixed<U>) {
    visitor.fixed(value);
  } else if constexpr (ListsFields<U>) {
    std::apply([&](const auto&... f) { (part(f.name, value.*(f.member)), ...); }, U::fields());
  } else if constexpr (OptionalLike<U>) {
    visitor.fixed(value.has_value());
    if (value.has_value()) walk(*value, visitor);
  } else if constexpr (TupleLike<U>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (part(I, std::get<I>(value)), ...);
    }(std::make_index_sequence<std::tuple_size_v<U>>{});
  } else if constexpr (MapLike<U>) {
    visitor.fixed(value.size());
    for (auto& [key, inner] : value) {
      visitor.fixed(key);
      part(key, inner);
    }
  } else if constexpr (ListLike<U>) {
    visitor.fixed(value.size());
    std::size_t i = 0;
    if constexpr (std::same_as<typename U::value_type, bool>) {  // std::vector's are no objects
      for (const bool inner : value) part(i++, inner);
    } else {
      for (auto& inner : value) part(i++, inner);
    }
  } else {
    static_assert(ListsFields<U>,
                  "arguments and results of a traced function are tensors, Scalars, variables, "
                  "numbers, texts, containers that own them, and structs that list their members "
                  "in fields()");
  }
}

/// The text of a fixed value, different for different ones of its type.
RILL_API std::string fixed_text(std::string_view text);
RILL_API std::string fixed_text(double number);
RILL_API std::string fixed_text(long long number);
RILL_API std::string fixed_text(unsigned long long number);
template <Fixed T>
std::string text_of_fixed(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_enum_v<T>) {
    return text_of_fixed(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::floating_point<T>) {
    return fixed_text(static_cast<double>(value));
  } else if constexpr (std::signed_integral<T>) {
    return fixed_text(static_cast<long long>(value));
  } else if constexpr (std::unsigned_integral<T>) {
    return fixed_text(static_cast<unsigned long long>(value));
  } else {
    return fixed_text(std::string_view(value));
  }
}

/// The leaves of some arguments: tensors by address, `Scalar`s as weak tensors, and all else as one
/// text. Makes no memory of its own for up to sixteen tensors and nothing else.
class RILL_API Leaves {
 public:
  Leaves();
  Leaves(const Leaves&) = delete;
  Leaves& operator=(const Leaves&) = delete;
  ~Leaves();

  void tensor(const Tensor& value);
  /// Its kind belongs to the structure: an integer beside bools is another dtype than a real.
  void scalar(const Scalar& value);
  void variable(const Variable& value);
  template <class T>
  void fixed(const T& value) {
    text(text_of_fixed(value), std::convertible_to<const T&, std::string_view>);
  }
  template <class T>
  void enter(const T&) {}
  void leave() {}

  [[nodiscard]] std::span<const Tensor* const> tensors() const;
  [[nodiscard]] const std::string& fixed_values() const { return fixed_; }

 private:
  void text(const std::string& value, bool with_length = false);

  std::array<const Tensor*, 16> few_;  // NOLINT: the first `count_` are set
  std::vector<const Tensor*> many_;
  std::size_t count_ = 0;
  std::map<std::size_t, Tensor> numbers_;  // by their positions; they stay where they are
  std::string fixed_;
};

/// What the leaves are called: `x`, `x0`, `x1/w`, `x1/2`; and which values are fixed.
class RILL_API LeafNames {
 public:
  struct FixedValue {
    std::string name;
    std::string text;
    bool real;  ///< a float: rarely meant to be fixed
  };

  /// `x`, or `x0`, `x1` ... where there are several.
  template <class T>
  void argument(int number, const T& value) {
    enter_argument(number);
    walk(value, *this);
    leave();
  }

  void tensor(const Tensor& value);
  void scalar(const Scalar& value);
  void variable(const Variable& value);
  template <class T>
  void fixed(const T& value) {
    fixed(text_of_fixed(value), std::floating_point<T>);
  }
  void enter(std::string_view name);
  template <class T>
    requires(!std::convertible_to<const T&, std::string_view>)
  void enter(const T& part) {
    enter(std::string_view(text_of_fixed(part)));
  }
  void leave();

  [[nodiscard]] const std::vector<std::string>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<FixedValue>& fixed_values() const { return fixed_; }

 private:
  [[nodiscard]] std::string path() const;
  void enter_argument(int number);
  void fixed(std::string text, bool real);

  std::vector<std::string> path_;
  std::vector<std::string> tensors_;
  std::vector<FixedValue> fixed_;
};

/// Puts tensors in the places of those that are there, one after the other, and numbers in those of
/// `Scalar`s: as values, or as arguments of a function that is recorded.
class ReplaceTensors {
 public:
  enum class Numbers : std::uint8_t { values, arguments };

  /// By those that lie there.
  explicit ReplaceTensors(const Tensor* by, Numbers numbers = Numbers::values)
      : next_(by), numbers_(numbers) {}
  void tensor(Tensor& value) {
    if (value.defined()) value = *next_++;
  }
  void scalar(Scalar& value) {
    const Tensor& number = *next_++;
    value = number.body().scalar.as_argument(numbers_ == Numbers::arguments ? number.id() : 0);
  }
  void variable(Variable&) {}
  template <class T>
  void fixed(const T&) {}
  template <class T>
  void enter(const T&) {}
  void leave() {}

 private:
  const Tensor* next_;
  Numbers numbers_;
};

}  // namespace rill::detail
