// Runs object files that the emitter made, without LLVM and without the system's linker.
//
// Such an object has code and constants, and refers to nothing but itself (and to `fma` of the C
// library where the processor has no such instruction). Invariant: bytes from a cache are not
// trusted; whatever they hold, loading either gives code whose every reference lies inside its own
// memory, or throws. Memory is never writable and executable at once.
#pragma once

#include <cstddef>
#include <span>

#include <rill/kernel/program.h>

namespace rill::cpu {

/// Code in memory, unmapped when it goes.
class LoadedObject {
 public:
  /// Throws `FormatError` if the bytes are no such object, `OutOfMemoryError` if there is no memory
  /// for it.
  explicit LoadedObject(std::span<const std::byte> elf);
  LoadedObject(LoadedObject&& other) noexcept;
  LoadedObject& operator=(LoadedObject&& other) noexcept;
  ~LoadedObject();

  /// The functions of these names; null where there is none.
  [[nodiscard]] kernel::KernelFunction run() const { return run_; }
  [[nodiscard]] kernel::KernelFunction finish() const { return finish_; }

 private:
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  kernel::KernelFunction run_ = nullptr;
  kernel::KernelFunction finish_ = nullptr;
};

}  // namespace rill::cpu
