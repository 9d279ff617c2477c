#include <rill/tensor/equal_sizes.h>

#include <algorithm>
#include <utility>

namespace rill {
namespace {

thread_local EqualSizes* collector = nullptr;

}  // namespace

EqualSizes::EqualSizes() : outer_(std::exchange(collector, this)) {}
EqualSizes::~EqualSizes() { collector = outer_; }

void EqualSizes::are_for(std::string_view operation, Where where) {
  for (; said_ < pairs_.size(); ++said_) {
    pairs_[said_].operation = operation;
    pairs_[said_].where = where.kept();
  }
}

bool EqualSizes::collect(const EqualPair& pair) {
  if (identical(pair.a, pair.b)) return true;
  if (collector == nullptr || (pair.a.known() && pair.b.known())) return false;
  auto& pairs = collector->pairs_;
  const auto same = [&](const EqualPair& other) {
    return identical(other.a, pair.a) && identical(other.b, pair.b);
  };
  if (std::none_of(pairs.begin(), pairs.end(), same)) pairs.push_back(pair);
  return true;
}

bool equal_sizes(Dim a, Dim b) { return EqualSizes::collect({.a = a, .b = b}); }

bool equal_sizes(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank()) return false;
  for (int d = 0; d < a.rank(); ++d) {
    if (!equal_sizes(a[d], b[d])) return false;
  }
  return true;
}

bool broadcast_sizes(Dim a, Dim b) {
  return EqualSizes::collect({.a = a, .b = b, .stretches = true});
}

bool is_multiple(Dim size, Dim divisor) {
  return EqualSizes::collect({.a = size, .b = size / divisor * divisor, .divisor = divisor});
}

}  // namespace rill
