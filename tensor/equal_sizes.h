/// Sizes that an operation needs to be equal and that are not both known. While a function is
/// captured somebody collects them, to check them where it is called.
/// Invariant: what is collected holds wherever the function may be run.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/tensor/export.h>
#include <rill/tensor/shape.h>
#include <rill/tensor/where.h>

namespace rill {

/// Two sizes, and who needs them to be equal.
struct EqualPair {
  Dim a;
  Dim b;
  /// Why they must be: else one might stretch to the other, or `a` is no multiple of `divisor`.
  bool stretches = false;
  Dim divisor = 1;
  std::string operation = {};  ///< what the user called; empty where nobody said
  Where where = {};            ///< and the line, unless it comes from a file
};

/// True when the sizes are the same; also when only a call can tell and somebody collects.
RILL_API bool equal_sizes(Dim a, Dim b);
/// The same for all axes of two shapes of one rank.
RILL_API bool equal_sizes(const Shape& a, const Shape& b);
/// The same for sizes of which a 1 would stretch to the other: while they are unknown, none does.
RILL_API bool broadcast_sizes(Dim a, Dim b);
/// True when a size is a multiple of another one, which is not 0; also when only a call can tell
/// and somebody collects.
RILL_API bool is_multiple(Dim size, Dim divisor);

/// Collects on the calling thread while it lives. The innermost one collects.
class RILL_API EqualSizes {
 public:
  EqualSizes();
  EqualSizes(const EqualSizes&) = delete;
  EqualSizes& operator=(const EqualSizes&) = delete;
  ~EqualSizes();

  [[nodiscard]] const std::vector<EqualPair>& pairs() const { return pairs_; }
  /// Says who needs what has been collected since this was last said.
  void are_for(std::string_view operation, Where where);

  /// For those above.
  static bool collect(const EqualPair& pair);

 private:
  std::vector<EqualPair> pairs_;
  std::size_t said_ = 0;  // of how many it is known who needs them
  EqualSizes* outer_;
};

}  // namespace rill
