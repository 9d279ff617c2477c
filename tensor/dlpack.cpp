#include <rill/tensor/dlpack.h>
#include <rill/tensor/elements.h>
#include <rill/tensor/unnamed.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>

namespace rill {
namespace {

// The layout is an agreement with every other library: these numbers are DLPack's.
static_assert(sizeof(dlpack::View) == 48 && offsetof(dlpack::View, dtype) == 20);
static_assert(sizeof(dlpack::Managed) == 64 && offsetof(dlpack::Managed, deleter) == 56);
static_assert(sizeof(dlpack::ManagedVersioned) == 80 &&
              offsetof(dlpack::ManagedVersioned, tensor) == 32);

constexpr std::int32_t host = 1;
constexpr std::int32_t page_locked_host = 3;
constexpr std::uint32_t major_version = 1;

constexpr dlpack::DataType type_of(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * size_of(dtype));
  const std::uint8_t code = dtype == bool_       ? 6
                            : dtype == bfloat16  ? 4
                            : is_float(dtype)    ? 2
                            : is_unsigned(dtype) ? 1
                                                 : 0;
  return {code, bits, 1};
}

DType dtype_of_type(dlpack::DataType type, Where where) {
  for (int i = 0; i < dtype_count; ++i) {
    const auto dtype = static_cast<DType>(i);
    const dlpack::DataType ours = type_of(dtype);
    if (ours.code == type.code && ours.bits == type.bits && ours.lanes == type.lanes) return dtype;
  }
  throw DTypeError("from_dlpack: elements of code " + std::to_string(type.code) + " with " +
                   std::to_string(type.bits) + " bits and " + std::to_string(type.lanes) +
                   " lanes are not supported" + where.suffix());
}

/// What lives as long as a tensor that was handed out.
template <class M>
struct Exported {
  M managed{};
  Tensor tensor;
  std::array<std::int64_t, max_rank> shape{};
  std::array<std::int64_t, max_rank> strides{};
};

template <class M>
M* exported(const Tensor& tensor, Where where) {
  detail::require_values(tensor, "to_dlpack", where);
  detail::tell_host_read(tensor, HostReadEvent::Kind::data, where);
  auto out = std::make_unique<Exported<M>>();
  // A number on its way into an operation has no memory of its own.
  out->tensor = tensor;
  const detail::TensorBody& body = tensor.body();
  for (int axis = 0; axis < body.shape.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    out->shape[a] = body.shape[axis].value();
    out->strides[a] = body.strides[a];
  }
  const bool on_host = body.device.is_cpu();
  out->managed.tensor = {body.data,
                         {on_host ? host : 2, body.device.index()},
                         body.shape.rank(),
                         type_of(body.dtype),
                         out->shape.data(),
                         out->strides.data(),
                         0};
  out->managed.context = out.get();
  out->managed.deleter = [](M* self) { delete static_cast<Exported<M>*>(self->context); };
  return &out.release()->managed;
}

template <class M>
Tensor imported(M* managed, Where where) {
  if (managed == nullptr) throw ValueError("from_dlpack: the tensor is null" + where.suffix());
  if constexpr (std::is_same_v<M, dlpack::ManagedVersioned>) {
    if (managed->version.major != major_version) {
      throw ValueError("from_dlpack: version " + std::to_string(managed->version.major) + "." +
                       std::to_string(managed->version.minor) + " is not known: 1.x is" +
                       where.suffix());
    }
  }
  const dlpack::View& view = managed->tensor;
  if (view.device.kind != host && view.device.kind != page_locked_host) {
    throw DeviceError("from_dlpack: memory of a device of kind " +
                      std::to_string(view.device.kind) + " cannot be used: only the host's can" +
                      where.suffix());
  }
  const DType dtype = dtype_of_type(view.dtype, where);
  if (view.rank < 0 || view.rank > max_rank) {
    throw ShapeError("from_dlpack: " + std::to_string(view.rank) + " axes: at most " +
                     std::to_string(max_rank) + " are supported" + where.suffix());
  }
  if (view.rank > 0 && view.shape == nullptr)
    throw ValueError("from_dlpack: the shape is null" + where.suffix());
  Shape shape;
  for (int axis = 0; axis < view.rank; ++axis) shape.push_back(view.shape[axis]);
  std::array<std::int64_t, max_rank> strides{};
  std::int64_t next = 1;
  for (int axis = view.rank - 1; axis >= 0; --axis) {
    const auto a = static_cast<std::size_t>(axis);
    strides[a] = view.strides != nullptr ? view.strides[axis] : next;
    if (view.strides == nullptr)
      (void)__builtin_mul_overflow(next, view.shape[axis], &next);  // `wrap` reports it
  }
  auto* const data =
      view.data == nullptr ? nullptr : static_cast<std::byte*>(view.data) + view.byte_offset;
  return Tensor::wrap(
      data, shape, {strides.data(), static_cast<std::size_t>(view.rank)}, dtype,
      [managed] {
        if (managed->deleter != nullptr) managed->deleter(managed);
      },
      Device::cpu(), where);
}

}  // namespace

dlpack::Managed* to_dlpack(const Tensor& tensor, Where where) {
  return exported<dlpack::Managed>(tensor, where);
}

dlpack::ManagedVersioned* to_dlpack_versioned(const Tensor& tensor, Where where) {
  auto* const managed = exported<dlpack::ManagedVersioned>(tensor, where);
  managed->version = {major_version, 0};
  managed->flags = dlpack::read_only;
  return managed;
}

Tensor from_dlpack(dlpack::Managed* managed, Where where) {
  return detail::in_operation("from_dlpack", where, [&] { return imported(managed, where); });
}
Tensor from_dlpack(dlpack::ManagedVersioned* managed, Where where) {
  return detail::in_operation("from_dlpack", where, [&] { return imported(managed, where); });
}

}  // namespace rill
