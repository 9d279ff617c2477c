/// `trace(f)`: a C++ function of tensors becomes a graph the first time it meets dtypes and shapes;
/// later calls with the same ones run the graph. Invariant: a traced call gives the bits of the
/// plain one.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <rill/tensor/export.h>
#include <rill/tensor/operand.h>
#include <rill/tensor/tensor.h>
#include <rill/trace/graph.h>

namespace rill {

namespace detail {

/// The signatures of one traced function. Safe to call from several threads.
class RILL_API Signatures {
 public:
  using Body = std::function<std::vector<Tensor>(std::span<const Tensor>)>;

  Signatures();
  Signatures(const Signatures&) = delete;
  Signatures& operator=(const Signatures&) = delete;
  ~Signatures();

  std::vector<Tensor> call(std::span<const Tensor> arguments, const Body& body);
  [[nodiscard]] int count() const;
  [[nodiscard]] Graph graph() const;
  [[nodiscard]] std::string explain() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What a traced function is given in an argument's place. A struct: clang takes a pack of an alias
/// that does not use its parameter for one element.
template <class T>
struct AsTensor {
  using type = const Tensor&;
};

template <class R>
struct Results;  // how a function's results become a list and come back

template <>
struct Results<void> {
  template <class Call>
  static std::vector<Tensor> list(Call&& call) {
    call();
    return {};
  }
  static void value(std::vector<Tensor>) {}
};
template <class R>
  requires std::convertible_to<R, Tensor>
struct Results<R> {
  template <class Call>
  static std::vector<Tensor> list(Call&& call) {
    return {Tensor(call())};
  }
  static Tensor value(std::vector<Tensor> list) { return std::move(list[0]); }
};
template <>
struct Results<std::vector<Tensor>> {
  template <class Call>
  static std::vector<Tensor> list(Call&& call) {
    return call();
  }
  static std::vector<Tensor> value(std::vector<Tensor> list) { return list; }
};
template <class R>
  requires requires { std::tuple_size<R>::value; }
struct Results<R> {
  template <class Call>
  static std::vector<Tensor> list(Call&& call) {
    return std::apply([](auto&&... parts) { return std::vector<Tensor>{Tensor(parts)...}; },
                      call());
  }
  static R value(std::vector<Tensor> list) {
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return R{std::move(list[I])...};
    }(std::make_index_sequence<std::tuple_size_v<R>>{});
  }
};

}  // namespace detail

/// A traced function; copies share the signatures. The arguments are tensors; results are a tensor,
/// a vector, array or tuple of them, or nothing. Variables are captured by reference, other outer
/// tensors by value; random draws and assignments happen anew in every call. What the host reads of
/// a tensor while it is recorded is a `TraceError`.
template <class F>
class Traced {
 public:
  explicit Traced(F function)
      : function_(std::move(function)), signatures_(std::make_shared<detail::Signatures>()) {}

  template <class... Arguments>
    requires(std::convertible_to<const Arguments&, Tensor> && ...)
  auto operator()(const Arguments&... arguments) const {
    using R = std::remove_cvref_t<
        std::invoke_result_t<const F&, typename detail::AsTensor<Arguments>::type...>>;
    const std::array<Tensor, sizeof...(Arguments)> inputs = {Tensor(arguments)...};
    const auto listed = [this](std::span<const Tensor> given) {
      return [&]<std::size_t... I>(std::index_sequence<I...>) {
        return detail::Results<R>::list([&]() -> decltype(auto) { return function_(given[I]...); });
      }(std::index_sequence_for<Arguments...>{});
    };
    return detail::Results<R>::value(signatures_->call(inputs, listed));
  }

  /// How many signatures have been recorded.
  [[nodiscard]] int trace_count() const { return signatures_->count(); }
  [[nodiscard]] std::vector<std::string> signatures() const { return graph().signatures(); }
  /// What a call runs, per signature: one line per kernel, call of a library or other step, with
  /// the bytes it reads and writes, its operations per element, and the nodes that it stands for.
  [[nodiscard]] std::string explain() const { return signatures_->explain(); }
  /// What has been recorded so far.
  [[nodiscard]] Graph graph() const { return signatures_->graph(); }
  /// Writes it as JSON, with weights beside it. Throws `TraceError` when nothing has been recorded.
  void save(const std::string& path, Where where = Where::here()) const {
    graph().save(path, where);
  }

 private:
  F function_;
  std::shared_ptr<detail::Signatures> signatures_;
};

///     auto f = trace([&](Tensor t) { return relu(matmul(t, w)); });
///     print(f(x));
///     f.save("f.json");
template <class F>
Traced<std::decay_t<F>> trace(F&& function) {
  return Traced<std::decay_t<F>>(std::forward<F>(function));
}

/// True while a traced function is being recorded on this thread.
RILL_API bool is_tracing();

}  // namespace rill
