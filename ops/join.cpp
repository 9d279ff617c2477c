#include <rill/ops/join.h>

#include <algorithm>
#include <string>

#include <rill/ops/axes.h>
#include <rill/ops/body.h>
#include <rill/ops/call.h>
#include <rill/ops/concat_attributes.h>
#include <rill/ops/creation.h>
#include <rill/ops/families.h>
#include <rill/ops/grad.h>
#include <rill/ops/index.h>
#include <rill/ops/infer.h>
#include <rill/ops/places.h>
#include <rill/ops/shape.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/equal_sizes.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

// clang-format off
constexpr Op table[] = {
    {.name = "concat", .peers = {.numpy = "concatenate", .tensorflow = "concat", .torch = "cat", .onnx = "Concat"},
     .rule = [](Infer& i, const ConcatAttributes& a) {
       i.require_axis(a.axis);
       Shape shape = i.shape(0);
       for (int k = 1; k < i.inputs(); ++k) {
         bool fits = i.rank(k) == shape.rank();
         for (int axis = 0; fits && axis < shape.rank(); ++axis) fits = axis == a.axis || equal_sizes(i.shape(k)[axis], shape[axis]);
         if (!fits) i.fail<ShapeError>("sizes must be equal except along axis " + std::to_string(a.axis));
         shape[a.axis] = shape[a.axis] + i.shape(k)[a.axis];
       }
       i.convert(i.promoted());
       i.out(i.promoted(), shape);
     },
     .body = [](Body& b, const ConcatAttributes& a) {
       std::vector<Value> index;
       for (int axis = 0; axis < b.out_rank(); ++axis) index.push_back(b.at(axis));
       Value& along = index[static_cast<std::size_t>(a.axis)];
       Value result = b.in(0, index, along < b.size(0, a.axis), b.constant(b.dtype(0), 0));
       for (int k = 1; k < b.inputs(); ++k) {
         along = along - b.size(k - 1, a.axis);
         const Value inside = along >= 0 && along < b.size(k, a.axis);
         result = b.in(k, index, inside, result);
       }
       b.out(result);
     },
     .places = [](Places& p, const ConcatAttributes& a) {
       std::array<std::int64_t, max_rank> first{}, step{};
       step.fill(1);
       for (int k = 0; k < p.inputs(); ++k) {
         p.put(k, first, step, p.shape(k));
         first[static_cast<std::size_t>(a.axis)] += p.shape(k)[a.axis].value();
       }
     },
     .grad = [](Grad& g, const ConcatAttributes& a) {
       const Shape& whole = g.output_shape();
       Shape first, step;
       for (int axis = 0; axis < whole.rank(); ++axis) {
         first.push_back(0);
         step.push_back(1);
       }
       for (int k = 0; k < g.inputs(); ++k) {
         if (g.wants(k)) g.to(k, strided_slice(g.dy(), first, step, g.shape(k)));
         first[a.axis] = first[a.axis] + g.shape(k)[a.axis];
       }
     }},
};
// clang-format on

template <FixedString name>
constexpr const Op& find = table[position(table, name.view())];

/// `x` as [before, size, after] around an axis.
Shape around(const Shape& shape, int axis) {
  Dim before = 1;
  Dim after = 1;
  for (int at = 0; at < axis; ++at) before = before * shape[at];
  for (int at = axis + 1; at < shape.rank(); ++at) after = after * shape[at];
  return {before, shape[axis], after};
}

/// Elements [first, first + size) of an axis.
Tensor part(const Tensor& x, int axis, Dim first, Dim size, Where where) {
  Shape start;
  Shape step;
  for (int at = 0; at < x.rank(); ++at) {
    start.push_back(at == axis ? first : Dim(0));
    step.push_back(1);
  }
  Shape shape = x.shape();
  shape[axis] = size;
  return strided_slice(x, start, step, shape, where);
}

void require_tensors(std::span<const Tensor> tensors, std::string_view operation, Where where) {
  if (tensors.empty())
    throw ValueError(std::string(operation) + ": there are no tensors" + where.suffix());
  for (const Tensor& x : tensors) {
    if (!x.defined()) detail::fail_undefined(operation.data(), where);
  }
}

/// Joined in groups: kernels and gradients take a bounded number of operands.
Tensor join(std::span<const Tensor> tensors, int axis, Where where) {
  constexpr std::size_t most = 16;
  const ConcatAttributes attributes{.axis = axis};
  if (tensors.size() <= most) return call_for<1>(find<"concat">, tensors, attributes, where)[0];
  std::vector<Tensor> joined;
  for (std::size_t first = 0; first < tensors.size(); first += most) {
    joined.push_back(
        join(tensors.subspan(first, std::min(most, tensors.size() - first)), axis, where));
  }
  return join(joined, axis, where);
}

/// Which element of an axis of `size` stands at each place of the padded axis.
Tensor source_of(std::int64_t size, const Padding& amount, PadMode mode, Where where) {
  // First the memory: there may be none for so many.
  Tensor source = Tensor::empty({Dim(size) + amount.before + amount.after}, int64);
  auto* place = reinterpret_cast<std::int64_t*>(source.body().data);
  for (std::int64_t at = -amount.before; at < size + amount.after; ++at) {
    std::int64_t from = std::clamp(at, std::int64_t{0}, size - 1);
    if (mode == PadMode::reflect && size > 1) {
      const std::int64_t period = 2 * (size - 1);
      from = ((at % period) + period) % period;
      if (from >= size) from = period - from;
    }
    *place++ = from;
  }
  detail::tell_creation(source, where);
  return source;
}

}  // namespace

std::span<const Op> families::join() { return table; }

std::vector<Tensor> split(const Tensor& x, std::span<const std::int64_t> sizes, int axis,
                          Where where) {
  const detail::UserCall scope("split", where);
  const int normal = normalized_axis(x, axis, "split", where);
  constexpr std::int64_t most = (std::int64_t{1} << 61U) - 1;  // of a size
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) {
    if (size < 0)
      throw ShapeError("split: a size is negative: " + std::to_string(size) + where.suffix());
    total += std::min(size, most - total);
  }
  const Dim whole = x.shape()[normal];
  if (!equal_sizes(whole, total)) {
    throw ShapeError("split: the sizes of the parts add up to " + std::to_string(total) +
                     (total == most ? " or more" : "") + ", not to axis " + std::to_string(normal) +
                     " of " + x.type_text() + where.suffix());
  }
  std::vector<Tensor> parts;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(part(x, normal, first, size, where));
    first += size;
  }
  return parts;
}

std::vector<Tensor> split(const Tensor& x, std::initializer_list<std::int64_t> sizes, int axis,
                          Where where) {
  return split(x, std::span<const std::int64_t>(sizes.begin(), sizes.size()), axis, where);
}

std::vector<Tensor> split(const Tensor& x, std::int64_t count, int axis, Where where) {
  const detail::UserCall scope("split", where);
  const int normal = normalized_axis(x, axis, "split", where);
  const Dim whole = x.shape()[normal];
  if (count < 1 || !is_multiple(whole, count)) {
    throw ShapeError("split: axis " + std::to_string(normal) + " of " + x.type_text() +
                     " does not part into " + std::to_string(count) + " equal sizes" +
                     where.suffix());
  }
  const Dim size = whole / count;
  std::vector<Tensor> parts;
  for (std::int64_t k = 0; k < count; ++k) parts.push_back(part(x, normal, size * k, size, where));
  return parts;
}

Tensor concat(std::span<const Tensor> tensors, int axis, Where where) {
  require_tensors(tensors, "concat", where);
  return join(tensors, normalized_axis(tensors[0], axis, "concat", where), where);
}
Tensor concat(std::initializer_list<Tensor> tensors, int axis, Where where) {
  return concat(std::span<const Tensor>(tensors.begin(), tensors.size()), axis, where);
}

Tensor stack(std::span<const Tensor> tensors, int axis, Where where) {
  const detail::UserCall scope("stack", where);
  require_tensors(tensors, "stack", where);
  const Tensor& first = tensors[0];
  const int normal = normalized_axis(axis, first.rank() + 1, "stack", first.type_text(), where);
  std::vector<Tensor> raised;
  for (const Tensor& x : tensors) {
    if (!equal_sizes(x.shape(), tensors[0].shape())) {
      throw ShapeError("stack: shapes differ: " + tensors[0].type_text() + ", " + x.type_text() +
                       where.suffix());
    }
    raised.push_back(expand_dims(x, normal, where));
  }
  return join(raised, normal, where);
}
Tensor stack(std::initializer_list<Tensor> tensors, int axis, Where where) {
  return stack(std::span<const Tensor>(tensors.begin(), tensors.size()), axis, where);
}

Tensor tile(const Tensor& x, std::span<const std::int64_t> counts, Where where) {
  const detail::UserCall scope("tile", where);
  Tensor result = x;
  while (result.rank() < static_cast<int>(counts.size())) result = expand_dims(result, 0, where);
  const int first = result.rank() - static_cast<int>(counts.size());
  for (int axis = first; axis < result.rank(); ++axis) {
    const std::int64_t count = counts[static_cast<std::size_t>(axis - first)];
    if (count < 0) {
      throw ValueError("tile: a count is negative: " + std::to_string(count) + where.suffix());
    }
    if (count == 1) continue;
    // [before, 1, size, after] stretched to [before, count, size, after]
    const Shape parts = around(result.shape(), axis);
    Shape shape = result.shape();
    shape[axis] = shape[axis] * count;
    result = reshape(result, {parts[0], 1, parts[1], parts[2]}, where);
    result =
        reshape(broadcast_to(result, {parts[0], count, parts[1], parts[2]}, where), shape, where);
  }
  return result;
}
Tensor tile(const Tensor& x, std::initializer_list<std::int64_t> counts, Where where) {
  return tile(x, std::span<const std::int64_t>(counts.begin(), counts.size()), where);
}

Tensor repeat(const Tensor& x, std::int64_t count, int axis, Where where) {
  const detail::UserCall scope("repeat", where);
  const int normal = normalized_axis(x, axis, "repeat", where);
  if (count < 0)
    throw ValueError("repeat: the count is negative: " + std::to_string(count) + where.suffix());
  const Shape parts = around(x.shape(), normal);
  Shape shape = x.shape();
  shape[normal] = shape[normal] * count;
  const Tensor raised = reshape(x, {parts[0], parts[1], 1, parts[2]}, where);
  return reshape(broadcast_to(raised, {parts[0], parts[1], count, parts[2]}, where), shape, where);
}

Tensor roll(const Tensor& x, std::int64_t shift, int axis, Where where) {
  const detail::UserCall scope("roll", where);
  const int normal = normalized_axis(x, axis, "roll", where);
  const Dim size = x.shape()[normal];
  const Dim period = Dim::max(size, 1);  // nothing moves by nothing
  // A known size first brings the shift into its range: shifts may exceed what sizes can be.
  const Dim moved = (period.known() ? shift % period.value() : Dim(shift)) % period;
  return concat(
      {part(x, normal, size - moved, moved, where), part(x, normal, 0, size - moved, where)},
      normal, where);
}

Tensor pad(const Tensor& x, std::span<const Padding> amounts, const PadOptions& options,
           Where where) {
  const detail::UserCall scope("pad", where);
  const int rank = x.rank();
  if (amounts.size() != 1 && static_cast<int>(amounts.size()) != rank) {
    throw ShapeError("pad: takes one amount, or one for each axis of " + x.type_text() + ", not " +
                     std::to_string(amounts.size()) + where.suffix());
  }
  Shape first;
  Shape step;
  Shape shape;
  for (int axis = 0; axis < rank; ++axis) {
    const Padding& amount = amounts[amounts.size() == 1 ? 0 : static_cast<std::size_t>(axis)];
    if (amount.before < 0 || amount.after < 0) {
      throw ValueError("pad: an amount is negative: take a slice instead" + where.suffix());
    }
    first.push_back(amount.before);
    step.push_back(1);
    shape.push_back(x.shape()[axis] + amount.before + amount.after);
  }
  if (options.mode == PadMode::constant) {
    const Tensor around = full(shape, Operand(Tensor::weak(options.value), where), x.dtype());
    return update_slice(around, x, first, step, x.shape(), where);
  }
  Tensor result = x;
  for (int axis = 0; axis < rank; ++axis) {
    const Padding& amount = amounts[amounts.size() == 1 ? 0 : static_cast<std::size_t>(axis)];
    if (amount.before == 0 && amount.after == 0) continue;
    const std::int64_t size = x.shape()[axis].value();
    if (size == 0)
      throw ShapeError("pad: there is nothing to continue: " + x.type_text() + where.suffix());
    result = take(result, source_of(size, amount, options.mode, where), axis, where);
  }
  return result;
}
Tensor pad(const Tensor& x, std::initializer_list<Padding> amounts, const PadOptions& options,
           Where where) {
  return pad(x, std::span<const Padding>(amounts.begin(), amounts.size()), options, where);
}

}  // namespace rill
