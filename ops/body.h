/// `Body`: what an operator means, written once as a function from a point to a value; lowered from
/// here to a kernel program for any rank and layout. Invariant: values of half types are seen as
/// float32 and rounded to the half type by `out`; so every operator rounds exactly once (numerics
/// contract, rule 5).
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/ops/inputs.h>
#include <rill/ops/lowered.h>
#include <rill/ops/op.h>
#include <rill/tensor/axes.h>

namespace rill {

using kernel::Value;

class Body;

/// Axes of the domain that are walked inside one point: what a reduction folds, what softmax
/// normalises.
class RILL_API Row {
 public:
  /// Number of elements in the row, int64.
  [[nodiscard]] Value length() const;
  /// The element's position in the row, in row-major order, int64.
  [[nodiscard]] Value index() const;

  // Folds in the contract's order. `v` varies along the row; the result does not.
  Value sum(const Value& v);
  Value product(const Value& v);
  /// NaN if any is; of floats -infinity for an empty row, of others the lowest.
  Value max(const Value& v);
  Value min(const Value& v);
  /// Of bool values.
  Value any(const Value& v);
  Value all(const Value& v);
  /// A fold with accumulators of its own: one result each. Of a scan: the prefixes, for the next
  /// `out` only.
  std::vector<Value> fold(const kernel::Folding& folding);
  /// `v` computed once per element and kept for the later passes over the row.
  Value keep(const Value& v);

 private:
  friend class Body;
  explicit Row(Body& body) : body_(&body) {}
  Body* body_;
};

class RILL_API Body {
 public:
  /// `layout` says which axes of the domain are one and which strides are known.
  Body(const Attributes& attributes, const Signature& signature, const Layout& layout);
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  [[nodiscard]] const Attributes& attributes() const { return attributes_; }
  [[nodiscard]] int inputs() const { return static_cast<int>(signature_.inputs.size()); }
  /// The dtype in which the operator sees input `k`; its values are float32 for the half types.
  [[nodiscard]] DType dtype(int k = 0) const { return input(k).operand; }
  [[nodiscard]] DType out_dtype(int k = 0) const {
    return signature_.outputs[static_cast<std::size_t>(k)].dtype;
  }
  [[nodiscard]] int rank(int k = 0) const { return input(k).rank; }
  [[nodiscard]] int out_rank(int k = 0) const {
    return signature_.outputs[static_cast<std::size_t>(k)].rank;
  }
  kernel::Builder& builder() { return builder_; }

  // ---- The domain: one point per element of result 0, unless said otherwise -------------------
  /// Walks the shape of input `k` instead. Called before anything else.
  void over_input(int k);
  /// Takes axes of the domain out of the points. Called at most once, before any reading.
  Row row(const Axes& axes);
  /// The point's position along an axis of the domain, int64.
  Value at(int axis);
  /// Extent of the domain along an axis, int64.
  Value extent(int axis);

  // ---- Reading --------------------------------------------------------------------------------
  /// Input `k` at the point, right-aligned and broadcast to the domain.
  Value in(int k);
  /// Input `k` at a place of one's own, one int64 per axis, in range.
  Value in(int k, std::span<const Value> index);
  Value in(int k, std::initializer_list<Value> index) {
    return in(k, std::span<const Value>(index.begin(), index.size()));
  }
  /// Where `guard` is false: `otherwise`, and no access.
  Value in(int k, std::span<const Value> index, const Value& guard, const Value& otherwise);
  /// Extent of input `k` along its own axis, int64.
  Value size(int k, int axis);
  Value out_size(int k, int axis);
  Value integer(std::int64_t number) { return builder_.integer(number); }
  /// A constant of the type in which values of `dtype` are computed.
  Value constant(DType dtype, double number);

  // ---- Loops of one's own: windows ------------------------------------------------------------
  /// A loop over [0, extent) inside the point, for `fold`.
  kernel::Id loop(const Value& extent) { return builder_.axis(extent); }
  Value index(kernel::Id loop) { return builder_.index(loop); }
  /// Folds over such loops, in row-major order.
  std::vector<Value> fold(std::span<const kernel::Id> loops, const kernel::Folding& folding);

  // ---- Saying ---------------------------------------------------------------------------------
  /// The result at the point; along the row, if the value varies along it.
  void out(const Value& value) { out(0, value); }
  void out(int k, const Value& value);
  /// Writes result `k` at a place of one's own. The rest of it stays what the operator's rule says
  /// it starts from.
  void out_at(int k, std::span<const Value> index, const Value& value,
              kernel::Store::Mode mode = kernel::Store::Mode::set, bool unique = true,
              const Value& guard = {});
  /// The launch fails with an `IndexError` where `ok` is false; `{}` in the message shows a number
  /// each, `{unsigned}` one whose bits are those of a uint64. Returns `ok`, to clamp with.
  Value check(const Value& ok, std::string_view message, std::initializer_list<Value> shown = {});

  /// The program and its sources, once the operator's function has run.
  Lowered finish();

 private:
  friend class Row;
  [[nodiscard]] const Signature::Input& input(int k) const {
    return input_of(std::span<const Signature::Input>(signature_.inputs), k);
  }
  struct Memory {
    kernel::Id buffer = kernel::none;
  };
  void settle();
  Value size_from(const Lowered::SizeSource& source);
  kernel::Id buffer_of(const Lowered::BufferSource& source);
  Value converted(const Value& loaded, int k) const;
  Value stored(const Value& value, int k) const;
  void enter_stage(bool along_row, bool fresh);
  [[nodiscard]] bool varies_along_row(const Value& value) const;
  [[nodiscard]] std::vector<Value> point(std::span<const int> domain_axes);
  void general();  // this body looks at positions: its axes cannot be merged

  const Attributes& attributes_;
  const Signature& signature_;
  const Layout& layout_;
  kernel::Builder builder_;
  Lowered lowered_;
  bool settled_ = false;
  Axes row_axes_;                  // of the domain as the operator knows it
  std::vector<kernel::Id> loops_;  // loop variable per axis of the laid-out domain
  std::vector<Value> extents_;     // likewise
  std::vector<bool> in_row_;       // likewise
  std::vector<kernel::Id> row_loops_;
  std::vector<Value> parameters_;  // per input
  std::vector<Memory> aligned_inputs_, own_inputs_, aligned_outputs_, own_outputs_;
  enum class Stage : std::uint8_t { closed, point, along_row };
  Stage stage_ = Stage::closed;
  bool scanning_ = false;
};

}  // namespace rill
