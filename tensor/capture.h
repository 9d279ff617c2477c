/// `Capture`: a function is being captured on this thread, by what it does.
/// Invariant: what a variable hands out meanwhile has an id that nobody outside has, so that a
/// value taken from it before is told from the variable itself; afterwards both are one.
#pragma once

#include <cstdint>
#include <unordered_map>

#include <rill/tensor/export.h>
#include <rill/tensor/tensor.h>

namespace rill {

/// Holds for the calling thread while it lives.
class RILL_API Capture {
 public:
  Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture();

  /// The innermost one of this thread; null outside.
  static Capture* current();

  /// What a variable hands out that holds `value`: the same values under an id of the capture's.
  Tensor handed_out(const Tensor& value);
  /// A variable holds `value` from now on, which nobody outside has.
  void assigned(const Tensor& value) { handed_out_[value.id()] = value; }

 private:
  std::unordered_map<std::uint64_t, Tensor> handed_out_;  // by the id that the variable's value has
  Capture* outer_;
};

}  // namespace rill
