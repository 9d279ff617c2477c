/// Functions with a gradient of one's own.
/// Invariant: the results get ids that the operations inside do not know, so gradients reach the
/// arguments through the given function only; what it has captured stays differentiable, so
/// gradients of gradients are right.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/tensor/export.h>
#include <rill/tensor/literal.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/range.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {

/// One call of a function with its own gradient: the `subject` of the `ScopeEvent`s around it.
struct CustomGradient {
  /// From the gradients of the results to those of the arguments; an undefined one says that there
  /// is none.
  using Function = std::function<std::vector<Tensor>(std::span<const Tensor> output_gradients)>;

  std::span<const Tensor> inputs;
  std::vector<Tensor>
      results;  ///< as computed inside; none while the bracket is open, or when the function threw
  std::vector<Tensor> outputs;  ///< the same values as the caller gets them, under ids of their own
  std::shared_ptr<const Function> gradient;
  Where where;  ///< the line that made the function, which errors of its gradient name
};

namespace detail {

struct CustomResult {
  std::vector<Tensor> results;
  CustomGradient::Function gradient;
};
/// Runs `function` inside brackets and returns `CustomGradient::outputs`.
RILL_API std::vector<Tensor> call_with_gradient(std::span<const Tensor> inputs,
                                                const std::function<CustomResult()>& function,
                                                Where where = {});

/// An argument as a tensor; numbers become tensors of their own.
inline Tensor as_tensor(const Tensor& tensor) { return tensor; }
template <TensorLike T>
Tensor as_tensor(const T& source) {
  return source;
}
template <class T>
  requires std::is_arithmetic_v<T> || std::same_as<T, Half> || std::same_as<T, BFloat16>
Tensor as_tensor(T number) {
  return tensor(Literal(number));
}

/// A tensor, or a range or tuple of tensors, as a list.
template <class T>
std::vector<Tensor> as_list(const T& tensors) {
  if constexpr (std::convertible_to<const T&, Tensor>) {
    return {Tensor(tensors)};
  } else if constexpr (Range<T>) {
    return {std::begin(tensors), std::end(tensors)};
  } else {
    return std::apply([](const auto&... each) { return std::vector<Tensor>{Tensor(each)...}; },
                      tensors);
  }
}

/// The inverse of `as_list`, for results.
template <class T>
T from_list(const std::vector<Tensor>& list) {
  if constexpr (std::same_as<T, Tensor>) {
    return list.front();
  } else if constexpr (std::same_as<T, std::vector<Tensor>>) {
    return list;
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return T{list[I]...};
    }(std::make_index_sequence<std::tuple_size_v<T>>{});
  }
}

/// Calls `gradient` with the list, or with each tensor as an argument.
template <class G, std::size_t Results>
std::vector<Tensor> call_gradient(const G& gradient, std::span<const Tensor> list) {
  if constexpr (std::invocable<const G&, std::span<const Tensor>>) {
    return as_list(gradient(list));
  } else {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return as_list(gradient(list[I]...));
    }(std::make_index_sequence<Results>{});
  }
}

template <class T>
constexpr std::size_t count_of() {
  if constexpr (requires { std::tuple_size<T>::value; })
    return std::tuple_size_v<T>;
  else
    return 1;
}

}  // namespace detail

/// A function that computes as `f` does and whose gradient is what `f` says. `f` takes tensors and
/// returns a pair: the result (a tensor, or an array, tuple or vector of tensors) and a function
/// from the result's gradients to those of the arguments (a tensor, or an array, tuple or vector of
/// as many as there are arguments).
///
///     auto log1pexp = custom_gradient([](Tensor x) {
///       Tensor e = exp(x);
///       return std::pair(log(1 + e), [e](Tensor dy) { return dy * (1 - 1 / (1 + e)); });
///     });
///
/// Variables that `f` reads get no gradient: pass them as arguments. Throws `GradientError` from a
/// tape's `gradient` when the function gives another number of gradients than there are arguments,
/// or one of another shape; the error names the line of `custom_gradient`.
template <class F>
auto custom_gradient(F f, Where where = Where::here()) {
  return [f = std::move(f), where](const auto&... arguments) {
    const std::array<Tensor, sizeof...(arguments)> inputs{detail::as_tensor(arguments)...};
    using Returned = decltype(std::apply(f, inputs));
    using Result = std::tuple_element_t<0, Returned>;
    using Gradient = std::tuple_element_t<1, Returned>;
    const auto function = [&] {
      Returned returned = std::apply(f, inputs);
      return detail::CustomResult{
          detail::as_list(std::get<0>(returned)),
          [gradient = std::move(std::get<1>(returned))](std::span<const Tensor> output_gradients) {
            return detail::call_gradient<Gradient, detail::count_of<Result>()>(gradient,
                                                                               output_gradients);
          }};
    };
    return detail::from_list<Result>(detail::call_with_gradient(inputs, function, where));
  };
}

}  // namespace rill
