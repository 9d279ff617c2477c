#include <rill/cpu/scratch.h>

#include <rill/tensor/error.h>
#include <rill/tensor/thread_owned.h>
#include <rill/tensor/unnamed.h>

namespace rill::cpu {
namespace {

/// What a thread keeps from launch to launch.
struct KeptScratch {
  ScratchMemory memory;
  std::size_t size = 0;
};

}  // namespace

ScratchMemory allocate_scratch(std::size_t bytes) {
  ScratchMemory memory(
      static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{64}, std::nothrow)));
  if (memory == nullptr)
    throw detail::UnnamedError<OutOfMemoryError>("no memory for the scratch of a kernel");
  return memory;
}

Scratch::Scratch(std::size_t bytes) {
  if (bytes == 0) return;
  KeptScratch* const kept = detail::ThreadOwned<KeptScratch>::get();
  if (kept == nullptr) {
    own_ = allocate_scratch(bytes);
  } else if (kept->size < bytes) {
    *kept = {};  // freed first: never both at once
    *kept = {allocate_scratch(bytes), bytes};
  }
  memory_ = kept != nullptr ? kept->memory.get() : own_.get();
}

}  // namespace rill::cpu
