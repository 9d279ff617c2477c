#include <rill/ops/body.h>

#include <algorithm>
#include <limits>

#include <rill/kernel/limits.h>
#include <rill/tensor/error.h>

namespace rill {
namespace {

using kernel::Id;

DType computed(DType dtype) { return is_half(dtype) ? float32 : dtype; }

std::span<const Value> values(const std::vector<Value>& list) { return list; }

}  // namespace

// ---- Row --------------------------------------------------------------------------------------

Value Row::length() const {
  Value product = body_->integer(1);
  for (std::size_t i = 0; i < body_->loops_.size(); ++i) {
    if (body_->in_row_[i]) product = product * body_->extents_[i];
  }
  return product;
}

Value Row::index() const {
  Value position = body_->integer(0);
  for (std::size_t i = 0; i < body_->loops_.size(); ++i) {
    if (body_->in_row_[i])
      position = position * body_->extents_[i] + body_->builder_.index(body_->loops_[i]);
  }
  return position;
}

std::vector<Value> Row::fold(const kernel::Folding& folding) {
  body_->enter_stage(false, folding.kind == kernel::Fold::Kind::scan);
  body_->scanning_ = folding.kind == kernel::Fold::Kind::scan;
  return body_->builder_.fold(body_->row_loops_, folding);
}

namespace {

kernel::Folding folding_of(const Value& init, const Value& v,
                           Value (*join)(const Value&, const Value&)) {
  return {.kind = kernel::Fold::Kind::reduce,
          .init = {init},
          .step = [=](std::span<const Value> a) { return std::vector{join(a[0], v)}; },
          .merge = [=](std::span<const Value> a,
                       std::span<const Value> b) { return std::vector{join(a[0], b[0])}; }};
}

Value larger(const Value& a, const Value& b) { return kernel::maximum(a, b); }
Value smaller(const Value& a, const Value& b) { return kernel::minimum(a, b); }

/// The largest for sign 1, the smallest for -1; NaN if there is one. Of floats by way of their
/// bits: a maximum of integers is one instruction, where that of floats takes six to see to NaN and
/// -0. Signed integers order positive floats, above the negative ones; unsigned integers order
/// negative floats from zero down, above the positive ones. NaN lie beyond the infinity of their
/// sign.
Value extreme(Row& row, const Value& v, int sign) {
  if (!is_float(v.dtype())) {
    return row.fold(sign > 0 ? folding_of(kernel::lowest(v), v, larger)
                             : folding_of(kernel::highest(v), v, smaller))[0];
  }
  const bool wide = size_of(v.dtype()) == 8;
  const Value place = kernel::bitcast(v, wide ? int64 : int32);
  const Value depth = kernel::bitcast(v, wide ? uint64 : uint32);
  const auto infinity = [&](int of, const Value& like) {
    return kernel::bitcast(of > 0 ? kernel::highest(v) : kernel::lowest(v), like.dtype());
  };
  const auto join = [](std::span<const Value> a, const Value& top, const Value& deepest,
                       const Value& nearest) {
    return std::vector{larger(a[0], top), larger(a[1], deepest), smaller(a[2], nearest)};
  };
  const auto found =
      row.fold({.kind = kernel::Fold::Kind::reduce,
                .init = {kernel::lowest(place), kernel::lowest(depth), infinity(-sign, depth)},
                .step = [=](std::span<const Value> a) { return join(a, place, depth, depth); },
                .merge = [=](std::span<const Value> a,
                             std::span<const Value> b) { return join(a, b[0], b[1], b[2]); }});
  const Value& top = found[0];      // the largest number, if any is positive
  const Value& deepest = found[1];  // the smallest one, if any is negative
  const Value& nearest = found[2];  // to zero, where all have one sign
  const Value any_nan = top > infinity(1, top) || deepest > infinity(-1, deepest);
  const Value number =
      sign > 0 ? kernel::select(top >= 0, kernel::bitcast(top, depth.dtype()), nearest)
               : kernel::select(kernel::bitcast(deepest, place.dtype()) < 0, deepest, nearest);
  return kernel::select(any_nan, kernel::constant(v, std::numeric_limits<double>::quiet_NaN()),
                        kernel::bitcast(number, v.dtype()));
}

}  // namespace

Value Row::sum(const Value& v) {
  return fold(folding_of(kernel::constant(v, 0), v,
                         [](const Value& a, const Value& b) { return a + b; }))[0];
}
Value Row::product(const Value& v) {
  return fold(folding_of(kernel::constant(v, 1), v,
                         [](const Value& a, const Value& b) { return a * b; }))[0];
}
Value Row::max(const Value& v) { return extreme(*this, v, 1); }
Value Row::min(const Value& v) { return extreme(*this, v, -1); }
Value Row::any(const Value& v) {
  return fold(folding_of(kernel::constant_bits(v, 0), v,
                         [](const Value& a, const Value& b) { return a | b; }))[0];
}
Value Row::all(const Value& v) {
  return fold(folding_of(kernel::constant_bits(v, 1), v,
                         [](const Value& a, const Value& b) { return a & b; }))[0];
}

Value Row::keep(const Value& v) {
  std::vector<Value> extents;
  std::vector<Value> index;
  for (std::size_t i = 0; i < body_->loops_.size(); ++i) {
    if (!body_->in_row_[i]) continue;
    extents.push_back(body_->extents_[i]);
    index.push_back(body_->builder_.index(body_->loops_[i]));
  }
  const Id row = body_->builder_.row(v.dtype(), extents);
  body_->enter_stage(true, true);
  body_->builder_.store(row, index, v);
  return body_->builder_.load(row, index);
}

// ---- Body -------------------------------------------------------------------------------------

Body::Body(const Attributes& attributes, const Signature& signature, const Layout& layout)
    : attributes_(attributes),
      signature_(signature),
      layout_(layout),
      parameters_(signature.inputs.size()),
      aligned_inputs_(signature.inputs.size()),
      own_inputs_(signature.inputs.size()),
      aligned_outputs_(signature.outputs.size()),
      own_outputs_(signature.outputs.size()) {}

void Body::over_input(int k) {
  if (settled_) throw InternalError("a body chose its domain too late");
  lowered_.domain_input = k;
}

Row Body::row(const Axes& axes) {
  if (settled_) throw InternalError("a body chose its row too late");
  row_axes_ = axes;
  settle();
  return Row(*this);
}

Value Body::size_from(const Lowered::SizeSource& source) {
  lowered_.sizes.push_back(source);
  return builder_.size();
}

void Body::settle() {
  if (settled_) return;
  settled_ = true;
  lowered_.row_axes = row_axes_;
  const int rank = lowered_.domain_input >= 0 ? this->rank(lowered_.domain_input) : out_rank(0);
  // Before anything is known of strides, every axis of the domain is a loop.
  const int loops = layout_.classified ? layout_.rank : rank;
  in_row_.assign(static_cast<std::size_t>(loops), false);
  for (int axis : row_axes_) {
    if (axis < 0 || axis >= rank)
      throw InternalError("a body's row has an axis outside its domain");
    const int at = layout_.axis[static_cast<std::size_t>(axis)];
    if (at >= 0) in_row_[static_cast<std::size_t>(at)] = true;
  }
  std::vector<Id> outer;
  for (int i = 0; i < loops; ++i) {
    extents_.push_back(size_from({.kind = Lowered::SizeSource::Kind::domain, .index = i}));
    loops_.push_back(builder_.axis(extents_.back()));
    (in_row_[static_cast<std::size_t>(i)] ? row_loops_ : outer).push_back(loops_.back());
  }
  builder_.outer(outer);
}

void Body::general() { lowered_.general = true; }

Value Body::at(int axis) {
  settle();
  general();
  const int at = layout_.axis[static_cast<std::size_t>(axis)];
  return at < 0 ? integer(0) : builder_.index(loops_[static_cast<std::size_t>(at)]);
}

Value Body::extent(int axis) {
  settle();
  general();
  const int at = layout_.axis[static_cast<std::size_t>(axis)];
  return at < 0 ? integer(1) : extents_[static_cast<std::size_t>(at)];
}

Value Body::constant(DType dtype, double number) {
  return builder_.constant(computed(dtype), number);
}

Value Body::size(int k, int axis) {
  general();
  return size_from({.kind = Lowered::SizeSource::Kind::extent, .index = k, .axis = axis});
}

Value Body::out_size(int k, int axis) {
  general();
  return size_from(
      {.kind = Lowered::SizeSource::Kind::extent, .output = true, .index = k, .axis = axis});
}

kernel::Id Body::buffer_of(const Lowered::BufferSource& source) {
  auto& known = source.output ? (source.aligned ? aligned_outputs_ : own_outputs_)
                              : (source.aligned ? aligned_inputs_ : own_inputs_);
  const auto tensor = static_cast<std::size_t>(source.tensor);
  Id& buffer = known[tensor].buffer;
  if (buffer != kernel::none) return buffer;
  const int number = static_cast<int>(lowered_.buffers.size());
  const std::uint32_t classes =
      layout_.classified ? layout_.strides[static_cast<std::size_t>(number)] : 0;
  const int own_rank = source.output ? out_rank(source.tensor) : rank(source.tensor);
  const int dimensions = source.aligned ? static_cast<int>(source.axes.size()) : own_rank;
  std::vector<Value> extents;
  std::vector<Value> strides;
  for (int d = 0; d < dimensions; ++d) {
    extents.push_back(
        source.aligned
            ? extents_[static_cast<std::size_t>(source.axes[static_cast<std::size_t>(d)])]
            : size_from({.kind = Lowered::SizeSource::Kind::extent,
                         .output = source.output,
                         .index = source.tensor,
                         .axis = d}));
    switch (static_cast<StrideClass>(classes >> (2U * static_cast<unsigned>(d)) & 3U)) {
      case StrideClass::zero:
        strides.push_back(integer(0));
        break;
      case StrideClass::one:
        strides.push_back(integer(1));
        break;
      case StrideClass::other:
        strides.push_back(
            size_from({.kind = Lowered::SizeSource::Kind::stride, .index = number, .axis = d}));
    }
  }
  const DType dtype =
      source.output ? signature_.outputs[tensor].dtype : signature_.inputs[tensor].dtype;
  const auto space = !source.output                       ? kernel::Buffer::Space::input
                     : signature_.outputs[tensor].started ? kernel::Buffer::Space::in_out
                                                          : kernel::Buffer::Space::output;
  buffer = builder_.buffer(dtype, space, extents, strides);
  lowered_.buffers.push_back(source);
  return buffer;
}

std::vector<Value> Body::point(std::span<const int> domain_axes) {
  std::vector<Value> index;
  for (int axis : domain_axes)
    index.push_back(builder_.index(loops_[static_cast<std::size_t>(axis)]));
  return index;
}

Value Body::converted(const Value& loaded, int k) const {
  Value value = loaded;
  if (value.dtype() != dtype(k)) value = kernel::cast(value, dtype(k));
  return is_half(dtype(k)) ? kernel::cast(value, float32) : value;
}

Value Body::in(int k) {
  settle();
  const auto& input = this->input(k);
  if (input.weak) {
    Value& parameter = parameters_[static_cast<std::size_t>(k)];
    if (parameter.id() == kernel::none) {
      parameter = builder_.parameter(input.operand);
      lowered_.parameters.push_back(k);
    }
    return is_half(input.operand) ? kernel::cast(parameter, float32) : parameter;
  }
  std::vector<int> axes(loops_.size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<int>(i);
  const Id buffer = buffer_of({.tensor = k, .axes = axes});
  return converted(builder_.load(buffer, values(point(axes))), k);
}

Value Body::in(int k, std::span<const Value> index) {
  settle();
  general();
  if (input(k).weak) return in(k);
  return converted(builder_.load(buffer_of({.tensor = k, .aligned = false}), index), k);
}

Value Body::in(int k, std::span<const Value> index, const Value& guard, const Value& otherwise) {
  settle();
  general();
  if (input(k).weak) return kernel::select(guard, in(k), otherwise);
  const Id buffer = buffer_of({.tensor = k, .aligned = false});
  const DType memory = input(k).dtype;
  // The load's own alternative is in the dtype of memory; a conversion comes after both.
  const Value zero = builder_.constant_bits(memory, 0);
  return kernel::select(guard, converted(builder_.load(buffer, index, guard, zero), k), otherwise);
}

std::vector<Value> Body::fold(std::span<const kernel::Id> loops, const kernel::Folding& folding) {
  settle();
  enter_stage(false, false);
  return builder_.fold(loops, folding);
}

bool Body::varies_along_row(const Value& value) const {
  return std::any_of(row_loops_.begin(), row_loops_.end(),
                     [&](Id loop) { return builder_.depends(value, loop); });
}

void Body::enter_stage(bool along_row, bool fresh) {
  const Stage wanted = along_row ? Stage::along_row : Stage::point;
  if (stage_ == wanted && !fresh && !scanning_) return;
  stage_ = wanted;
  scanning_ = false;
  if (along_row) {
    builder_.stage(row_loops_);
  } else {
    builder_.stage({});
  }
}

Value Body::stored(const Value& value, int k) const {
  return value.dtype() == out_dtype(k) ? value : kernel::cast(value, out_dtype(k));
}

void Body::out(int k, const Value& value) {
  settle();
  const bool along_row = scanning_ || varies_along_row(value);
  std::vector<int> axes;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    if (along_row || !in_row_[i]) axes.push_back(static_cast<int>(i));
  }
  const Id buffer = buffer_of({.output = true, .tensor = k, .along_row = along_row, .axes = axes});
  if (!scanning_) enter_stage(along_row, false);
  builder_.store(buffer, values(point(axes)), stored(value, k));
}

void Body::out_at(int k, std::span<const Value> index, const Value& value, kernel::Store::Mode mode,
                  bool unique, const Value& guard) {
  settle();
  general();
  const bool along_row = varies_along_row(value) ||
                         std::any_of(index.begin(), index.end(), [&](const Value& position) {
                           return varies_along_row(position);
                         });
  const Id buffer = buffer_of({.output = true, .tensor = k, .aligned = false});
  enter_stage(along_row, false);
  builder_.store(buffer, index, stored(value, k), mode, unique, guard);
}

Value Body::check(const Value& ok, std::string_view message, std::initializer_list<Value> shown) {
  settle();
  enter_stage(varies_along_row(ok), false);
  builder_.check(ok, static_cast<std::uint16_t>(lowered_.errors.size()),
                 std::span<const Value>(shown.begin(), shown.size()));
  lowered_.errors.push_back(message);
  return ok;
}

Lowered Body::finish() {
  lowered_.program = builder_.finish();
  return std::move(lowered_);
}

}  // namespace rill
