/// `GradientTape`: records what is computed and, replayed in reverse, gives gradients.
/// Invariant: a tape hears the thread that opened it and belongs to it; it changes no value, and
/// keeps of a computation only what the gradient rules look at.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <rill/autograd/variable.h>
#include <rill/tensor/export.h>
#include <rill/tensor/range.h>
#include <rill/tensor/tensor.h>

namespace rill {

namespace detail {
class Recorder;
}

struct TapeOptions {
  bool persistent = false;      ///< `gradient` may be called more than once
  bool watch_variables = true;  ///< trainable variables are watched when they are read
};

/// What to do about a source that the target does not depend on.
enum class Unconnected : std::uint8_t {
  error,  ///< a `GradientError` that names the source
  zeros,  ///< its gradient is zeros
  none,   ///< its gradient is an undefined tensor
};

/// One tensor, or several.
class RILL_API TensorList {
 public:
  TensorList() = default;
  // NOLINTBEGIN(google-explicit-constructor): whatever holds tensors converts
  TensorList(const Tensor& tensor);
  template <TensorLike T>
    requires(!Range<T>)
  TensorList(const T& source) : TensorList(Tensor(source)) {}
  TensorList(std::initializer_list<Tensor> tensors);
  TensorList(std::span<const Tensor> tensors);
  TensorList(std::vector<Tensor> tensors);
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] std::span<const Tensor> tensors() const;

 private:
  std::vector<Tensor> tensors_;
};

struct GradientOptions {
  /// What flows into each target, of its shape and dtype; ones where nothing is said, so that the
  /// gradient of a target with several elements is that of their sum.
  TensorList output_gradients = {};
  Unconnected unconnected = Unconnected::error;
};

/// What a gradient is taken with respect to: a tensor that was watched or computed under the tape,
/// or a variable.
class Source {
 public:
  // NOLINTBEGIN(google-explicit-constructor): both stand as arguments of `gradient`
  Source(Tensor tensor) : tensor_(std::move(tensor)) {}
  Source(Variable variable) : variable_(std::move(variable)) {}
  // NOLINTEND(google-explicit-constructor)
  [[nodiscard]] bool is_variable() const { return variable_.defined(); }
  [[nodiscard]] const Tensor& tensor() const { return tensor_; }
  [[nodiscard]] const Variable& variable() const { return variable_; }

 private:
  Tensor tensor_;
  Variable variable_;
};

/// Records from its construction on.
///
///     Variable w(rng::normal({3, 2}), "w");
///     GradientTape tape;
///     Tensor loss = mean(square(matmul(x, w)));
///     Tensor dw = tape.gradient(loss, w);
///
/// Gradients of gradients come from a tape around a tape:
///
///     Tensor x = tensor(2.0);
///     GradientTape outer;
///     GradientTape inner;
///     outer.watch(x);
///     inner.watch(x);
///     Tensor dy = inner.gradient(x * x * x, x);
///     dy                          // 12
///     outer.gradient(dy, x)       // 12
class RILL_API GradientTape {
 public:
  explicit GradientTape(const TapeOptions& options = {});
  GradientTape(const GradientTape&) = delete;
  GradientTape& operator=(const GradientTape&) = delete;
  ~GradientTape();

  /// Records what is computed from `tensor` from here on. Throws `DTypeError` unless it holds
  /// floats.
  void watch(const Tensor& tensor, Where where = Where::here());
  /// The same for a variable, trainable or not.
  void watch(const Variable& variable, Where where = Where::here());
  /// Watched variables, in the order in which they were first read.
  [[nodiscard]] std::vector<Variable> watched_variables() const;

  /// The gradients of the target, or of the sum of the targets, with respect to the sources: one
  /// source gives a tensor, a braced list an array of as many, a span or vector a vector.
  ///
  ///     auto [dw, db] = tape.gradient(loss, {w, b});
  ///
  /// A tape that is not persistent stops recording at its first `gradient` and frees what it holds.
  /// A persistent one goes on, and records the gradient's own operations too unless
  /// `stop_recording` keeps it from that. Throws `GradientError`: for a source that the target does
  /// not depend on, unless `options.unconnected` says otherwise; for an operation without a
  /// gradient on the way; for the second use of a tape that is not persistent; on a thread that did
  /// not open the tape. Throws `DTypeError` for a target or source that does not hold floats, and
  /// `ShapeError` for an output gradient of another shape than its target.
  template <std::convertible_to<Source> S>
  Tensor gradient(const TensorList& target, const S& source, const GradientOptions& options = {},
                  Where where = Where::here()) {
    return gradient_of_one(target, Source(source), options, where);
  }
  template <std::size_t N>
  std::array<Tensor, N> gradient(const TensorList& target,
                                 const Source (&sources)[N],  // NOLINT: a braced list
                                 const GradientOptions& options = {}, Where where = Where::here()) {
    std::vector<Tensor> found = gradients(target, sources, options, where);
    std::array<Tensor, N> result;
    for (std::size_t k = 0; k < N; ++k) result[k] = std::move(found[k]);
    return result;
  }
  template <Range Sources>
    requires std::convertible_to<RangeReference<Sources>, Source>
  std::vector<Tensor> gradient(const TensorList& target, const Sources& sources,
                               const GradientOptions& options = {}, Where where = Where::here()) {
    return gradients(target, std::vector<Source>(std::begin(sources), std::end(sources)), options,
                     where);
  }

  /// Stops recording for as long as it lives; must not outlive the tape.
  class [[nodiscard]] Pause {
   public:
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    RILL_API ~Pause();

   private:
    friend class GradientTape;
    explicit Pause(detail::Recorder& recorder);
    detail::Recorder& recorder_;
  };
  /// `auto pause = tape.stop_recording();`: nothing until the end of the scope is recorded.
  Pause stop_recording(Where where = Where::here());

 private:
  Tensor gradient_of_one(const TensorList& target, const Source& source,
                         const GradientOptions& options, Where where);
  std::vector<Tensor> gradients(const TensorList& target, std::span<const Source> sources,
                                const GradientOptions& options, Where where);
  std::vector<Tensor> gradients(const TensorList& target, const std::vector<Source>& sources,
                                const GradientOptions& options, Where where);
  [[nodiscard]] detail::Recorder& recorder(Where where) const;

  std::unique_ptr<detail::Recorder> recorder_;
};

}  // namespace rill
