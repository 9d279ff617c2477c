/// `Body`: what an operator means, written once as a function from a point to a value; lowered from here to a kernel
/// program of any rank and layout.
/// Invariant: values of half types are seen as float32 and rounded to the half type by `out`; so every operator rounds
/// exactly once (numerics contract, rule 5).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/ops/infer.h>
#include <rill/ops/op.h>

namespace rill {

using kernel::Value;

/// Dtypes and ranks that a body is lowered for. Sizes and strides are known at launch only.
struct BodySignature {
  struct Input {
    DType dtype = float32;    ///< in memory
    DType operand = float32;  ///< as the operator sees it
    int rank = 0;
    bool weak = false;  ///< a number: a parameter of the launch
    friend bool operator==(const Input&, const Input&) = default;
  };
  struct Output {
    DType dtype = float32;
    int rank = 0;
    friend bool operator==(const Output&, const Output&) = default;
  };
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  friend bool operator==(const BodySignature&, const BodySignature&) = default;
};

/// A program with what its launch needs to know: where sizes, pointers and parameters come from.
struct Lowered {
  /// A buffer: input or output `tensor`. An aligned one has a stride per domain axis in `axes` (0 where broadcast);
  /// any other has its own extents and strides.
  struct BufferSource {
    bool output = false;
    int tensor = 0;
    bool aligned = true;
    std::vector<int> axes;            ///< aligned: the domain axes, one per buffer dimension
    std::vector<kernel::Id> extents;  ///< size numbers, own extents only
    std::vector<kernel::Id> strides;  ///< size numbers
    kernel::Id buffer = kernel::none;
  };
  struct SizeSource {
    bool output = false;
    int tensor = 0;
    int axis = 0;
    kernel::Id number = 0;
  };
  kernel::Program program;
  int domain_rank = 0;
  int domain_input = -1;                    ///< the domain is this input's shape; -1: output 0's
  std::vector<kernel::Id> domain_extents;   ///< size numbers
  std::vector<kernel::Id> domain_axes;      ///< loop variables
  std::vector<BufferSource> buffers;        ///< in launch order
  std::vector<SizeSource> sizes;            ///< further extents that the body asked for
  std::vector<int> parameters;              ///< the weak input of each parameter
  std::vector<DType> parameter_dtypes;
  std::vector<std::string_view> errors;     ///< messages of checks, by number
  bool pointwise = true;                    ///< uses `in(k)` and `out` only: axes may be merged freely
};

class Body;

/// Axes of the domain that are walked inside one point: what a reduction folds, what softmax normalises.
class RILL_API Row {
 public:
  /// Number of elements in the row, int64.
  [[nodiscard]] Value length() const;
  /// Position along the row's only axis, or in row-major order along all, int64.
  [[nodiscard]] Value index() const;

  // Folds in the contract's order. `v` varies along the row; the result does not.
  Value sum(const Value& v);
  Value product(const Value& v);
  Value max(const Value& v);
  Value min(const Value& v);
  Value any(const Value& v);
  Value all(const Value& v);
  /// A fold of one's own.
  std::vector<Value> fold(const kernel::Folding& folding);
  /// `v` computed once per element and kept for the later passes over the row.
  Value keep(const Value& v);

 private:
  friend class Body;
  Row(Body& body, std::vector<kernel::Id> axes) : body_(&body), axes_(std::move(axes)) {}
  Body* body_;
  std::vector<kernel::Id> axes_;
};

class RILL_API Body {
 public:
  Body(const Op& op, const Attributes& attributes, const BodySignature& signature);
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] int inputs() const { return static_cast<int>(signature_.inputs.size()); }
  /// The dtype in which the operator sees input `k`; its values are float32 for the half types.
  [[nodiscard]] DType dtype(int k = 0) const { return signature_.inputs[static_cast<std::size_t>(k)].operand; }
  [[nodiscard]] DType out_dtype(int k = 0) const { return signature_.outputs[static_cast<std::size_t>(k)].dtype; }
  [[nodiscard]] int rank(int k = 0) const { return signature_.inputs[static_cast<std::size_t>(k)].rank; }
  [[nodiscard]] int out_rank(int k = 0) const { return signature_.outputs[static_cast<std::size_t>(k)].rank; }
  kernel::Builder& builder() { return builder_; }

  // ---- The domain: one point per element of the result, unless said otherwise -----------------------------------------
  /// Walks the shape of input `k` instead. Called before anything else.
  void over_input(int k);
  /// The point's position along an axis of the domain, int64.
  Value at(int axis);
  /// Extent of the domain.
  Value extent(int axis);
  /// Takes axes of the domain out of the points. Called at most once, before `in`.
  Row row(const Axes& axes);

  // ---- Reading ----------------------------------------------------------------------------------------------------------
  /// Input `k` at the point, right-aligned and broadcast to the domain.
  Value in(int k);
  /// Input `k` at a place of one's own, one int64 per axis, in range.
  Value in(int k, std::span<const Value> index);
  Value in(int k, std::initializer_list<Value> index) { return in(k, std::span<const Value>(index.begin(), index.size())); }
  /// Where `guard` is false: `otherwise`, and no access.
  Value in(int k, std::span<const Value> index, const Value& guard, const Value& otherwise);
  /// Extent of input `k` along its own axis, int64.
  Value size(int k, int axis);
  Value out_size(int k, int axis);
  Value integer(std::int64_t number) { return builder_.integer(number); }
  /// A constant of the dtype that `in` gives for `dtype`.
  Value constant(DType dtype, double number);

  // ---- Saying -------------------------------------------------------------------------------------------------------------
  /// The result at the point; along the row, if the value varies along it.
  void out(const Value& value) { out(0, value); }
  void out(int k, const Value& value);
  /// Writes result `k` at a place of one's own. The result holds what the operator's rule says it starts from.
  void out_at(int k, std::span<const Value> index, const Value& value,
              kernel::Store::Mode mode = kernel::Store::Mode::set, bool unique = true, const Value& guard = {});
  /// The launch fails with `message` where `ok` is false; `{}` in it shows a number. Returns `ok`, to clamp with.
  Value check(const Value& ok, std::string_view message, std::initializer_list<Value> shown = {});

  /// The program and its sources, once the operator's function has run.
  Lowered finish();

 private:
  friend class Row;
  struct Memory {
    kernel::Id buffer = kernel::none;
    std::vector<Value> strides;
  };
  void settle();  // fixes the domain: called by whatever needs it first
  kernel::Id aligned_buffer(bool output, int tensor, const std::vector<int>& axes, int rank);
  kernel::Id own_buffer(bool output, int tensor);
  Value converted(const Value& loaded, int k);
  void enter_stage(std::span<const kernel::Id> axes, bool fresh);
  [[nodiscard]] bool varies_along_row(const Value& value) const;

  const Attributes& attributes_;
  const BodySignature& signature_;
  kernel::Builder builder_;
  Lowered lowered_;
  bool settled_ = false;
  std::vector<Value> extents_;                // of the domain
  std::vector<int> row_axes_;                 // of the domain
  std::vector<kernel::Id> row_ids_;           // loop variables
  std::vector<Value> parameters_;             // per input, of weak ones
  std::vector<kernel::Id> aligned_inputs_;    // per input
  std::vector<kernel::Id> own_inputs_;        // per input
  std::vector<kernel::Id> aligned_outputs_;   // per output
  std::vector<kernel::Id> own_outputs_;       // per output
  bool stage_open_ = false;
  std::vector<kernel::Id> stage_axes_;
};

}  // namespace rill
