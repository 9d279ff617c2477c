/// `Linear`: a position in memory as a sum of multiples, so that stepping along axes is told from
/// everything else, and what dividing and multiplying back leaves is gone.
/// Invariant: equals the expression that it was made from, for all positions inside the axes.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>
#include <utility>

#include <rill/kernel/builder.h>
#include <rill/tensor/dim.h>
#include <rill/trace/fusion/sizes.h>

namespace rill {

struct Linear {
  std::map<kernel::Id, Dim> terms;  ///< how often each expression counts; none 0 times
  Dim constant = 0;

  void add(kernel::Id of, Dim times);
  void add(const Linear& other, Dim times = 1);
  [[nodiscard]] bool is_constant() const { return terms.empty(); }
};

/// Takes int64 expressions of a program under construction apart, and puts them together.
///
///     // i over 4, j over 7:
///     ((i * 7 + j) / 7) * 7 + (i * 7 + j) % 7      // 7 i + j
class Positions {
 public:
  Positions(kernel::Builder& builder, Sizes& sizes) : builder_(builder), sizes_(sizes) {}

  const Linear& linear(const kernel::Value& position);
  kernel::Value value(const Linear& linear);
  /// The same position, as simple as its sum is.
  kernel::Value simplified(const kernel::Value& position) { return value(linear(position)); }

 private:
  struct Bounds {
    Dim low, high;
  };
  Linear taken_apart(kernel::Id id);
  /// Rounded towards minus infinity.
  Linear quotient(const Linear& a, Dim divisor);
  /// What a sum lies between, where its axes' extents and its factors tell.
  std::optional<Bounds> bounds(const Linear& a);
  std::optional<Bounds> bounds(kernel::Id of);
  bool lies_below(const Linear& a, Dim end);
  kernel::Value expression(kernel::Id id) { return {builder_, id}; }

  kernel::Builder& builder_;
  Sizes& sizes_;
  std::unordered_map<kernel::Id, Linear> known_;
};

}  // namespace rill
