#include <rill/tensor/literal.h>

#include <cstring>

#include <rill/tensor/listener.h>
#include <rill/tensor/unnamed.h>

namespace rill {
namespace {

struct Flat {
  Shape shape;
  std::vector<Scalar> numbers;
  bool real = false;
  bool integer = false;
  bool negative = false;
  bool beyond_int64 = false;

  void add(const Scalar& number) {
    numbers.push_back(number);
    real = real || number.dtype() == float32;
    integer = integer || number.kind() != Scalar::Kind::boolean;
    beyond_int64 = beyond_int64 || number.dtype() == uint64;
    negative = negative || (number.kind() == Scalar::Kind::integer && number.integer() < 0);
  }
  /// The smallest that holds all: what no integer dtype does is float64, as in NumPy.
  [[nodiscard]] DType dtype() const {
    if (real || numbers.empty()) return float32;
    if (beyond_int64) return negative ? float64 : uint64;
    return integer ? int64 : bool_;
  }
};

void flatten(const Literal& literal, int depth, Flat& flat, Where where) {
  if (!literal.is_list()) {
    if (depth != flat.shape.rank()) {
      throw ShapeError("tensor: a number stands where a list of shape " + flat.shape.text() +
                       " goes on" + where.suffix());
    }
    flat.add(literal.scalar());
    return;
  }
  const auto count = static_cast<std::int64_t>(literal.items().size());
  if (depth >= flat.shape.rank() || !(flat.shape[depth] == Dim(count))) {
    throw ShapeError("tensor: rows of different lengths: a list of " + std::to_string(count) +
                     " where the shape is " + flat.shape.text() + where.suffix());
  }
  for (const Literal& item : literal.items()) flatten(item, depth + 1, flat, where);
}

}  // namespace

Tensor tensor(const Literal& literal, DType dtype, Where where) try {
  Flat flat;
  for (const Literal* at = &literal; at->is_list(); at = &at->items().front()) {
    flat.shape.push_back(static_cast<std::int64_t>(at->items().size()));
    if (at->items().empty()) break;
  }
  flatten(literal, 0, flat, where);
  Tensor made = Tensor::empty(flat.shape, dtype);
  std::byte* to = made.body().data;
  for (const Scalar& number : flat.numbers) {
    const std::uint64_t bits = number.bits(dtype);
    std::memcpy(to, &bits, size_of(dtype));
    to += size_of(dtype);
  }
  if (!Listeners::none()) Listeners::tell(&Listener::creation, CreationEvent{made, where});
  return made;
} catch (const detail::Unnamed& error) {
  error.rethrow("tensor", where);
}

Tensor tensor(const Literal& literal, Where where) try {
  Flat flat;
  for (const Literal* at = &literal; at->is_list(); at = &at->items().front()) {
    flat.shape.push_back(static_cast<std::int64_t>(at->items().size()));
    if (at->items().empty()) break;
  }
  flatten(literal, 0, flat, where);
  return tensor(literal, flat.dtype(), where);
} catch (const detail::Unnamed& error) {
  error.rethrow("tensor", where);
}

Tensor tensor_from(const void* elements, std::int64_t count, DType dtype, const Shape& shape,
                   Where where) try {
  if (!(shape.size() == Dim(count))) {
    throw ShapeError("tensor: " + std::to_string(count) + " elements for shape " + shape.text() +
                     where.suffix());
  }
  Tensor made = Tensor::empty(shape, dtype);
  if (count > 0)
    std::memcpy(made.body().data, elements, static_cast<std::size_t>(count) * size_of(dtype));
  if (!Listeners::none()) Listeners::tell(&Listener::creation, CreationEvent{made, where});
  return made;
} catch (const detail::Unnamed& error) {
  error.rethrow("tensor", where);
}

}  // namespace rill
