/// DLPack: tensors handed to and taken from other libraries in the same process, without copying.
/// Invariant: memory that came from outside is never written by rill, and is given back exactly
/// once.
///
/// The structs below are the public binary interface of DLPack 1.0 under names of our own, so that
/// a program may also include DLPack's header; a pointer to one is a pointer to the other
/// (`reinterpret_cast<::DLManagedTensor*>`).
#pragma once

#include <cstdint>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>
#include <rill/tensor/where.h>

namespace rill {
namespace dlpack {

/// DLPack's `DLDevice`. Kinds: 1 is the host, 2 a CUDA device, 3 page-locked memory of the host.
struct Device {
  std::int32_t kind;
  std::int32_t index;
};

/// DLPack's `DLDataType`. Codes: 0 signed, 1 unsigned, 2 float, 4 bfloat16, 6 bool.
struct DataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};

/// DLPack's `DLTensor`.
struct View {
  void* data;
  Device device;
  std::int32_t rank;
  DataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  ///< in elements; null for row-major order without gaps
  std::uint64_t byte_offset;
};

/// DLPack's `DLManagedTensor`.
struct Managed {
  View tensor;
  void* context;
  void (*deleter)(Managed* self);  ///< may be null
};

struct Version {
  std::uint32_t major;
  std::uint32_t minor;
};
inline constexpr std::uint64_t read_only = 1;  ///< a flag of `ManagedVersioned`

/// DLPack's `DLManagedTensorVersioned`.
struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned* self);  ///< may be null
  std::uint64_t flags;
  View tensor;
};

}  // namespace dlpack

/// Hands a tensor out. Whoever takes it calls the deleter, once, and must not write: the memory may
/// be shared with tensors whose values never change. The elements stay alive until then. Throws
/// `ValueError` for a tensor without values.
RILL_API dlpack::Managed* to_dlpack(const Tensor& tensor, Where where = Where::here());
/// The same with a version, and a flag that says that the memory is read-only.
RILL_API dlpack::ManagedVersioned* to_dlpack_versioned(const Tensor& tensor,
                                                       Where where = Where::here());

/// Takes a tensor over. Its memory is never written (changing the result copies first) and its
/// deleter is called after the last use. Throws `DTypeError` for elements that rill has not,
/// `DeviceError` for other devices than the host, `ShapeError` and `ValueError` for what cannot be
/// (negative sizes, null pointers, unaligned memory, another major version); then the tensor is
/// still the caller's. Bools must be 0 or 1.
RILL_API Tensor from_dlpack(dlpack::Managed* managed, Where where = Where::here());
RILL_API Tensor from_dlpack(dlpack::ManagedVersioned* managed, Where where = Where::here());

}  // namespace rill
