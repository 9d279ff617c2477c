// The floating-point environment that rill computes in: round to nearest, denormals kept, no
// traps.
//
// A host program may have set another rounding mode, or flush-to-zero; results must not depend on
// that, and it must find its settings as it left them.
//
// Invariant: between construction and destruction of a guard the thread computes in the default
// environment.
#pragma once

#if defined(__SSE2__)
#include <xmmintrin.h>

#else
#include <cfenv>
#endif

namespace rill::detail {

/// Sets the default floating-point environment for a scope. Costs about a nanosecond when it is set
/// already: declared at the beginning of what computes.
class FloatingPointGuard {
 public:
#if defined(__SSE2__)
  FloatingPointGuard() : found_(_mm_getcsr()) {
    if ((found_ & controls) != default_state) _mm_setcsr(default_state);
  }
  ~FloatingPointGuard() {
    if ((found_ & controls) != default_state) _mm_setcsr(found_);
  }
#else
  FloatingPointGuard() { std::feholdexcept(&found_), std::fesetenv(FE_DFL_ENV); }
  ~FloatingPointGuard() { std::fesetenv(&found_); }
#endif
  FloatingPointGuard(const FloatingPointGuard&) = delete;
  FloatingPointGuard& operator=(const FloatingPointGuard&) = delete;

 private:
#if defined(__SSE2__)
  static constexpr unsigned default_state =
      0x1f80;                                   // all exceptions masked, nearest, no flush-to-zero
  static constexpr unsigned controls = 0xffc0;  // everything but the sticky exception flags
  unsigned found_;
#else
  std::fenv_t found_;
#endif
};

/// Sets the default floating-point environment for good: what a thread of rill's own does when it
/// starts, as a new thread inherits the state of the one that made it.
inline void set_default_float_environment() {
#if defined(__SSE2__)
  _mm_setcsr(0x1f80);
#else
  std::fesetenv(FE_DFL_ENV);
#endif
}

}  // namespace rill::detail
