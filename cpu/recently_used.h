// What was used last, by its key: how caches in memory stay bounded.
//
// Invariant: holds at most as many values as it was made for; when one more comes, the one that has
// not been used for longest goes. Not safe for several threads: who shares it locks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

namespace rill::cpu {

using DigestKey = std::array<std::uint64_t, 2>;

/// A digest is a hash already.
struct DigestHash {
  std::size_t operator()(const DigestKey& key) const { return key[0]; }
};

template <class Value, class Key = DigestKey, class Hash = DigestHash>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(std::size_t capacity) : capacity_(capacity) {}

  /// The value of a key, which counts as used now; null when there is none.
  Value* find(const Key& key) {
    const auto found = places_.find(key);
    if (found == places_.end()) return nullptr;
    values_.splice(values_.begin(), values_, found->second);
    return &found->second->second;
  }

  /// Keeps a value under a key that has none.
  Value& keep(const Key& key, Value value) {
    values_.emplace_front(key, std::move(value));
    places_.emplace(key, values_.begin());
    if (values_.size() > capacity_) {
      places_.erase(values_.back().first);
      values_.pop_back();
    }
    return values_.front().second;
  }

 private:
  using Values = std::list<std::pair<Key, Value>>;  // the last used first

  std::size_t capacity_;
  Values values_;
  std::unordered_map<Key, typename Values::iterator, Hash> places_;
};

}  // namespace rill::cpu
