/// `trace(f)`: a C++ function of tensors becomes a graph the first time it meets dtypes and shapes;
/// later calls with the same ones run the graph. Invariant: a traced call gives the bits of the
/// plain one.
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/graph.h>
#include <rill/trace/signatures.h>
#include <rill/trace/structure.h>

namespace rill {

namespace detail {

/// What a call hands over for a parameter.
template <class P>
using Argument =
    std::conditional_t<std::same_as<std::decay_t<P>, Operand>, Tensor, std::decay_t<P>>;

template <class P>
concept ReadOnly = !std::is_reference_v<P> ||
                   (std::is_lvalue_reference_v<P> && std::is_const_v<std::remove_reference_t<P>>);

template <class F>
concept HasOneSignature = requires(F&& f) { std::function(std::forward<F>(f)); };

}  // namespace detail

/// A traced function with the signature of the plain one; copies share what has been recorded.
///
/// Tensors among the arguments are traced, wherever they stand: in vectors, maps, tuples, structs
/// that list their members; so are `Scalar`s, numbers that may be others in every call. All else is
/// part of the signature by its value: another number or text is another trace. Variables are
/// captured by reference, other outer tensors by value. Random draws and assignments happen anew in
/// every call. What the host reads of a tensor while it is recorded is a `TraceError`.
template <class Signature>
class Traced;

template <class R, class... P>
class Traced<R(P...)> {
  static_assert((detail::ReadOnly<P> && ...),
                "a traced function takes its arguments by value or by const reference, and returns "
                "what it makes");

 public:
  using Result = std::decay_t<R>;

  /// Throws `TraceError` for an empty function, and for options that exclude each other.
  explicit Traced(std::function<R(P...)> function, TraceOptions options = {},
                  Where where = Where::here())
      : function_(std::make_shared<const std::function<R(P...)>>(std::move(function))),
        signatures_(std::make_shared<detail::Signatures>(std::move(options), where)) {
    if (!*function_) detail::refuse_empty_function(where);
  }

  Result operator()(const detail::Argument<P>&... arguments, Where where = Where::here()) const {
    if (is_tracing()) {  // part of the function around it
      const detail::Signatures::Inlined inlined(*signatures_, where);
      return (*function_)(arguments...);
    }
    detail::Leaves leaves;
    (detail::walk(arguments, leaves), ...);
    // What is handed on captures two pointers at most, for which a `std::function` makes no memory.
    const auto all = std::tie(arguments...);
    const auto body = [this, &all](std::span<const Tensor> tensors) {
      return run(std::tuple<detail::Argument<P>...>(all), tensors);
    };
    const auto names = [&all] {  // only looked at where something is recorded
      return std::apply(
          [](const auto&... each) {
            detail::LeafNames found;
            [[maybe_unused]] int number = 0;
            (found.argument(sizeof...(P) == 1 ? -1 : number++, each), ...);
            return found;
          },
          all);
    };
    return result(signatures_->call(leaves, names, body, where));
  }

  /// Makes the function ready for tensors like these, without running it; a `Scalar` is
  /// `spec({}, float32)`, or of int64 or bool.
  ///
  ///     auto f = trace([](const Tensor& x) { return tanh(x) * 2; });
  ///     f.warm_up({spec({32, 784})});
  void warm_up(std::initializer_list<TensorSpec> inputs, Where where = Where::here()) const
    requires((std::same_as<detail::Argument<P>, Tensor> ||
              std::same_as<detail::Argument<P>, Scalar>) &&
             ...)
  {
    const auto body = [&](std::span<const Tensor> tensors) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return run(std::tuple<detail::Argument<P>...>(place_for<P>(tensors[I])...), tensors);
      }(std::index_sequence_for<P...>{});
    };
    constexpr std::array<bool, sizeof...(P)> numbers{std::same_as<detail::Argument<P>, Scalar>...};
    signatures_->warm_up(inputs, numbers, body, where);
  }

  /// How often the function has been recorded.
  [[nodiscard]] int trace_count() const { return signatures_->count(); }
  [[nodiscard]] std::vector<std::string> signatures() const { return signatures_->texts(); }
  /// What a call runs, per signature: one line per kernel, call of a library or other step, with
  /// bytes read and written, operations per element, an estimated share of time, and its nodes.
  [[nodiscard]] std::string explain() const { return signatures_->explain(); }
  /// What has been recorded so far.
  [[nodiscard]] Graph graph() const { return signatures_->graph(); }
  /// Writes it as JSON, with weights beside it, or as ONNX (`f.onnx`). Throws `TraceError` when
  /// nothing has been recorded.
  void save(const std::string& path, Where where = Where::here()) const {
    graph().save(path, where);
  }

 private:
  template <class One>
  static detail::Argument<One> place_for(const Tensor& tensor) {
    if constexpr (std::same_as<detail::Argument<One>, Scalar>) {
      return tensor.body().scalar;
    } else {
      return tensor;
    }
  }

  /// Calls the function with these tensors in the arguments' places.
  detail::Signatures::Results run(std::tuple<detail::Argument<P>...> arguments,
                                  std::span<const Tensor> tensors) const {
    detail::ReplaceTensors replace(tensors.data(), detail::ReplaceTensors::Numbers::arguments);
    std::apply([&](auto&... each) { (detail::walk(each, replace), ...); }, arguments);
    detail::Signatures::Results results;
    if constexpr (std::is_void_v<R>) {
      std::apply(*function_, arguments);
    } else {
      auto made = std::make_shared<Result>(std::apply(*function_, arguments));
      detail::Leaves leaves;
      detail::walk(std::as_const(*made), leaves);
      // What is kept of them says where tensors belong, and holds none.
      const std::vector<Tensor> marks = results.take(leaves);
      detail::ReplaceTensors mark(marks.data());
      detail::walk(*made, mark);
      results.like = std::move(made);
    }
    return results;
  }

  static Result result(detail::Signatures::Results results) {
    if constexpr (std::is_void_v<R>) {
      return;
    } else if constexpr (std::same_as<Result, Tensor>) {
      return results.tensors.empty() ? Tensor() : std::move(results.tensors[0]);
    } else {
      Result made = *static_cast<const Result*>(results.like.get());
      detail::ReplaceTensors replace(results.tensors.data());
      detail::walk(made, replace);
      return made;
    }
  }

  std::shared_ptr<const std::function<R(P...)>> function_;
  std::shared_ptr<detail::Signatures> signatures_;
};

///     auto f = trace([&](Tensor t) { return relu(matmul(t, w)); });
///     print(f(x));
///     f.save("f.json");
template <class F>
  requires(!std::is_function_v<F>)
auto trace(F&& function, TraceOptions options = {}, Where where = Where::here()) {
  static_assert(detail::HasOneSignature<F>,
                "say the signature of a function that has several: trace<Tensor(Tensor)>(f)");
  return Traced(std::function(std::forward<F>(function)), std::move(options), where);
}
/// The function by this signature: for overloads and generic lambdas.
///
///     auto f = trace<Tensor(Tensor)>([](const auto& t) { return t + 1; });
template <class Signature, class F>
  requires std::is_function_v<Signature>
Traced<Signature> trace(F&& function, TraceOptions options = {}, Where where = Where::here()) {
  return Traced<Signature>(std::function<Signature>(std::forward<F>(function)), std::move(options),
                           where);
}
/// A method of an object, which must outlive the trace: `trace(model, &Model::forward)`.
template <class Object, class Base, class R, class... P>
Traced<R(P...)> trace(const Object& object, R (Base::*method)(P...) const,
                      TraceOptions options = {}, Where where = Where::here()) {
  return Traced<R(P...)>(
      [&object, method](P... arguments) -> R {
        return (object.*method)(std::forward<P>(arguments)...);
      },
      std::move(options), where);
}
template <class Object, class Base, class R, class... P>
void trace(const Object&& object, R (Base::*method)(P...) const,
           TraceOptions = {}) = delete;  // the object would be gone when the trace is called
template <class Object, class Base, class R, class... P>
Traced<R(P...)> trace(Object& object, R (Base::*method)(P...), TraceOptions options = {},
                      Where where = Where::here()) {
  return Traced<R(P...)>(
      [&object, method](P... arguments) -> R {
        return (object.*method)(std::forward<P>(arguments)...);
      },
      std::move(options), where);
}

template <class R, class... P>
Traced(std::function<R(P...)>, TraceOptions, Where) -> Traced<R(P...)>;

}  // namespace rill
