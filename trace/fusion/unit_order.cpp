#include <rill/trace/fusion/unit_order.h>

#include <numeric>
#include <utility>

namespace rill {
namespace {

constexpr int most_moved = 1 << 14;  // beyond, units that lie far apart stay apart

}  // namespace

UnitOrder::UnitOrder(int nodes, Followers followers)
    : followers_(std::move(followers)),
      order_(static_cast<std::size_t>(nodes)),
      position_(static_cast<std::size_t>(nodes)),
      seen_(static_cast<std::size_t>(nodes)) {
  std::iota(order_.begin(), order_.end(), 0);
  std::iota(position_.begin(), position_.end(), 0);
}

bool UnitOrder::join(int node, int unit) {
  const int begin = position(node);
  const int end = position(unit);
  ++search_;
  bool leads_there = false;
  bool any_between = false;
  std::vector<int> open;
  const auto follow = [&](int next) {
    if (next == unit || next == node || position(next) > end) return;
    int& seen = seen_[static_cast<std::size_t>(next)];
    if (seen == search_) return;
    seen = search_;
    any_between = true;
    open.push_back(next);
  };
  followers_(node, follow);
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    followers_(at, [&](int next) {
      leads_there = leads_there || next == unit;
      follow(next);
    });
    if (leads_there) return false;
  }
  if (any_between) {
    // What follows the node moves behind the unit.
    if (end - begin > most_moved) return false;
    std::vector<int> before;
    std::vector<int> after;
    for (int at = begin + 1; at < end; ++at) {
      const int other = order_[static_cast<std::size_t>(at)];
      if (other < 0) continue;
      (seen_[static_cast<std::size_t>(other)] == search_ ? after : before).push_back(other);
    }
    int at = begin;
    const auto put = [&](int other) {
      order_[static_cast<std::size_t>(at)] = other;
      if (other >= 0) position_[static_cast<std::size_t>(other)] = at;
      ++at;
    };
    for (const int other : before) put(other);
    put(unit);
    for (const int other : after) put(other);
    while (at <= end) put(-1);
  } else {
    order_[static_cast<std::size_t>(begin)] = -1;
  }
  return true;
}

}  // namespace rill
