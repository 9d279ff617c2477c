/// Sizes that an operation needs to be equal and that are not both known. While a function is
/// captured somebody collects them, to check them where it is called.
/// Invariant: what is collected holds wherever the function may be run.
#pragma once

#include <utility>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/tensor/export.h>
#include <rill/tensor/shape.h>

namespace rill {

/// True when the sizes are the same; also when only a call can tell and somebody collects.
RILL_API bool equal_sizes(Dim a, Dim b);
/// The same for all axes of two shapes of one rank.
RILL_API bool equal_sizes(const Shape& a, const Shape& b);

/// Collects on the calling thread while it lives. The innermost one collects.
class RILL_API EqualSizes {
 public:
  EqualSizes();
  EqualSizes(const EqualSizes&) = delete;
  EqualSizes& operator=(const EqualSizes&) = delete;
  ~EqualSizes();

  [[nodiscard]] const std::vector<std::pair<Dim, Dim>>& pairs() const { return pairs_; }

 private:
  friend bool equal_sizes(Dim a, Dim b);
  std::vector<std::pair<Dim, Dim>> pairs_;
  EqualSizes* outer_;
};

}  // namespace rill
