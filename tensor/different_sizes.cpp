#include <rill/tensor/different_sizes.h>

#include <algorithm>
#include <cstddef>

#include <rill/tensor/unknown_size.h>
#include <rill/tensor/user_call.h>

namespace rill {
namespace {

constexpr std::size_t most_pairs = 1000;

thread_local DifferentSizes* collector = nullptr;

}  // namespace

DifferentSizes::DifferentSizes(std::vector<Pair>& pairs)
    : pairs_(pairs), outer_(std::exchange(collector, this)) {}
DifferentSizes::~DifferentSizes() { collector = outer_; }

DifferentSizes::Pause::Pause() : paused_(std::exchange(collector, nullptr)) {}
DifferentSizes::Pause::~Pause() { collector = paused_; }

void DifferentSizes::collect(Dim a, Dim b) {
  if (collector == nullptr || detail::UserCall::open()) return;
  auto& pairs = collector->pairs_;
  const auto same = [&](const Pair& other) {
    return (identical(other.first, a) && identical(other.second, b)) ||
           (identical(other.first, b) && identical(other.second, a));
  };
  if (std::any_of(pairs.begin(), pairs.end(), same)) return;
  if (pairs.size() == most_pairs) throw detail::UnknownSizeError(a.known() ? b : a);
  pairs.emplace_back(a, b);
}

void detail::found_different(Dim a, Dim b) { DifferentSizes::collect(a, b); }

}  // namespace rill
