// The interpreter's memory: buffers, rows, and every access to them, checked.
#include <algorithm>
#include <cstring>
#include <utility>

#include <rill/kernel/arithmetic.h>
#include <rill/kernel/interpreter_run.h>
#include <rill/tensor/error.h>

namespace rill::kernel {
namespace {

/// Rows are kept for as many points as fit into this.
constexpr std::size_t rows_bytes = std::size_t{16} << 20U;

}  // namespace

void Interpreter::Run::bind_buffers() {
  std::size_t given = 0;
  std::size_t bytes_per_point = 0;
  for (const Buffer& buffer : program_.buffers) {
    Memory memory;
    for (const Id id : program_.list(buffer.extents)) memory.extents.push_back(uniform_value(id));
    for (const Id id : program_.list(buffer.strides)) memory.strides.push_back(uniform_value(id));
    if (buffer.space == Buffer::Space::row) {
      std::int64_t count = 1;
      for (std::size_t i = memory.extents.size(); i-- > 0;) {
        memory.strides[i] = count;
        count = product_of_extents(count, std::max<std::int64_t>(0, memory.extents[i]));
      }
      // Each row begins aligned for any element.
      const std::int64_t words =
          (product_of_extents(count, static_cast<std::int64_t>(size_of(buffer.type))) - 1) / 8 + 1;
      memory.per_point = static_cast<std::size_t>(product_of_extents(words, 8));
      if (__builtin_add_overflow(bytes_per_point, memory.per_point, &bytes_per_point)) {
        throw InternalError("kernel: the rows of a launch overflow");
      }
    } else {
      memory.first = arguments_.buffers[given++];
    }
    memories_.push_back(std::move(memory));
  }
  if (bytes_per_point == 0) return;
  points_at_once_ =
      std::min(points_at_once_, std::max<std::size_t>(rows_bytes / bytes_per_point, 1));
  rows_.resize(points_at_once_ * bytes_per_point);
  std::size_t used = 0;
  for (std::size_t i = 0; i < memories_.size(); ++i) {
    if (program_.buffers[i].space != Buffer::Space::row) continue;
    memories_[i].first = rows_.data() + used;
    used += points_at_once_ * memories_[i].per_point;
  }
}

void Interpreter::Run::find(const Access& access, std::size_t count, Places& places) {
  const Memory& memory = memories_[access.buffer];
  std::array<bool, block_points> touched;
  if (access.guard == none)
    std::fill_n(touched.begin(), count, true);
  else
    std::memcpy(touched.data(), arrays_[access.guard], count);
  std::fill_n(places.offsets.begin(), count, 0);
  const auto index = program_.list(access.index);
  for (std::size_t d = 0; d < index.size(); ++d) {
    const auto* at = reinterpret_cast<const std::int64_t*>(arrays_[index[d]]);
    const auto extent = static_cast<std::uint64_t>(std::max<std::int64_t>(0, memory.extents[d]));
    const auto stride = static_cast<std::uint64_t>(memory.strides[d]);
    bool all_inside = true;
    for (std::size_t i = 0; i < count; ++i) {
      const auto index_here = static_cast<std::uint64_t>(at[i]);  // a negative one is far outside
      all_inside = all_inside && index_here < extent;
      places.offsets[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(places.offsets[i]) +
                                                    index_here * stride);
    }
    for (std::size_t i = 0; i < count && !all_inside; ++i) {
      if (!touched[i] || static_cast<std::uint64_t>(at[i]) < extent) continue;
      touched[i] = false;
      fail(i, Failure::bounds);
    }
  }
  const auto width = static_cast<std::int64_t>(size_of(program_.buffers[access.buffer].type));
  for (std::size_t i = 0; i < count; ++i) {
    places.at[i] = touched[i]
                       ? memory.first + points_[i] * memory.per_point + places.offsets[i] * width
                       : nullptr;
  }
}

void Interpreter::Run::load(Id id, const Access& access, std::size_t count) {
  find(access, count, places_);
  with_word(tapes_.width(id), [&](auto word) {
    constexpr decltype(word) nothing = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const void* from = &nothing;
      if (places_.at[i] != nullptr)
        from = places_.at[i];
      else if (access.guard != none && arrays_[access.guard][i] == std::byte{0}) {
        from = arrays_[access.otherwise] + i * sizeof word;
      }
      std::memcpy(arrays_[id] + i * sizeof word, from, sizeof word);
    }
  });
  if (program_.exprs[id].type != bool_) return;
  for (std::size_t i = 0; i < count; ++i)
    arrays_[id][i] = std::byte{arrays_[id][i] != std::byte{0}};
}

void Interpreter::Run::store(const Store& store, const Places& places, std::size_t first,
                             std::size_t last) {
  const DType type = program_.exprs[store.value].type;
  const Operation join = combination(store.mode, type);
  with_word(size_of(type), [&](auto word) {
    for (std::size_t i = first; i < last; ++i) {
      if (places.at[i] == nullptr) continue;
      auto value = word;
      std::memcpy(&value, arrays_[store.value] + i * sizeof word, sizeof word);
      if (join != nullptr) {
        auto stored = word;
        std::memcpy(&stored, places.at[i], sizeof word);
        const std::array args = {reinterpret_cast<const std::byte*>(&stored),
                                 reinterpret_cast<const std::byte*>(&value)};
        auto joined = word;
        join(reinterpret_cast<std::byte*>(&joined), args.data(), 1);
        value = joined;
      }
      std::memcpy(places.at[i], &value, sizeof word);
    }
  });
}

void Interpreter::Run::write(const Stage& stage, bool in_order, std::size_t count) {
  const auto stores = program_.list(stage.stores);
  if (store_places_.size() < stores.size()) store_places_.resize(stores.size());
  for (std::size_t s = 0; s < stores.size(); ++s)
    find(program_.stores[stores[s]].to, count, store_places_[s]);
  const std::size_t step = in_order && stores.size() > 1 ? 1 : count;
  for (std::size_t i = 0; i < count; i += step) {
    for (std::size_t s = 0; s < stores.size(); ++s)
      store(program_.stores[stores[s]], store_places_[s], i, i + step);
  }
}

}  // namespace rill::kernel
