/// `Op`: an operator's whole description: name, shape and dtype rule, meaning and gradient, in one
/// table entry. Invariant: this entry is the one place that says anything about an operator; eager
/// execution, gradients, graphs, the test matrix and the documentation are derived from it.
#pragma once

#include <atomic>
#include <concepts>
#include <string_view>
#include <type_traits>

#include <rill/ops/attributes.h>
#include <rill/tensor/export.h>

namespace rill {

class Infer;
class Body;
class View;
class Places;
class Grad;
class Preparation;
class Composition;
class OnnxForm;
struct OpKernels;

/// Spellings of the operator in other libraries, for the documentation, and in ONNX for files too.
/// Empty where there is none.
struct Peers {
  std::string_view numpy{};
  std::string_view tensorflow{};
  std::string_view torch{};
  std::string_view onnx{};
};

namespace detail {
template <class F>
struct SecondArgument : SecondArgument<decltype(&F::operator())> {};
template <class R, class C, class X, class A>
struct SecondArgument<R (C::*)(X, const A&) const> {
  using type = A;
};
template <class R, class X, class A>
struct SecondArgument<R (*)(X, const A&)> {
  using type = A;
};
template <auto function>
struct Named;
template <class Context, class A, void (*function)(Context&, const A&)>
struct Named<function> {
  void operator()(Context& context, const A& attributes) const { function(context, attributes); }
};
}  // namespace detail

/// A function that takes attributes, as a part of an operator: `.rule = named<&matmul_rule>`.
template <auto function>
inline constexpr detail::Named<function> named{};

/// A part of an operator: a function of a `Context`, and of the operator's attributes when it has
/// some. Made of a captureless lambda or a function; becomes a plain function pointer.
template <class Context>
class Rule {
 public:
  constexpr Rule() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): tables name functions
  constexpr Rule(void (*function)(Context&)) : function_(function) {}
  template <class F>
    requires std::is_empty_v<F> && std::is_default_constructible_v<F>
  constexpr Rule(F) {  // NOLINT(google-explicit-constructor): tables hold lambdas
    if constexpr (std::invocable<F, Context&>) {
      function_ = [](Context& context) { F{}(context); };
    } else {
      using A = typename detail::SecondArgument<F>::type;
      function_ = [](Context& context) { F{}(context, context.attributes().template as<A>()); };
      type_ = attribute_type<A>;
    }
  }

  constexpr explicit operator bool() const { return function_ != nullptr; }
  void operator()(Context& context) const { function_(context); }
  /// The attributes that it takes; null without.
  [[nodiscard]] constexpr const AttributeType* attributes() const { return type_; }

 private:
  void (*function_)(Context&) = nullptr;
  const AttributeType* type_ = nullptr;
};

/// What execution remembers of an operator: its kernels. Filled at run time.
struct OpState {
  constexpr OpState() = default;
  OpState(const OpState&) = delete;
  OpState& operator=(const OpState&) = delete;
  mutable std::atomic<OpKernels*> kernels = nullptr;  ///< owned by ops/kernel_cache.cpp
};

/// An operator. One of `body`, `view` and `places` (then `body` says what it means inside fused
/// kernels), `library` and `composition` makes its values when it runs by itself.
struct Op {
  std::string_view name;  ///< unique; graphs know it by this
  Peers peers{};
  Rule<Infer> rule{};           ///< dtypes and shapes of the results; also runs on symbolic sizes
  Rule<Body> body{};            ///< meaning as a kernel program
  Rule<View> view{};            ///< the result as other strides over the input's memory
  Rule<Places> places{};        ///< the result as copies of the inputs
  Rule<Preparation> library{};  ///< a plan of some library's for these shapes
  Rule<Composition> composition{};  ///< the results as other operators make them: for gradients
                                    ///< better than theirs
  Rule<Grad> grad{};  ///< gradients of the inputs, by public operators; none: nothing flows back
  Rule<OnnxForm> onnx{};  ///< how ONNX says it; none: by the name in `peers`, with these attributes
  bool stateful = false;  ///< two calls with equal inputs may differ, or it has effects
  mutable OpState state{};

  [[nodiscard]] constexpr const AttributeType* attributes() const { return rule.attributes(); }
};

/// A name in a template argument: `find<"log1p">`.
template <std::size_t N>
struct FixedString {
  char characters[N]{};
  constexpr FixedString(const char (&text)[N]) {  // NOLINT(google-explicit-constructor)
    for (std::size_t i = 0; i < N; ++i) characters[i] = text[i];
  }
  [[nodiscard]] constexpr std::string_view view() const { return {characters, N - 1}; }
};

/// The entry of `table` with this name; a misspelt one does not compile.
template <std::size_t N>
consteval std::size_t position(const Op (&table)[N], std::string_view name) {
  for (std::size_t i = 0; i < N; ++i) {
    if (table[i].name == name) return i;
  }
  throw "there is no such operator in this table";  // reached at compile time only
}

}  // namespace rill
