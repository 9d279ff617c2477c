// Memory that one call of generated code works in. A thread keeps what it had for the next call.
// Invariant: aligned to 64 bytes; what it held before may be anything.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace rill::cpu {

struct FreeAligned {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t{64}); }
};
using ScratchMemory = std::unique_ptr<std::byte[], FreeAligned>;  // NOLINT: bytes, not elements

/// Throws `OutOfMemoryError`.
ScratchMemory allocate_scratch(std::size_t bytes);

/// What one call of a kernel needs: the thread's, or at the thread's end its own. Null for no
/// bytes. Throws `OutOfMemoryError`.
class Scratch {
 public:
  explicit Scratch(std::size_t bytes);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() = default;
  [[nodiscard]] std::byte* data() const { return memory_; }

 private:
  ScratchMemory own_;
  std::byte* memory_ = nullptr;
};

}  // namespace rill::cpu
