#include <rill/autograd/functional.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <rill/tensor/error.h>
#include <rill/tensor/unnamed.h>

namespace rill::detail {
namespace {

/// `x` under an id of its own; gradients lead through to `x`.
Tensor apart(const Tensor& x) {
  return call_with_gradient({&x, 1},
                            [&] {
                              return CustomResult{{x}, [](std::span<const Tensor> dy) {
                                                    return std::vector<Tensor>{dy[0]};
                                                  }};
                            })
      .front();
}

}  // namespace

ArgumentGradient::ArgumentGradient(const char* name, int argument, Where where)
    : name_(name), chosen_(argument), where_(where), tape_({.watch_variables = false}) {}

void ArgumentGradient::argument(Tensor& tensor) {
  if (count_++ != chosen_) return;
  if (!tensor.defined()) fail("argument " + std::to_string(chosen_) + " is an undefined tensor");
  x_ = tensor = apart(tensor);
}

void ArgumentGradient::fail(const std::string& rule) const {
  throw UnnamedError<ValueError>(name_, rule, where_);
}

void ArgumentGradient::begin() {
  if (chosen_ < 0 || chosen_ >= count_) {
    fail("there is no argument " + std::to_string(chosen_) + " of a function that takes " +
         std::to_string(count_) + ": the first one is 0");
  }
  if (!x_.defined()) {
    fail("argument " + std::to_string(chosen_) +
         " is no tensor and no floating number, and has no gradient");
  }
  in_operation(name_, where_, [&] { tape_.watch(x_, where_); });
}

ValueAndGradient ArgumentGradient::of(Tensor value) {
  if (!value.defined()) fail_undefined(name_, where_);
  if (!is_float(value.dtype())) {
    throw DTypeError(std::string(name_) + ": target (" + value.type_text() +
                     "): only floats have gradients" + where_.suffix());
  }
  // Under no name: the user's gradient functions run in here, and their errors are their own.
  Tensor gradient = tape_.gradient(value, x_, {.unconnected = Unconnected::zeros}, where_);
  return {std::move(value), std::move(gradient)};
}

}  // namespace rill::detail
