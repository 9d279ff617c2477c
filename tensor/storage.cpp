#include <rill/tensor/storage.h>

#include <memory>
#include <new>

namespace rill {

Storage Storage::allocate(std::size_t bytes, Device device) {
  // Header and memory are one block: creating a small tensor is two trips to the allocator, not
  // three.
  void* memory = rill::allocate(bytes + sizeof(detail::StorageBlock), device);
  Storage storage;
  storage.block_ = new (memory) detail::StorageBlock;
  storage.block_->device = device;
  storage.block_->bytes = bytes;
  storage.block_->data = static_cast<std::byte*>(memory) + sizeof(detail::StorageBlock);
  return storage;
}

Storage Storage::wrap(void* data, std::size_t bytes, Device device, std::function<void()> release) {
  auto give_back = std::make_unique<std::function<void()>>(std::move(release));
  auto block = std::make_unique<detail::StorageBlock>();
  block->device = device;
  block->foreign = true;
  block->bytes = bytes;
  block->data = static_cast<std::byte*>(data);
  block->release = give_back.release();
  Storage storage;
  storage.block_ = block.release();
  return storage;
}

namespace detail {

void destroy(StorageBlock* block) noexcept {
  if (block->foreign) {
    const std::unique_ptr<StorageBlock> owner(block);
    const std::unique_ptr<std::function<void()>> release(block->release);
    if (*release) (*release)();
    return;
  }
  const std::size_t bytes = block->before + sizeof(StorageBlock) + block->bytes;
  const Device device = block->device;
  std::byte* const start = reinterpret_cast<std::byte*>(block) - block->before;
  block->~StorageBlock();
  rill::deallocate(start, bytes, device);
}

}  // namespace detail
}  // namespace rill
