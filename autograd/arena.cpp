#include <rill/autograd/arena.h>

namespace rill::detail {
namespace {

constexpr std::size_t chunk_bytes = 32 * 1024;
constexpr std::size_t kept_chunks = 8;

std::vector<std::unique_ptr<std::byte[]>>& spare_chunks() {
  thread_local std::vector<std::unique_ptr<std::byte[]>> spare;
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
  auto& spare = spare_chunks();
  if (spare.empty()) {
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk_bytes));
  } else {
    chunks_.push_back(std::move(spare.back()));
    spare.pop_back();
  }
  free_ = chunks_.back().get();
  free_bytes_ = chunk_bytes;
}

void Arena::clear() noexcept {
  auto& spare = spare_chunks();
  spare.reserve(kept_chunks);
  while (!chunks_.empty() && spare.size() < kept_chunks) {
    spare.push_back(std::move(chunks_.back()));
    chunks_.pop_back();
  }
  chunks_.clear();
  large_.clear();
  free_ = nullptr;
  free_bytes_ = 0;
}

}  // namespace rill::detail
