/// Memory for what is recorded one after the other and let go all at once.
/// Invariant: what was given out does not move; a thread keeps a few chunks for its next arena, so
/// that a short tape asks the system for nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace rill::detail {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { clear(); }

  /// Memory of so many bytes, aligned for pointers.
  std::byte* allocate(std::size_t bytes) {
    bytes = (bytes + alignof(void*) - 1) / alignof(void*) * alignof(void*);
    if (bytes > free_bytes_) add_chunk(bytes);
    std::byte* const block = free_;
    free_ += bytes;
    free_bytes_ -= bytes;
    return block;
  }
  /// A value whose destructor, if it matters, the caller calls.
  template <class T, class... Arguments>
  T* make(Arguments&&... arguments) {
    static_assert(alignof(T) <= alignof(void*));
    return new (allocate(sizeof(T))) T{std::forward<Arguments>(arguments)...};
  }

  void clear() noexcept;

 private:
  using Chunk = std::unique_ptr<std::byte[]>;
  void add_chunk(std::size_t bytes);

  std::vector<Chunk> chunks_;  // of `chunk_bytes`
  std::vector<Chunk> large_;   // of what did not fit into one
  std::byte* free_ = nullptr;
  std::size_t free_bytes_ = 0;
};

}  // namespace rill::detail
