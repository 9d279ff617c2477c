/// Sizes that a user's function has compared and found different while they were not known. While
/// the function is captured somebody collects them: where two of them are equal after all, the
/// function may be another one, and is captured for itself.
/// Invariant: what rill's own operators compare is not among them; those say which sizes they need
/// (`equal_sizes`), and are run again for the sizes of a call.
#pragma once

#include <utility>
#include <vector>

#include <rill/tensor/dim.h>
#include <rill/tensor/export.h>

namespace rill {

/// Collects on the calling thread while it lives, into what it is given: of `x.dim(0) == 1`, false
/// of an unknown size `n`, the pair (n, 1). The innermost one collects.
class RILL_API DifferentSizes {
 public:
  using Pair = std::pair<Dim, Dim>;

  explicit DifferentSizes(std::vector<Pair>& pairs);
  DifferentSizes(const DifferentSizes&) = delete;
  DifferentSizes& operator=(const DifferentSizes&) = delete;
  ~DifferentSizes();

  /// For `==` of sizes. Throws `UnknownSizeError` instead of collecting more than a thousand pairs,
  /// as of a loop up to a size.
  static void collect(Dim a, Dim b);

  /// While it lives, what this thread compares is rill's own, as it is while a function of rill's
  /// is open (`UserCall`).
  class RILL_API Pause {
   public:
    Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause();

   private:
    DifferentSizes* paused_;
  };

 private:
  std::vector<Pair>& pairs_;
  DifferentSizes* outer_;
};

}  // namespace rill
