// Runs object files that the emitter made, without LLVM and without the system's linker.
//
// Such an object has code and constants, and refers to nothing but itself (and to `fma` of the C
// library where the processor has no such instruction). Invariant: whatever the bytes hold, loading
// reads and writes nothing outside of them and its own memory, and either gives code whose
// relocations all point into that memory (but for the few bytes between a relocation and the end of
// its instruction, which no relocation tells) or throws. What the instructions themselves do is not
// checked: a folder that others may write to is not read (cpu/code_folder.h). Memory is never
// writable and executable at once.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>

#include <rill/kernel/program.h>

namespace rill::cpu {

/// The system lets no memory of this process become executable: SELinux, PR_SET_MDWE and the like.
class NotExecutable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Tries it on a page: empty where memory may become executable, else the system's reason.
std::string executable_memory_trouble();

/// Code in memory, unmapped when it goes.
class LoadedObject {
 public:
  /// Throws `FormatError` if the bytes are no such object, `OutOfMemoryError` if there is no memory
  /// for it, `NotExecutable` if it may not run.
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
