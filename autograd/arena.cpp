#include <rill/autograd/arena.h>

#include <utility>

#include <rill/tensor/thread_owned.h>

namespace rill::detail {
namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;
constexpr std::size_t kept_chunks = 8;

/// What a thread keeps for its next arenas. Tapes may still be used while it ends.
struct Spare {
  Spare() { chunks.reserve(kept_chunks); }
  std::vector<std::unique_ptr<std::byte[]>> chunks;
};

}  // namespace

void Arena::add_chunk(std::size_t bytes) {
  if (bytes > chunk_bytes) {
    large_.push_back(std::make_unique_for_overwrite<std::byte[]>(bytes));
    free_ = large_.back().get();
    free_bytes_ = bytes;
    return;
  }
  Spare* const spare = ThreadOwned<Spare>::get();
  if (spare == nullptr || spare->chunks.empty()) {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
  } else {
    chunks_.push_back(std::move(spare->chunks.back()));
    spare->chunks.pop_back();
  }
  free_ = chunks_.back().get();
  free_bytes_ = chunk_bytes;
}

void Arena::clear() noexcept {
  // Nothing is kept by a thread that has made no tape, or that ends.
  Spare* const spare = ThreadOwned<Spare>::get_if_made();
  while (spare != nullptr && !chunks_.empty() && spare->chunks.size() < kept_chunks) {
    spare->chunks.push_back(std::move(chunks_.back()));
    chunks_.pop_back();
  }
  chunks_.clear();
  large_.clear();
  free_ = nullptr;
  free_bytes_ = 0;
}

}  // namespace rill::detail
