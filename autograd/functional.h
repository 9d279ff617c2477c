/// Gradients in function style: from a function to the function that is its gradient.
/// Invariant: each call opens a tape of its own, so these nest: `grad(grad(f))` is the second
/// derivative.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>

#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/tape.h>
#include <rill/tensor/error.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/unnamed.h>

namespace rill {

struct GradOptions {
  int argument = 0;  ///< the argument with respect to which the gradient is taken
};

struct ValueAndGradient {
  Tensor value;
  Tensor gradient;
};

namespace detail {

/// What the function is called with: floating numbers become tensors, anything else that is no
/// tensor stays what it is.
template <class T>
decltype(auto) as_argument(const T& argument) {
  if constexpr (!std::integral<T> && requires { as_tensor(argument); })
    return Tensor(as_tensor(argument));
  else
    return argument;
}

/// `x` under an id of its own; gradients lead through to `x`.
inline Tensor apart(const Tensor& x) {
  return call_with_gradient({&x, 1},
                            [&] {
                              return CustomResult{{x}, [](std::span<const Tensor> dy) {
                                                    return std::vector<Tensor>{dy[0]};
                                                  }};
                            })
      .front();
}

template <class F>
class ValueAndGrad {
 public:
  ValueAndGrad(const char* name, F f, int argument, Where where)
      : name_(name), f_(std::move(f)), argument_(argument), where_(where) {}

  template <class... Arguments>
  ValueAndGradient operator()(const Arguments&... arguments) const {
    return call(std::index_sequence_for<Arguments...>{}, as_argument(arguments)...);
  }

 private:
  template <std::size_t... I, class... Arguments>
  ValueAndGradient call(std::index_sequence<I...>, Arguments&&... arguments) const {
    GradientTape tape({.watch_variables = false});
    Tensor x;
    const auto choose = [&]<class T>(std::size_t position, T& argument) {
      if constexpr (std::same_as<T, Tensor>) {
        if (static_cast<int>(position) == argument_) x = argument = apart(argument);
      }
    };
    (choose(I, arguments), ...);
    if (!x.defined()) {
      throw ValueError(std::string(name_) + ": argument " + std::to_string(argument_) +
                       " of a function of " + std::to_string(sizeof...(I)) +
                       " is no tensor, or undefined" + where_.suffix());
    }
    in_operation(name_, where_, [&] { tape.watch(x, where_); });
    Tensor value = f_(std::as_const(arguments)...);
    if (!value.defined()) fail_undefined(name_, where_);
    if (!is_float(value.dtype())) {
      throw DTypeError(std::string(name_) + ": target (" + value.type_text() +
                       "): only floats have gradients" + where_.suffix());
    }
    // Under no name: the user's gradient functions run in here, and their errors are their own.
    Tensor gradient = tape.gradient(value, x, {.unconnected = Unconnected::zeros}, where_);
    return {std::move(value), std::move(gradient)};
  }

  const char* name_;
  F f_;
  int argument_;
  Where where_;  // where the gradient was asked for: calls of it know no place
};

}  // namespace detail

/// The function that gives `f`'s result and gradient. `f` takes tensors and whatever else, and
/// returns a tensor; of a result with several elements, the gradient is that of their sum. Zeros
/// where the result does not depend on the argument. Floating numbers are passed as tensors; other
/// arguments (bool, int, structs) as they are.
///
///     auto loss_of = [](Tensor w, Tensor x) { return sum(square(w * x)); };
///     auto [loss, dw] = value_and_grad(loss_of)(tensor({1.0, 2.0}), tensor({3.0, 4.0}));
///     loss      // 73
///     dw        // [18, 64]
template <class F>
auto value_and_grad(F f, const GradOptions& options = {}, Where where = Where::here()) {
  return detail::ValueAndGrad<F>("value_and_grad", std::move(f), options.argument, where);
}

/// The function that gives the gradient of `f`.
///
///     auto f = [](Tensor t) { return square(t); };
///     grad(f)(3.0f)            // 6
///     grad(grad(f))(3.0f)      // 2
template <class F>
auto grad(F f, const GradOptions& options = {}, Where where = Where::here()) {
  return [both = detail::ValueAndGrad<F>("grad", std::move(f), options.argument, where)](
             const auto&... arguments) { return both(arguments...).gradient; };
}

}  // namespace rill
