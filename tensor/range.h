/// `Range`: what can be iterated over. Invariant: nothing but <iterator> is included, since
/// <ranges> would cost every program that includes rill a tenth of a second more to compile.
#pragma once

#include <iterator>
#include <type_traits>
#include <utility>

namespace rill {

template <class R>
concept Range = requires(const R& range) {
  std::begin(range);
  std::end(range);
};

/// What a `Range` gives when it is iterated over.
template <Range R>
using RangeReference = decltype(*std::begin(std::declval<const R&>()));

/// Elements that lie side by side, such as a vector, an array or a span.
template <class R>
concept ContiguousRange = Range<R> && requires(const R& range) {
  std::data(range);
  std::size(range);
};

template <ContiguousRange R>
using ElementOf = std::remove_cvref_t<decltype(*std::data(std::declval<const R&>()))>;

}  // namespace rill
