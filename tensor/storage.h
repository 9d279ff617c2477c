/// A block of memory that tensors share. Invariant: freed by the last reference; foreign memory is
/// never written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include <rill/tensor/allocator.h>
#include <rill/tensor/device.h>
#include <rill/tensor/export.h>
#include <rill/tensor/reference_count.h>

namespace rill {

namespace detail {

/// The count and origin of one block. Owned memory follows its block's header directly; the body of
/// the tensor that the block was made for may stand before it.
struct alignas(64) StorageBlock {
  ReferenceCount references;
  Device device;
  bool foreign = false;     // memory of somebody else's: never written
  std::uint8_t before = 0;  // bytes from the start of the block to this header
  std::size_t bytes = 0;    // of the memory, header excluded
  std::byte* data = nullptr;
  std::function<void()>* release = nullptr;  // foreign memory only: gives it back
};
static_assert(sizeof(StorageBlock) == 64);

RILL_API void destroy(StorageBlock* block) noexcept;

}  // namespace detail

/// A counted reference to a block of memory.
class RILL_API Storage {
 public:
  Storage() = default;
  /// New memory, not set to anything. Throws `OutOfMemoryError`.
  static Storage allocate(std::size_t bytes, Device device);
  /// Memory of somebody else's; `release` runs once, after the last reference is gone.
  static Storage wrap(void* data, std::size_t bytes, Device device, std::function<void()> release);

  Storage(const Storage& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.add();
  }
  Storage(Storage&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Storage& operator=(Storage other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Storage() {
    if (block_ != nullptr && block_->references.drop()) detail::destroy(block_);
  }

  /// Takes over the one reference that a new header holds.
  static Storage adopt(detail::StorageBlock* block) {
    Storage storage;
    storage.block_ = block;
    return storage;
  }

  explicit operator bool() const { return block_ != nullptr; }
  [[nodiscard]] std::byte* data() const { return block_->data; }
  [[nodiscard]] std::size_t bytes() const { return block_->bytes; }
  [[nodiscard]] Device device() const { return block_->device; }
  /// True when this is the only reference to memory that may be written.
  [[nodiscard]] bool writable() const { return !block_->foreign && block_->references.sole(); }
  friend bool operator==(const Storage& a, const Storage& b) { return a.block_ == b.block_; }

 private:
  detail::StorageBlock* block_ = nullptr;
};

}  // namespace rill
