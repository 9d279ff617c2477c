#include <rill/cpu/system_memory.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>

#include <rill/cpu/poison.h>
#include <rill/cpu/size_class.h>

namespace rill::cpu {
namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20U;
constexpr std::size_t page = 4096;

std::size_t whole_pages(std::size_t bytes) { return (bytes + page - 1) & ~(page - 1); }

void* map(std::size_t bytes) noexcept {
  // A mapping begins at any page, so one huge page more is taken and what sticks out is returned.
  const std::size_t taken = bytes + huge_page;
  void* const mapped =
      mmap(nullptr, taken, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  const auto begin = reinterpret_cast<std::uintptr_t>(mapped);
  const std::uintptr_t aligned = (begin + huge_page - 1) & ~(huge_page - 1);
  const std::size_t before = aligned - begin;
  if (before != 0) munmap(mapped, before);
  void* const block = reinterpret_cast<void*>(aligned);
  if (const std::size_t after = taken - before - bytes; after != 0) {
    munmap(static_cast<std::byte*>(block) + bytes, after);
  }
  madvise(block, bytes,
          MADV_HUGEPAGE);  // only advice: without huge pages the block is as good, only slower
  return block;
}

}  // namespace

void* system_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  if (bytes >= large_block) return map(whole_pages(bytes));
  return std::aligned_alloc(alignment, (bytes + alignment - 1) & ~(alignment - 1));
}

void system_deallocate(void* block, std::size_t bytes) noexcept {
  allow_access(block, bytes);
  if (bytes >= large_block) {
    munmap(block, whole_pages(bytes));
  } else {
    std::free(block);
  }
}

std::size_t machine_memory() {
  const auto pages = static_cast<std::size_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L));
  const std::size_t physical = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::ifstream file("/sys/fs/cgroup/memory.max");
  std::size_t container = 0;
  if (file >> container && container != 0)
    return std::min(physical, container);  // "max" is no number
  return physical;
}

}  // namespace rill::cpu
