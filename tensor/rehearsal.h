/// `Rehearsal`: a thread does what a function says without changing anything, to learn what the
/// function is: variables take values that only the rehearsal sees, generators stay where they are,
/// checks do not look. Invariant: when it ends, the world is as it was.
#pragma once

#include <cstdint>
#include <unordered_map>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Holds for the calling thread while it lives. The tensors in a rehearsal are abstract: they have
/// a dtype and a shape, and no values.
class RILL_API Rehearsal {
 public:
  Rehearsal();
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;
  ~Rehearsal();

  /// The innermost one of this thread; null outside.
  static Rehearsal* current();

  /// What a variable holds in the rehearsal, by its id; undefined until it is read or assigned.
  Tensor& value_of(std::uint64_t variable) { return values_[variable]; }

 private:
  std::unordered_map<std::uint64_t, Tensor> values_;
  Rehearsal* outer_;
};

}  // namespace rill
