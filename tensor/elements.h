// Walking over the elements of a tensor whatever its strides: for printing, reading and files,
// where no kernel runs. Invariant: elements come in row-major order of the logical array, each
// once.
#pragma once

#include <rill/tensor/listener.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace rill::detail {

/// Calls `f` with the address of each element. The tensor has values, on the host.
template <class F>
void for_each_element(const TensorBody& body, F&& f) {
  const std::int64_t count = body.shape.size().value();
  const int rank = body.shape.rank();
  const auto width = static_cast<std::int64_t>(size_of(body.dtype));
  std::array<std::int64_t, max_rank> position{};
  const std::byte* at = body.data;
  for (std::int64_t i = 0; i < count; ++i) {
    f(at);
    for (int axis = rank - 1; axis >= 0; --axis) {
      const auto a = static_cast<std::size_t>(axis);
      at += body.strides[a] * width;
      if (++position[a] < body.shape[axis].value()) break;
      at -= body.strides[a] * width * position[a];
      position[a] = 0;
    }
  }
}

/// The most elements that a tensor has; their bytes then do not overflow.
inline constexpr auto largest_count = std::int64_t{1} << 56;

/// Throws `ShapeError` where no tensor can have these sizes, as far as they are known.
void require_sizes(const Shape& shape);

/// What the elements take; nothing where no memory could hold them.
std::optional<std::uint64_t> bytes_of(const Shape& shape, DType dtype);

/// Copies the elements to `to`, where they lie without gaps.
void copy_in_order(const TensorBody& body, void* to);

/// The tensor itself where its elements lie in order, on the host; else a copy that no listener
/// hears of.
Tensor in_order(const Tensor& tensor);

/// Throws `ValueError` for an undefined or abstract tensor.
void require_values(const Tensor& tensor, const char* operation, Where where);

/// Tells listeners that the host reads a tensor.
inline void tell_host_read(const Tensor& tensor, HostReadEvent::Kind kind, Where where) {
  if (Listeners::none()) return;
  Listeners::tell(&Listener::host_read, HostReadEvent{tensor, kind, where});
}

/// Tells listeners that the host made a tensor.
inline void tell_creation(const Tensor& tensor, Where where) {
  if (Listeners::none()) return;
  Listeners::tell(&Listener::creation, CreationEvent{tensor, where});
}

}  // namespace rill::detail
