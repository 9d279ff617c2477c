#include <rill/autograd/arena.h>

#include <utility>

namespace rill::detail {
namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;
constexpr std::size_t kept_chunks = 8;

using Chunks = std::vector<std::unique_ptr<std::byte[]>>;

// Plain words, as tapes may still be used while a thread's objects are destroyed.
constinit thread_local Chunks* spare = nullptr;
constinit thread_local bool over = false;

struct Owner {
  ~Owner() {
    over = true;
    delete std::exchange(spare, nullptr);
  }
};

/// What the calling thread keeps; null once it ends.
Chunks* spare_chunks() {
  if (spare != nullptr || over) return spare;
  thread_local const Owner owner;
  (void)&owner;  // made by being named
  spare = new Chunks;
  spare->reserve(kept_chunks);
  return spare;
}

}  // namespace

void Arena::add_chunk(std::size_t bytes) {
  if (bytes > chunk_bytes) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    free_ = large_.back().get();
    free_bytes_ = bytes;
    return;
  }
  Chunks* const kept = spare_chunks();
  if (kept == nullptr || kept->empty()) {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
  } else {
    chunks_.push_back(std::move(kept->back()));
    kept->pop_back();
  }
  free_ = chunks_.back().get();
  free_bytes_ = chunk_bytes;
}

void Arena::clear() noexcept {
  // Nothing is kept by a thread that has made no tape, or that ends.
  while (spare != nullptr && !chunks_.empty() && spare->size() < kept_chunks) {
    spare->push_back(std::move(chunks_.back()));
    chunks_.pop_back();
  }
  chunks_.clear();
  large_.clear();
  free_ = nullptr;
  free_bytes_ = 0;
}

}  // namespace rill::detail
