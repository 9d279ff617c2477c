/// `Sizes`: the sizes that a kernel of a trace works with. Known ones are constants of its program;
/// every unknown expression is one number of the launch, worked out before it.
/// Invariant: equal sizes are equal expressions of the program.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include <rill/kernel/builder.h>
#include <rill/tensor/dim.h>

namespace rill {

class Sizes {
 public:
  explicit Sizes(kernel::Builder& builder) : builder_(builder) {}

  kernel::Value value(Dim size);
  /// The size that an expression is, if it is one.
  [[nodiscard]] std::optional<Dim> dim(kernel::Id expr) const;
  /// What the launch passes, by number.
  [[nodiscard]] const std::vector<Dim>& passed() const { return passed_; }

 private:
  kernel::Builder& builder_;
  std::vector<Dim> passed_;
  std::unordered_map<std::int64_t, kernel::Value> known_;  // by the bits of the unknown size
};

/// The size that an expression of a program comes to; `passed` are the launch's sizes by number.
std::optional<Dim> size_of_expression(const kernel::Program& program, std::span<const Dim> passed,
                                      kernel::Id expr);

}  // namespace rill
