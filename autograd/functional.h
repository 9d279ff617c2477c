/// Gradients in function style: from a function to the function that is its gradient.
/// Invariant: each call opens a tape of its own, so these nest: `grad(grad(f))` is the second
/// derivative.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include <rill/autograd/custom_gradient.h>
#include <rill/autograd/tape.h>
#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

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

/// The gradient of one call of a function with respect to one of its arguments: what is the same
/// whatever the function is.
class RILL_API ArgumentGradient {
 public:
  ArgumentGradient(const char* name, int argument, Where where);

  /// Looks at the arguments, from the first on. The chosen one gets an id of its own, from which
  /// gradients lead through to what it was. Throws `ValueError` where that is undefined.
  void argument(Tensor& tensor);
  template <class T>
  void argument(T&) {
    ++count_;
  }
  /// All arguments have been looked at: the function comes next. Throws `ValueError` where the
  /// chosen one is missing or no tensor, `DTypeError` where it does not hold floats.
  void begin();
  /// The function has returned. Throws `DTypeError` unless its value holds floats.
  [[nodiscard]] ValueAndGradient of(Tensor value);

 private:
  [[noreturn]] void fail(const std::string& rule) const;

  const char* name_;
  int chosen_;
  Where where_;
  int count_ = 0;
  GradientTape tape_;
  Tensor x_;
};

template <class F>
class ValueAndGrad {
 public:
  ValueAndGrad(const char* name, F f, int argument, Where where)
      : name_(name), f_(std::move(f)), argument_(argument), where_(where) {}

  template <class... Arguments>
  ValueAndGradient operator()(const Arguments&... arguments) const {
    return call(as_argument(arguments)...);
  }

 private:
  template <class... Arguments>
  ValueAndGradient call(Arguments&&... arguments) const {
    ArgumentGradient gradient(name_, argument_, where_);
    (gradient.argument(arguments), ...);
    gradient.begin();
    return gradient.of(f_(std::as_const(arguments)...));
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
