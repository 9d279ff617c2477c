#include <rill/cpu/argsort.h>

#include <hwy/contrib/sort/vqsort.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include <rill/cpu/thread_pool.h>
#include <rill/tensor/error.h>

namespace rill::cpu {
namespace {

/// An unsigned number that orders as the element does: NaN above all, the two zeros equal.
template <class T>
auto ordered(T element, bool descending) {
  if constexpr (std::is_same_v<T, bool>) {
    return ordered(static_cast<std::uint8_t>(element), descending);
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return ordered(static_cast<float>(element), descending);
  } else if constexpr (std::is_floating_point_v<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    constexpr Bits top = Bits{1} << (sizeof(T) * 8 - 1);
    if (std::isnan(element)) return std::numeric_limits<Bits>::max();
    const Bits bits = std::bit_cast<Bits>(element == 0 ? T{0} : element);
    const Bits key = (bits & top) != 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | top);
    return descending ? static_cast<Bits>(~key) : key;
  } else {
    using Bits = std::make_unsigned_t<T>;
    const Bits top =
        std::is_signed_v<T> ? static_cast<Bits>(Bits{1} << (sizeof(T) * 8 - 1)) : Bits{0};
    const Bits key = static_cast<Bits>(static_cast<Bits>(element) ^ top);
    return descending ? static_cast<Bits>(~key) : key;
  }
}

/// Key above, position below: all entries differ, so any sort of them is stable.
template <class T>
void sort_row(const T* row, std::int64_t columns, bool descending, std::byte* scratch,
              std::int64_t* positions) {
  using Key = decltype(ordered(T{}, false));
  if (sizeof(Key) <= 4 && columns <= std::numeric_limits<std::uint32_t>::max()) {
    auto* entries = reinterpret_cast<std::uint64_t*>(scratch);
    for (std::int64_t i = 0; i < columns; ++i) {
      entries[i] =
          std::uint64_t{ordered(row[i], descending)} << 32U | static_cast<std::uint64_t>(i);
    }
    hwy::Sorter()(entries, static_cast<std::size_t>(columns), hwy::SortAscending());
    for (std::int64_t i = 0; i < columns; ++i)
      positions[i] = static_cast<std::int64_t>(entries[i] & 0xffffffffU);
    return;
  }
  auto* entries = reinterpret_cast<hwy::uint128_t*>(scratch);
  for (std::int64_t i = 0; i < columns; ++i) {
    entries[i] = {.lo = static_cast<std::uint64_t>(i), .hi = ordered(row[i], descending)};
  }
  hwy::Sorter()(entries, static_cast<std::size_t>(columns), hwy::SortAscending());
  for (std::int64_t i = 0; i < columns; ++i)
    positions[i] = static_cast<std::int64_t>(entries[i].lo);
}

class ArgsortPlan final : public kernel::Plan {
 public:
  explicit ArgsortPlan(const kernel::ArgsortShape& shape) : shape_(shape), slots_(threads()) {}

  [[nodiscard]] std::size_t workspace() const override {
    return row_bytes() * static_cast<std::size_t>(slots_);
  }

  void execute(std::span<const std::byte* const> inputs, std::span<std::byte* const> outputs,
               std::byte* workspace) const override {
    const std::int64_t columns = shape_.columns;
    if (columns == 0) return;
    auto* positions = reinterpret_cast<std::int64_t*>(outputs[0]);
    const std::int64_t grain = 256 / columns + 1;
    visit(shape_.dtype, [&](auto zero) {
      using T = decltype(zero);
      const auto* elements = reinterpret_cast<const T*>(inputs[0]);
      parallel_for_slots(
          shape_.rows, grain, slots_, [&](int slot, std::int64_t begin, std::int64_t end) {
            std::byte* scratch = workspace + row_bytes() * static_cast<std::size_t>(slot);
            for (std::int64_t row = begin; row < end; ++row) {
              sort_row(elements + row * columns, columns, shape_.descending, scratch,
                       positions + row * columns);
            }
          });
    });
  }

 private:
  [[nodiscard]] std::size_t row_bytes() const {
    return (static_cast<std::size_t>(shape_.columns) * sizeof(hwy::uint128_t) + 63) / 64 * 64;
  }

  kernel::ArgsortShape shape_;
  int slots_;  // of the workspace, whatever the number of threads becomes later
};

}  // namespace

std::unique_ptr<const kernel::Plan> plan_argsort(const kernel::ArgsortShape& shape) {
  return std::make_unique<ArgsortPlan>(shape);
}

}  // namespace rill::cpu
