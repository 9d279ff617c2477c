// Keeps oneDNN and OpenBLAS on the calling thread.
//
// Both libraries ask OpenMP how many threads the calling thread may use; that number belongs to
// the thread alone, so setting it to one around a call makes the call single-threaded and disturbs
// nobody.
//
// Invariant: a guard restores the number that it found.
#pragma once

namespace rill::cpu {

/// Makes OpenMP libraries called from this thread compute on it alone, for a scope. Costs a few
/// nanoseconds.
///
///     const SerialOpenMP serial;
///     dnnl_sgemm(...);
class SerialOpenMP {
 public:
  SerialOpenMP();
  ~SerialOpenMP();
  SerialOpenMP(const SerialOpenMP&) = delete;
  SerialOpenMP& operator=(const SerialOpenMP&) = delete;

 private:
  int found_ = 1;
};

}  // namespace rill::cpu
