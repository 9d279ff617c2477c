#include <rill/tensor/elements.h>
#include <rill/tensor/float_environment.h>
#include <rill/tensor/rehearsal.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/unnamed.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

namespace rill {
namespace detail {

void* TensorBody::operator new(std::size_t bytes) { return rill::allocate(bytes, Device::cpu()); }

void TensorBody::operator delete(void* body, std::size_t bytes) noexcept {
  rill::deallocate(body, bytes, Device::cpu());
}

std::uint64_t next_value_id() {
  // Each thread takes a block of numbers, so that threads do not fight over one counter.
  constexpr std::uint64_t block = 1U << 16U;
  static std::atomic<std::uint64_t> blocks{0};
  thread_local std::uint64_t next = 0;
  thread_local std::uint64_t end = 0;
  if (next == end) {
    next = blocks.fetch_add(1, std::memory_order_relaxed) * block + 1;
    end = next + block;
  }
  return next++;
}

void destroy(TensorBody* body) noexcept {
  if (!body->in_storage) {
    delete body;
    return;
  }
  // The body's memory goes with the last reference to its storage, hence after the body.
  const Storage storage = std::move(body->storage);
  body->~TensorBody();
}

void fail_undefined(const char* what, Where where) {
  throw UnnamedError<ValueError>(
      what, "the tensor is undefined (default-constructed or moved from)", where);
}

}  // namespace detail

namespace {

using detail::largest_count;
using detail::TensorBody;

bool row_major(const Shape& shape, std::span<const std::int64_t> strides) {
  std::int64_t expected = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape[axis].value();
    if (size != 1 && strides[static_cast<std::size_t>(axis)] != expected)
      return shape.size() == Dim(0);
    expected *= size;
  }
  return true;
}

/// Converts one element as `cast` does.
template <class To, class From>
To converted(From from) {
  if constexpr (std::is_same_v<To, bool>) {
    return static_cast<double>(from) != 0;
  } else if constexpr (std::is_integral_v<To> && std::is_integral_v<From>) {
    return static_cast<To>(from);
  } else if constexpr (std::is_integral_v<To>) {
    const auto real = static_cast<double>(from);
    if (!(real == real)) return 0;
    constexpr double above =
        static_cast<double>(std::uint64_t{1} << (std::numeric_limits<To>::digits - 1)) * 2.0;
    if (real >= above) return std::numeric_limits<To>::max();
    if (real <= (std::is_signed_v<To> ? -above : 0.0)) return std::numeric_limits<To>::min();
    return static_cast<To>(real);
  } else if constexpr (std::is_same_v<To, double>) {
    return static_cast<double>(from);
  } else if constexpr (std::is_same_v<To, float>) {
    return static_cast<float>(from);
  } else {
    const std::uint64_t bits = Scalar(from).bits(dtype_of<To>);  // rounds once, from whatever type
    return To::from_bits(static_cast<std::uint16_t>(bits));
  }
}

void copy_elements(const TensorBody& body, DType dtype, void* values) {
  const detail::FloatingPointGuard guard;
  visit(dtype, [&](auto to_zero) {
    using To = decltype(to_zero);
    visit(body.dtype, [&](auto from_zero) {
      using From = decltype(from_zero);
      auto* to = static_cast<To*>(values);
      if constexpr (std::is_same_v<To, From>) {
        detail::copy_in_order(body, values);
      } else {
        detail::for_each_element(body, [&](const std::byte* at) {
          From element;
          std::memcpy(&element, at, sizeof element);
          *to++ = converted<To>(element);
        });
      }
    });
  });
}

}  // namespace

Dim Tensor::dim(int axis, Where where) const {
  const int rank = body().shape.rank();
  if (axis < -rank || axis >= rank) {
    throw IndexError("dim: axis " + std::to_string(axis) + " is outside [" + std::to_string(-rank) +
                     ", " + std::to_string(rank) + ") for " + type_text() + where.suffix());
  }
  return shape()[axis < 0 ? axis + rank : axis];
}

std::string Tensor::type_text() const {
  if (!defined()) return "undefined";
  return std::string(name(dtype())) + shape().text();
}

Tensor::operator bool() const {
  detail::require_values(*this, "bool", {});
  if (!(shape().size() == Dim(1))) {
    throw ValueError("bool: the truth of " + type_text() +
                     " is ambiguous: reduce it with any(x) or all(x) first");
  }
  detail::tell_host_read(*this, HostReadEvent::Kind::boolean, {});
  bool value = false;
  copy_elements(body(), bool_, &value);
  return value;
}

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  // One pass for the count and the strides; a size of 0 empties the tensor, but not the strides.
  std::array<std::int64_t, max_rank> strides;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  std::int64_t product = 1;
  bool empty = false;
  bool negative = false;
  bool overflow = false;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const std::int64_t size = shape[axis].value();
    strides[static_cast<std::size_t>(axis)] = product;
    if (size == 0) {
      empty = true;
    } else {
      negative = negative || size < 0;
      overflow = overflow || __builtin_mul_overflow(product, size, &product);
    }
  }
  if (negative || (!empty && (overflow || product > largest_count))) detail::require_sizes(shape);
  const std::size_t bytes = empty ? 0 : static_cast<std::size_t>(product) * size_of(dtype);

  TensorBody* body = nullptr;
  if (device.is_cpu()) {
    // Body, header and elements in one block: creating a tensor is one trip to the allocator.
    constexpr std::size_t before = sizeof(TensorBody);
    static_assert(before % alignof(detail::StorageBlock) == 0 && before <= 255);
    auto* const memory = static_cast<std::byte*>(
        rill::allocate(before + sizeof(detail::StorageBlock) + bytes, device));
    auto* const block = ::new (memory + before) detail::StorageBlock;
    block->before = before;
    block->bytes = bytes;
    block->data = memory + before + sizeof(detail::StorageBlock);
    body = ::new (memory) TensorBody;
    body->in_storage = true;
    body->storage = Storage::adopt(block);
  } else {
    Storage storage = Storage::allocate(bytes, device);
    body = new TensorBody;
    body->storage = std::move(storage);
  }
  body->dtype = dtype;
  body->device = device;
  body->shape = shape;
  body->strides = strides;
  body->data = body->storage.data();
  body->id = detail::next_value_id();
  return adopt(body);
}

Tensor Tensor::abstract(const Shape& shape, DType dtype, Device device) {
  Tensor made = adopt(new TensorBody);
  TensorBody& body = made.body();
  body.dtype = dtype;
  body.device = device;
  body.shape = shape;
  body.strides.fill(0);
  body.id = detail::next_value_id();
  return made;
}

Tensor Tensor::weak(const Scalar& scalar) {
  Tensor made = adopt(new TensorBody);
  TensorBody& body = made.body();
  body.dtype = scalar.dtype();
  body.weak = true;
  body.scalar = scalar;
  body.immediate = scalar.bits(body.dtype);
  body.data = reinterpret_cast<std::byte*>(&body.immediate);
  body.id = scalar.is_argument() ? scalar.argument() : detail::next_value_id();
  if (scalar.is_argument() && Rehearsal::current() != nullptr) body.data = nullptr;  // no value yet
  return made;
}

Tensor Tensor::abstract_weak(DType dtype) {
  Tensor made = weak(Scalar::any(dtype));
  made.body().data = nullptr;
  return made;
}

Tensor Tensor::view(const Shape& shape, std::span<const std::int64_t> strides,
                    std::int64_t offset) const {
  const TensorBody& from = body();
  Tensor made = adopt(new TensorBody);
  TensorBody& to = made.body();
  to.dtype = from.dtype;
  to.device = from.device;
  to.shape = shape;
  std::copy(strides.begin(), strides.end(), to.strides.begin());
  to.storage = from.storage;
  to.immediate = from.immediate;
  if (from.data == reinterpret_cast<const std::byte*>(&from.immediate)) {
    to.data = reinterpret_cast<std::byte*>(&to.immediate);  // a number lies in the body itself
  } else if (from.data != nullptr) {
    to.data = from.data + offset * static_cast<std::int64_t>(size_of(from.dtype));
  }
  to.contiguous = abstract() || row_major(shape, strides);  // sizes may be unknown
  to.id = detail::next_value_id();
  return made;
}

Tensor Tensor::wrap(void* data, const Shape& shape, std::span<const std::int64_t> strides,
                    DType dtype, std::function<void()> release, Device device, Where where) {
  const auto fail = [&]<class E>(std::in_place_type_t<E>, const std::string& rule) {
    throw detail::UnnamedError<E>("wrap", rule, where);
  };
  detail::in_operation("wrap", where, [&] { detail::require_sizes(shape); });
  const std::int64_t count = shape.size().value();
  const std::string memory = "the memory of " + std::string(name(dtype)) + shape.text();
  if (strides.size() != static_cast<std::size_t>(shape.rank())) {
    fail(std::in_place_type<ShapeError>,
         std::to_string(strides.size()) + " strides for shape " + shape.text());
  }
  if (data == nullptr && count != 0) fail(std::in_place_type<ValueError>, memory + " is null");
  if (reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) != 0)
    fail(std::in_place_type<ValueError>, memory + " is not aligned to its elements");
  Tensor made = adopt(new TensorBody);
  TensorBody& body = made.body();
  body.dtype = dtype;
  body.device = device;
  body.shape = shape;
  std::copy(strides.begin(), strides.end(), body.strides.begin());
  body.storage = Storage::wrap(data, static_cast<std::size_t>(count) * size_of(dtype), device,
                               std::move(release));
  body.data = static_cast<std::byte*>(data);
  if (data == nullptr) {  // empty, yet not abstract
    body.data = reinterpret_cast<std::byte*>(&body.immediate);
  }
  body.contiguous = row_major(shape, strides);
  body.id = detail::next_value_id();
  detail::tell_creation(made, where);
  return made;
}

void Tensor::item_into(DType dtype, void* value, Where where) const {
  detail::require_values(*this, "item", where);
  if (!(shape().size() == Dim(1))) {
    throw ValueError("item: " + type_text() +
                     " has not exactly one element: use to_vector or an index" + where.suffix());
  }
  detail::tell_host_read(*this, HostReadEvent::Kind::item, where);
  copy_elements(body(), dtype, value);
}

std::size_t Tensor::checked_count(Where where) const {
  detail::require_values(*this, "to_vector", where);
  return static_cast<std::size_t>(size());
}

void Tensor::fail_memory(Where where) const {
  throw OutOfMemoryError("to_vector: there is no memory for the elements of " + type_text() +
                         where.suffix());
}

void Tensor::copy_into(DType dtype, void* values, Where where) const {
  detail::tell_host_read(*this, HostReadEvent::Kind::data, where);
  copy_elements(body(), dtype, values);
}

const void* Tensor::checked_data(DType dtype, Where where) const {
  detail::require_values(*this, "data", where);
  if (dtype != this->dtype()) {
    throw DTypeError("data: asked for elements of " + std::string(name(dtype)) + " of " +
                     type_text() + ": convert with .to(...) first" + where.suffix());
  }
  if (!contiguous()) {
    throw ValueError("data: " + type_text() +
                     " is a view whose elements do not lie in order: use contiguous_copy()" +
                     where.suffix());
  }
  detail::tell_host_read(*this, HostReadEvent::Kind::data, where);
  return body().data;
}

}  // namespace rill
