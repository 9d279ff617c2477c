#include <rill/tensor/elements.h>
#include <rill/tensor/unnamed.h>

#include <cstring>
#include <string>

namespace rill::detail {
namespace {

template <std::size_t width>
void copy_of_width(const TensorBody& body, std::byte* to) {
  for_each_element(body, [&](const std::byte* from) {
    std::memcpy(to, from, width);
    to += width;
  });
}

}  // namespace

void require_sizes(const Shape& shape) {
  std::int64_t product = 1;
  bool empty = false;
  bool overflow = false;
  for (const Dim size : shape) {
    if (!size.known()) continue;
    if (size.value() < 0) throw UnnamedError<ShapeError>("a size is negative: " + shape.text());
    empty = empty || size.value() == 0;
    overflow = overflow || __builtin_mul_overflow(product, size.value(), &product);
  }
  if (!empty && (overflow || product > largest_count)) {
    throw UnnamedError<ShapeError>("a tensor of shape " + shape.text() +
                                   " has too many elements: at most 2^56");
  }
}

std::optional<std::uint64_t> bytes_of(const Shape& shape, DType dtype) {
  try {
    const std::int64_t count = shape.size().value();
    if (count > largest_count) return std::nullopt;
    return static_cast<std::uint64_t>(count) * size_of(dtype);
  } catch (const ShapeError&) {  // the product overflows
    return std::nullopt;
  }
}

void copy_in_order(const TensorBody& body, void* to) {
  auto* const bytes = static_cast<std::byte*>(to);
  const std::size_t width = size_of(body.dtype);
  const auto count = static_cast<std::size_t>(body.shape.size().value());
  if (body.contiguous) {
    if (count > 0) std::memcpy(bytes, body.data, count * width);
    return;
  }
  switch (width) {  // a constant width makes each copy one instruction
    case 1:
      copy_of_width<1>(body, bytes);
      return;
    case 2:
      copy_of_width<2>(body, bytes);
      return;
    case 4:
      copy_of_width<4>(body, bytes);
      return;
    default:
      copy_of_width<8>(body, bytes);
      return;
  }
}

Tensor in_order(const Tensor& tensor) {
  const Silence silence;
  Tensor here = tensor.device().is_cpu() ? tensor : tensor.to(Device::cpu());
  if (here.contiguous()) return here;
  Tensor copy = Tensor::empty(here.shape(), here.dtype());
  copy_in_order(here.body(), copy.body().data);
  return copy;
}

void require_values(const Tensor& tensor, const char* operation, Where where) {
  if (!tensor.defined()) fail_undefined(operation, where);
  if (tensor.abstract()) {
    const std::string_view how = operation;
    tell_host_read(tensor,
                   how == "item"   ? HostReadEvent::Kind::item
                   : how == "bool" ? HostReadEvent::Kind::boolean
                                   : HostReadEvent::Kind::data,
                   where);  // who captures a function says more
    throw ValueError(std::string(operation) + ": " + tensor.type_text() +
                     " is abstract: it has a dtype and a shape, but no values" + where.suffix());
  }
}

}  // namespace rill::detail
