/// From ids that are never reused to dense numbers: how a tape finds what it knows of a tensor.
/// Invariant: open addressing over a power of two of entries, at most half of them used; ids are
/// not zero.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace rill::detail {

class SlotTable {
 public:
  static constexpr std::uint32_t none = ~0U;

  /// The id's number, or `none`.
  [[nodiscard]] std::uint32_t find(std::uint64_t id) const {
    if (entries_.empty()) return none;
    for (std::size_t at = place(id);; at = (at + 1) & mask()) {
      if (entries_[at].id == id) return entries_[at].slot;
      if (entries_[at].id == 0) return none;
    }
  }

  /// Gives the id a number; replaces the one that it had.
  void put(std::uint64_t id, std::uint32_t slot) {
    if (2 * (used_ + 1) > entries_.size()) grow();
    std::size_t at = place(id);
    while (entries_[at].id != 0 && entries_[at].id != id) at = (at + 1) & mask();
    if (entries_[at].id == 0) ++used_;
    entries_[at] = {id, slot};
  }

  void clear() {
    entries_ = {};
    used_ = 0;
  }

 private:
  struct Entry {
    std::uint64_t id = 0;
    std::uint32_t slot = none;
  };

  [[nodiscard]] std::size_t mask() const { return entries_.size() - 1; }
  // Ids are counted up: multiplying by the golden ratio spreads neighbours evenly, so that there
  // are no long runs.
  [[nodiscard]] std::size_t place(std::uint64_t id) const {
    return static_cast<std::size_t>((id * 0x9e3779b97f4a7c15ULL) >> shift_);
  }

  void grow() {
    std::vector<Entry> old(entries_.empty() ? 64 : 4 * entries_.size());
    old.swap(entries_);
    shift_ = 64 - std::countr_zero(entries_.size());
    for (const Entry& entry : old) {
      if (entry.id == 0) continue;
      std::size_t at = place(entry.id);
      while (entries_[at].id != 0) at = (at + 1) & mask();
      entries_[at] = entry;
    }
  }

  std::vector<Entry> entries_;
  std::size_t used_ = 0;
  int shift_ = 0;  // of the product, to as many bits as there are entries
};

}  // namespace rill::detail
