/// `Signatures`: what a traced function has been called with so far, and what was made ready for
/// it. Invariant: safe to call from several threads; an exception while a function is recorded
/// leaves no half-made trace.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <rill/tensor/dtype.h>
#include <rill/tensor/export.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>
#include <rill/trace/graph.h>
#include <rill/trace/structure.h>

namespace rill {

/// A dtype and a shape, whose sizes may be unknown, in the place of a tensor.
struct TensorSpec {
  DType dtype = float32;
  Shape shape;
  std::string name;  ///< of the input, in graphs and messages; empty: `x`, or `x0`, `x1` ...
};
///     TensorSpec x = spec({unknown, 784}, float32, "x");   // any number of rows
///     TensorSpec y = spec({Dim("batch"), 10});             // as many as others that say `batch`
inline TensorSpec spec(const Shape& shape, DType dtype = float32, std::string_view name = {}) {
  return {dtype, shape, std::string(name)};
}

struct TraceOptions {
  /// Every call has tensors like these. Unknown sizes give one trace for all sizes, whose kernels
  /// are made ready for each sizes they meet; an unknown size never broadcasts. The function is
  /// captured without values; again for a call in which sizes are equal that `==` told apart.
  std::vector<TensorSpec> inputs = {};
  /// The second shapes that a call brings make the sizes in which they differ unknown.
  bool relax_shapes = false;
  /// Runs the function eagerly beside every call, compares the bits, and names captured tensors
  /// that are others by now. Throws `TraceError` when they differ.
  bool verify = false;
  /// Plans may compute what is equal for real numbers but not for floats: `x * 0` is 0,
  /// `a * b + c` is rounded once (docs/numerics.md). Not with `verify`.
  bool fast_math = false;
  /// Of these the least recently used goes, with its kernels. At least 1.
  int max_signatures = 64;
};

namespace detail {

[[noreturn]] RILL_API void refuse_empty_function(Where where);

class RILL_API Signatures {
 public:
  /// What a function made of its arguments: tensors, and all else of its results.
  struct Results {
    std::vector<Tensor> tensors;
    std::shared_ptr<const void> like;

    /// Takes the tensors among what was made; gives as many that mark their places.
    RILL_API std::vector<Tensor> take(const Leaves& made);
  };
  /// Calls the function on the arguments with these tensors in their places.
  using Body = std::function<Results(std::span<const Tensor>)>;

  Signatures(TraceOptions options, Where where);
  Signatures(const Signatures&) = delete;
  Signatures& operator=(const Signatures&) = delete;
  ~Signatures();

  Results call(const Leaves& arguments, const std::function<LeafNames()>& names, const Body& body,
               Where where);
  /// Captures the function for tensors like these, and makes it ready.
  /// `numbers`: which parameters are `Scalar`s.
  void warm_up(std::initializer_list<TensorSpec> inputs, std::span<const bool> numbers,
               const Body& body, Where where);

  /// A call while another function is recorded, of which it becomes a part. Throws `TraceError`
  /// when the function is being recorded further out: it would never end.
  class RILL_API Inlined {
   public:
    Inlined(const Signatures& of, Where where);
    Inlined(const Inlined&) = delete;
    Inlined& operator=(const Inlined&) = delete;
    ~Inlined();
  };

  [[nodiscard]] int count() const;
  [[nodiscard]] Graph graph() const;
  [[nodiscard]] std::string explain() const;
  [[nodiscard]] std::vector<std::string> texts() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace detail

/// True while a traced function is being recorded on this thread.
RILL_API bool is_tracing();

}  // namespace rill
